/**
 * Goal: one loss never stops an association, however much waits behind it, and nobody has more kept than a bound.
 * Method: an association in simulated time; short messages, a slow line, and peers that report and acknowledge oddly.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readU32 } from "../../../src/base/bytes.ts";
import { DATA } from "../../../src/dtls/sctp/sctp-packet.ts";
import { Link, type LinkOptions } from "./link.ts";
import { chunk, data, packet, sack, u16, u32 } from "./packets.ts";
import { LOSSY, RELIABLE, STRING } from "./sctp-client.ts";

const FORWARD_TSN_CHUNK = 192;

let link: Link;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  link.stop();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function connect(options: LinkOptions = {}, kind = RELIABLE): Promise<void> {
  link = new Link(options);
  link.client.connect();
  await pass(500);
  link.client.open(0, kind);
  await pass(500);
}

test("what fills a hole is taken, however many short messages wait behind it", async () => {
  await connect();
  const [tag, next] = [link.serverTag, link.nextTsn];
  const one = (i: number): Buffer =>
    chunk(0, data((next + i) >>> 0, 0, 1 + i, STRING, Buffer.from(`message ${i}`)), 3);
  const bundle = (from: number): Uint8Array =>
    packet(tag, ...Array.from({ length: 20 }, (_, i) => one(from + i)));
  for (let from = 20; from < 1_100; from += 20) link.toServer(bundle(from));
  await pass(100);
  for (let i = 0; i < 10; i++) {
    link.toServer(bundle(0));
    await pass(1_000);
  }
  expect(link.received.length).toBeGreaterThanOrEqual(1_024);
});

test("a burst of three thousand short messages of which a packet is lost arrives", async () => {
  let isLosing = false;
  await connect({
    delayMs: () => 150,
    toServer: (sent) => {
      const isLost = isLosing && sent[12] === DATA && sent.length < 200;
      if (isLost) isLosing = false;
      return isLost ? [] : [sent];
    },
  });
  // Its congestion window grows.
  for (let i = 0; i < 300; i++) link.client.send(0, STRING, new Uint8Array(1_100));
  await pass(10_000);
  const before = link.received.length;
  isLosing = true;
  for (let i = 0; i < 3_000; i++) {
    link.client.send(0, STRING, Buffer.from("a short message of a user"));
    if (i % 8 === 0) await pass(1);
  }
  await pass(60_000);
  expect(isLosing).toBe(false);
  expect(link.received.length - before).toBe(3_000);
});

test("a peer that acknowledges all but the first chunk has little kept for it", async () => {
  let first: number | undefined;
  let highest = 0;
  let isOdd = false;
  await connect({
    toServer: (sent) => (isOdd ? [] : [sent]),
    toClient: (sent) => {
      if (!isOdd) return [sent];
      for (let at = 12; at + 16 <= sent.length; at += (((sent[at + 2]! << 8) | sent[at + 3]!) + 3) & ~3) {
        if (sent[at] !== DATA) continue;
        const tsn = readU32(sent, at + 4);
        first ??= tsn;
        highest = Math.max(highest, (tsn - first) | 0);
      }
      return [];
    },
  });
  isOdd = true;
  const tag = link.serverTag;
  for (let i = 0; i < 10_000; i++) link.server.send(0, false, new Uint8Array(1_000));
  await pass(20);
  for (let turn = 0; turn < 600; turn++) {
    if (highest >= 1) link.toServer(packet(tag, chunk(3, sack((first! - 1) >>> 0, [[2, highest + 1]]))));
    await pass(1);
  }
  expect(highest).toBeGreaterThan(1_000);
  expect(highest).toBeLessThan(2_200);
});

test("FORWARD-TSN may name a stream once for each message that was given up", async () => {
  await connect({}, { ...LOSSY, ordered: true });
  const { nextTsn: next } = link;
  const pairs = Array.from({ length: 20 }, (_, i) => [0, i + 1]).flat();
  const skip = chunk(FORWARD_TSN_CHUNK, Buffer.concat([u32(next + 19), u16(...pairs)]));
  link.toServer(packet(link.serverTag, skip));
  await pass(50);
  const after = chunk(0, data(next + 20, 0, 21, STRING, Buffer.from("x")), 3);
  link.toServer(packet(link.serverTag, after));
  await pass(50);
  expect(link.received.length).toBe(1);
});

test.each([
  ["a few", 1_500],
  ["more than are taken beyond a loss", 5_000],
])("%s short messages that were lost are given up together, beside the next ones", async (_what, lost) => {
  await connect({}, LOSSY);
  const [tag, next] = [link.serverTag, link.nextTsn];
  const skip = chunk(FORWARD_TSN_CHUNK, u32(next + lost - 1));
  const after = chunk(0, data(next + lost + 1_000, 0, 0, STRING, Buffer.from("after")), 7);
  link.toServer(packet(tag, skip, after));
  await pass(50);
  expect(link.packetDrops).toEqual([]);
  expect(link.received.length).toBe(1);
});

test("what fills a hole is taken, though the rest of its packet lies behind all that is kept", async () => {
  await connect({}, LOSSY);
  const [tag, next] = [link.serverTag, link.nextTsn];
  const one = (i: number): Buffer => chunk(0, data((next + i) >>> 0, 0, 0, STRING, Buffer.from("x")), 7);
  for (let from = 1; from < 2_041; from += 20) {
    link.toServer(packet(tag, ...Array.from({ length: 20 }, (_, i) => one(from + i))));
  }
  await pass(100);
  link.toServer(packet(tag, one(0), ...Array.from({ length: 20 }, (_, i) => one(2_041 + i))));
  await pass(100);
  expect(link.packetDrops).toEqual([]);
  expect(link.received.length).toBe(2_061);
});

test("a channel that is closed while its data crawls to the client does not end the association", async () => {
  const KILOBITS_PER_SECOND = 30;
  const QUEUE_MS = 1_500;
  let freeMs = 0;
  await connect({
    toClient: (sent) => {
      const nowMs = Date.now();
      if (freeMs - nowMs > QUEUE_MS) return [];
      freeMs = Math.max(freeMs, nowMs) + (sent.length * 8) / KILOBITS_PER_SECOND;
      setTimeout(() => link.client.receive(sent), freeMs - nowMs);
      return [];
    },
  });
  link.server.send(0, false, new Uint8Array(262_144));
  await pass(100);
  link.client.reset(0);
  for (let second = 0; second < 200 && link.client.resets.length === 0; second++) await pass(1_000);
  expect(link.ended).toBeUndefined();
  expect(link.client.resets.length).toBeGreaterThan(0);
});
