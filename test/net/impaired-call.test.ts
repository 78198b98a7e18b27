/**
 * Goal: what `npm run net` measures is there to be measured: a call in Chromium goes through the relay, suffers from it
 * and gets over it.
 * Method: two of its networks for some seconds. How good a call is under them is told by the whole of it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeFakeCamera } from "../system/support/fake-camera.ts";
import { requireProgram } from "../system/support/programs.ts";
import { callOver, type ImpairedCall } from "./impaired-call.ts";
import { IMPAIRMENTS } from "./impairments.ts";
import { reportTable } from "./report.ts";

/** Setting a call up on a busy machine takes longer than the call. */
const LIMIT_MS = 150_000;

describe.skipIf(!requireProgram("chromium"))("a sealed call in Chromium over a bad network", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "blindfold-net-"));
    await writeFakeCamera(join(folder, "camera.y4m"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function call(name: string, seconds: number): Promise<ImpairedCall> {
    const impairment = IMPAIRMENTS.find((one) => one.name === name)!;
    return callOver({ impairment, codec: "VP8", seconds, cameraFile: join(folder, "camera.y4m") });
  }

  test("losses are asked for again, and the picture moves", { timeout: LIMIT_MS }, async () => {
    const measured = await call("loss 2 %", 6);
    const table = reportTable([measured]);
    expect(measured.nacks, table).toBeGreaterThan(5);
    expect(measured.still, table).toBeLessThan(0.2);
    expect(measured.receivedBps, table).toBeGreaterThan(100_000);
    expect(measured.concealed, table).toBeGreaterThan(0);
  });

  test("after a blackout the picture moves again", { timeout: LIMIT_MS }, async () => {
    const measured = await call("blackout 3 s", 12);
    const table = reportTable([measured]);
    expect(measured.still, table).toBeGreaterThan(0.1);
    expect(measured.recoveryMs, table).not.toBe(null);
  });
});
