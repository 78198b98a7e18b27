/**
 * Goal: whatever strangers send to its ports, the server lives, and a sealed call through it goes on.
 * Method: two people in Chromium see each other while for half a minute hostile datagrams hit the media port, those of
 * a participant among them, and hostile connections the API.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TileReport } from "../../src/http/test-call/tile.ts";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { HostileDatagrams, type IceUser } from "./support/hostile-datagrams.ts";
import { HostileRequests } from "./support/hostile-requests.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

const HOSTILE_MS = 30_000;
const SAMPLE_MS = 200;
/** Two busy cores carry two browsers and the attack: what is asked is that pictures go on, not how evenly. */
const LONGEST_STOP_MS = 5_000;
const SEED = 11;
const ROOM = "besieged";
const OFFER = readFileSync(new URL("../sdp/offers/chromium-publish-single.sdp", import.meta.url), "utf8");

describe.skipIf(!requireProgram("chromium"))("a sealed call under hostile input", () => {
  let server: TestServer;
  let browser: TestBrowser;
  let stopped = false;

  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(), launchChromium()]);
  });

  afterAll(async () => {
    await browser?.close();
    if (!stopped) await server?.stop();
  });

  test("goes on at both ends, and the server outlives it", { timeout: 120_000 }, async () => {
    const ada = await TestCall.join(browser, server, { room: ROOM, name: "ada" });
    const bo = await TestCall.join(browser, server, { room: ROOM, name: "bo" });
    const ends = [
      { call: ada, sees: "bo" },
      { call: bo, sees: "ada" },
    ];
    const before = await Promise.all(ends.map(({ call, sees }) => call.tileWhen("steady", sees, isSteady)));
    const droppedBefore = dropsOf(await server.metrics());

    const user = await openSession(server, await server.token(ROOM, "mallory"));
    // Somebody else: another session of Mallory's would end the one above, and with it the way in for datagrams.
    const token = await server.token(ROOM, "trudy");
    const datagrams = await HostileDatagrams.start(server.mediaPort, user, SEED);
    const requests = HostileRequests.start(server.url, ROOM, token, OFFER, SEED);
    const stops = await Promise.all(ends.map(({ call, sees }) => longestStopMs(call, sees, HOSTILE_MS)));
    // On a busy machine it takes longer until that many have been sent.
    while (datagrams.sent <= 20_000 || requests.rawSent <= 30) await delay(SAMPLE_MS);
    datagrams.stop();
    await requests.stop();

    const after = await Promise.all(ends.map(({ call, sees }) => call.tile(sees)));
    for (const [i, { sees }] of ends.entries()) {
      expect(stops[i], sees).toBeLessThan(LONGEST_STOP_MS);
      expect(after[i]!.framesDecoded - before[i]!.framesDecoded, sees).toBeGreaterThan(150);
      expect(after[i]!.framesDecryptFailed, sees).toBe(0);
    }

    expect(datagrams.sent).toBeGreaterThan(20_000);
    expect(requests.rawSent).toBeGreaterThan(30);
    expect(requests.statuses.length).toBeGreaterThan(50);
    expect(requests.statuses.filter((status) => status >= 500)).toEqual([]);
    const dropped = dropsOf(await server.metrics());
    for (const reason of [
      "empty",
      "unknown_class",
      "unknown_path",
      "not_secure",
      "malformed_stun",
      "stun_unknown_user",
      "stun_bad_integrity",
      "stun_rate_limited",
    ]) {
      const series = `blindfold_dropped_packets_total{direction="up",reason="${reason}"}`;
      expect(dropped.get(series), reason).toBeGreaterThan(droppedBefore.get(series)!);
    }
    // Through the door that ICE keeps, as far as the handshake.
    expect((await server.metrics()).get("blindfold_dtls_received_packets_total")).toBeGreaterThan(500);

    await Promise.all([ada.leave(), bo.leave()]);
    stopped = true;
    await server.stop();
    expect(server.logs.split("\n").filter(isAlarm)).toEqual([]);
  });
});

const isSteady = ({ framesPerSecond, mark }: TileReport): boolean => framesPerSecond > 8 && mark === "sealed";

const isAlarm = (line: string): boolean => /"level":"(error|fatal)"|unhandled|uncaught/i.test(line);

function dropsOf(metrics: Map<string, number>): Map<string, number> {
  return new Map([...metrics].filter(([series]) => series.startsWith("blindfold_dropped_packets_total")));
}

/** A session of somebody who never means to publish: where to send checks that are valid. */
async function openSession({ url }: TestServer, token: string): Promise<IceUser> {
  const reply = await fetch(`${url}/whip/${ROOM}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    body: OFFER,
  });
  const answer = await reply.text();
  expect(reply.status, answer).toBe(201);
  const field = (name: string): string => new RegExp(`^a=${name}:(\\S+)`, "m").exec(answer)![1]!;
  return { ufrag: field("ice-ufrag"), pwd: field("ice-pwd") };
}

/** The longest time within `durationMs` in which a page decoded no new frame of `sees`. */
async function longestStopMs(call: TestCall, sees: string, durationMs: number): Promise<number> {
  const startedMs = Date.now();
  let [frames, grewMs, longestMs] = [-1, startedMs, 0];
  while (Date.now() - startedMs < durationMs) {
    const { framesDecoded } = (await call.tile(sees))!;
    const nowMs = Date.now();
    longestMs = Math.max(longestMs, nowMs - grewMs);
    if (framesDecoded > frames) [frames, grewMs] = [framesDecoded, nowMs];
    await delay(SAMPLE_MS);
  }
  return longestMs;
}
