import { expect, test } from "vitest";
import { NackGenerator } from "../../src/cc/nack-generator.ts";
import { LinkModel } from "../sim/link-model.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const MS = 1_000;
const RTT_US = 100 * MS;

function asked(nack: NackGenerator, nowUs: number, rttUs = RTT_US, room = 512): number[] {
  const out = new Uint16Array(room);
  return [...out.subarray(0, nack.poll(nowUs, rttUs, out))];
}

/** A generator that got `seqs` at time 0. */
function after(...seqs: number[]): NackGenerator {
  const nack = new NackGenerator();
  for (const seq of seqs) nack.onPacket(seq, 0);
  return nack;
}

test.each([
  { name: "nothing missing", seqs: [5, 6, 7], missing: [] },
  { name: "nothing before the first packet", seqs: [100], missing: [] },
  { name: "a gap", seqs: [5, 8], missing: [6, 7] },
  { name: "two gaps, one filled late", seqs: [5, 7, 9, 6], missing: [8] },
  { name: "a duplicate", seqs: [5, 7, 7, 5], missing: [6] },
  { name: "across the wrap", seqs: [65_534, 65_538], missing: [65_535, 0, 1] },
  { name: "after many wraps", seqs: [65_536 * 70_000 + 65_535, 65_536 * 70_000 + 65_537], missing: [0] },
])("asks for what is missing: $name", ({ seqs, missing }) => {
  const nack = after(...seqs);
  expect(asked(nack, 15 * MS)).toEqual(missing);
  expect(nack.gaveUp).toBe(false);
});

test("gives a packet 15 ms to come by itself", () => {
  const nack = after(1, 3);
  expect(asked(nack, 14 * MS)).toEqual([]);
  nack.onPacket(2, 14 * MS);
  expect(asked(nack, 15 * MS)).toEqual([]);
});

test("asks again after a round trip, not sooner than every 20 ms", () => {
  const nack = after(1, 3);
  expect(asked(nack, 20 * MS)).toEqual([2]);
  expect(asked(nack, 119 * MS)).toEqual([]);
  expect(asked(nack, 120 * MS)).toEqual([2]);
  expect(asked(nack, 139 * MS, 1 * MS)).toEqual([]);
  expect(asked(nack, 140 * MS, 1 * MS)).toEqual([2]);
});

test("gives up after ten requests, when the last has had its time", () => {
  const nack = after(1, 3);
  for (let i = 1; i <= 10; i++) expect(asked(nack, i * 30 * MS, 30 * MS)).toEqual([2]);
  expect(asked(nack, 320 * MS, 30 * MS)).toEqual([]);
  expect(nack.gaveUp).toBe(false);
  expect(asked(nack, 330 * MS, 30 * MS)).toEqual([]);
  expect(nack.gaveUp).toBe(true);
  nack.gaveUp = false;
  expect(asked(nack, 1_000 * MS)).toEqual([]);
  expect(nack.gaveUp).toBe(false);
});

test("gives up after a second", () => {
  const nack = after(1, 3);
  expect(asked(nack, 1_000 * MS)).toEqual([2]);
  expect(asked(nack, 1_101 * MS)).toEqual([]);
  expect(nack.gaveUp).toBe(true);
});

test.each([
  { name: "256 missing", to: 258, missing: 256, gaveUp: false },
  { name: "257 missing", to: 259, missing: 0, gaveUp: true },
  { name: "a break of a million", to: 1_000_000, missing: 0, gaveUp: true },
])("a break is not repaired: $name", ({ to, missing, gaveUp }) => {
  const nack = after(1, to);
  expect(asked(nack, 15 * MS)).toHaveLength(missing);
  expect(nack.gaveUp).toBe(gaveUp);
});

test("what is lost after a break is asked for again", () => {
  const nack = after(1, 1_000_000, 1_000_002);
  expect(asked(nack, 15 * MS)).toEqual([1_000_001 & 0xffff]);
});

test("many small gaps are bounded as one large is", () => {
  const nack = new NackGenerator();
  for (let seq = 0; seq <= 2 * 257; seq += 2) nack.onPacket(seq, 0);
  expect(nack.gaveUp).toBe(true);
  expect(asked(nack, 15 * MS).length).toBeLessThan(256);
});

test("asks for the rest at the next poll when there is no room for all", () => {
  const nack = after(1, 6);
  expect(asked(nack, 15 * MS, RTT_US, 3)).toEqual([2, 3, 4]);
  expect(asked(nack, 25 * MS, RTT_US, 3)).toEqual([5]);
});

/**
 * Goal: every packet of a lossy path comes in the end, and the publisher is not flooded with requests.
 * Method: fifty seeds; 20 s at 300 packets a second, 10 % lost both ways, 30 ms ± 10 ms each way; from before a wrap.
 */
test.each([...Array(50).keys()])("repairs a lossy path, seed %i", (seed) => {
  const path = { delayUs: 30 * MS, jitterUs: 10 * MS, loss: 0.1 };
  const up = new LinkModel<number>(path, seed);
  const down = new LinkModel<number[]>(path, seed + 1_000);
  const random = seededRandom(seed);
  const nack = new NackGenerator();
  const first = 65_000 + Math.floor(random() * 500);
  const received = new Set<number>();
  const sent = 300;
  let requests = 0;
  nack.onPacket(first, 0);
  received.add(first);
  for (let nowUs = 0, next = first + 1; nowUs < 4_000 * MS; nowUs += 5 * MS) {
    if (next < first + sent) up.send(nowUs, next++, 1_200);
    for (const seqs of down.arrivals(nowUs)) {
      // What a publisher resends is found by its wire number.
      for (const seq of seqs) up.send(nowUs, first + ((seq - first) & 0xffff), 1_200);
    }
    for (const extSeq of up.arrivals(nowUs)) {
      received.add(extSeq);
      nack.onPacket(extSeq, nowUs);
    }
    const seqs = asked(nack, nowUs, 80 * MS);
    requests += seqs.length;
    if (seqs.length > 0) down.send(nowUs, seqs, 80);
  }
  // A tail loss shows only with a packet after it, so the last few may be missing.
  const missing = [...Array(sent).keys()].filter((i) => !received.has(first + i) && i < sent - 10);
  expect(missing).toEqual([]);
  expect(nack.gaveUp).toBe(false);
  expect(requests).toBeLessThan(sent * 0.1 * 4);
});
