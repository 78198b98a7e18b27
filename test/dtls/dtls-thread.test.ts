/** Goal: the thread starts warm, serves a media thread's letterbox, tells main what it does, and ends when told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TransportId } from "../../src/base/ids.ts";
import type { DtlsThreadEvent } from "../../src/contract/dtls.ts";
import { fingerprintOf } from "../../src/dtls/client-certificate.ts";
import { type DtlsThread, spawnDtlsThread } from "../../src/dtls/spawn-dtls-thread.ts";
import { Letterbox } from "./letterbox.ts";

const A = "TP_a" as TransportId;

let thread: DtlsThread;
let box: Letterbox;
const events: DtlsThreadEvent[] = [];

beforeAll(async () => {
  thread = await spawnDtlsThread();
  thread.onEvent((event) => events.push(event));
  const { port1, port2 } = new MessageChannel();
  thread.connect(port2);
  box = new Letterbox(port1);
});

afterAll(async () => {
  box.port.close();
  await thread.close();
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a client gets its keys, and the certificate whose fingerprint main was told", async () => {
  box.open(A);
  const client = box.startClient(A);
  await until(() => client.connected);
  const letter = box.about(A)[0];
  expect(letter?.kind).toBe("secure");
  if (letter?.kind !== "secure") return;
  expect(Buffer.from(letter.keys.receive.key)).toEqual(client.extractSessionKeys(16, 12).localKey);
  expect(fingerprintOf(client.remoteCertificate!)).toEqual(thread.fingerprint);
});

test("main hears of handshakes and of the thread's load", async () => {
  await until(() => events.some((event) => event.kind === "load" && event.associations === 1));
  expect(events).toContainEqual({ kind: "handshake", outcome: "ok", seconds: expect.any(Number) });
  const load = events.find((event) => event.kind === "load")!;
  expect(load.cpuUs).toBeGreaterThan(0);
  expect(load.eventLoopDelayMaxUs).toBeGreaterThanOrEqual(load.eventLoopDelayP50Us);
});

test("main hears of its end", async () => {
  const second = await spawnDtlsThread();
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  second.onExit(resolve);
  await second.close();
  expect(await promise).toBeUndefined();
});
