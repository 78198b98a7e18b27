/**
 * Goal: a publisher learns of every packet when it came, or that it did not, whatever the network does.
 * Method: arrivals in any order go into the recorder, its messages through the parser; the two must agree.
 */
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { extendSeq } from "../../src/base/sequence.ts";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { DELTA_US, TransportWideReader } from "../../src/rtp/rtcp/transport-wide.ts";

const MS = 1_000;
/** What is left of an Ethernet frame for RTCP: IPv6, UDP, SRTCP trailer. */
const MAX_MESSAGE_BYTES = 1_430;

let recorder: ArrivalRecorder;

beforeEach(() => {
  recorder = new ArrivalRecorder();
});

/** All messages that are due, as lists of [seq, arrival or -1]. */
function messages(nowUs: number): [number, number][][] {
  const all: [number, number][][] = [];
  while (recorder.due(nowUs)) {
    const out = new Uint8Array(2_000);
    const end = recorder.write(nowUs, out, 8, 1, 2);
    expect(end - 8).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
    const cursor = new RtcpCursor();
    const bytes = out.subarray(8, end);
    cursor.reset(bytes, bytes.length);
    expect(cursor.next() && cursor.bytes === bytes.length).toBe(true);
    const message: [number, number][] = [];
    const reader = new TransportWideReader();
    expect(reader.open(bytes, cursor)).toBe(true);
    for (let came = true; came; ) {
      came = reader.next();
      for (let back = reader.lost; back > 0; back--) message.push([(reader.seq - back) & 0xffff, -1]);
      if (came) message.push([reader.seq, reader.arrivalUs]);
    }
    all.push(message);
    expect(all.length).toBeLessThan(100);
  }
  return all;
}

test("nothing is due before a packet, between reports, and when all is told", () => {
  expect(recorder.due(1_000 * MS)).toBe(false);
  recorder.onPacket(1, 1_000 * MS);
  expect(messages(1_000 * MS)).toEqual([[[1, 1_000 * MS]]]);
  recorder.onPacket(2, 1_010 * MS);
  expect(recorder.due(1_049 * MS)).toBe(false);
  expect(messages(1_050 * MS)).toEqual([[[2, 1_010 * MS]]]);
  expect(recorder.due(2_000 * MS)).toBe(false);
});

test("losses and the wrap", () => {
  for (const seq of [65_534, 0, 1]) recorder.onPacket(seq, 1_000 * MS);
  expect(messages(1_000 * MS)).toEqual([
    [
      [65_534, 1_000 * MS],
      [65_535, -1],
      [0, 1_000 * MS],
      [1, 1_000 * MS],
    ],
  ]);
});

test("of a duplicate the first arrival counts", () => {
  recorder.onPacket(1, 1_000 * MS);
  recorder.onPacket(1, 1_020 * MS);
  expect(messages(1_050 * MS)).toEqual([[[1, 1_000 * MS]]]);
  recorder.onPacket(1, 1_060 * MS);
  expect(recorder.due(2_000 * MS)).toBe(false);
});

test("a packet that comes after its loss was reported is reported again, with those behind it", () => {
  for (const seq of [1, 3]) recorder.onPacket(seq, 1_000 * MS);
  expect(messages(1_000 * MS)).toHaveLength(1);
  recorder.onPacket(2, 1_020 * MS);
  expect(messages(1_050 * MS)).toEqual([
    [
      [2, 1_020 * MS],
      [3, 1_000 * MS],
    ],
  ]);
});

test("a long loss is told together with the packet that ends it, so times stay true", () => {
  recorder.onPacket(0, 1_000 * MS);
  messages(1_000 * MS);
  recorder.onPacket(901, 1_050 * MS);
  const [message, ...others] = messages(1_050 * MS);
  expect(others).toEqual([]);
  expect(message).toHaveLength(901);
  expect(message!.at(-1)).toEqual([901, 1_050 * MS]);
});

test("a jump beyond the memory goes on from the newest packets", () => {
  recorder.onPacket(0, 1_000 * MS);
  messages(1_000 * MS);
  recorder.onPacket(20_000, 1_050 * MS);
  const told = messages(1_050 * MS).flat();
  expect(told).toHaveLength(1_024);
  expect(told.at(-1)).toEqual([20_000, 1_050 * MS]);
});

test("a packet older than the memory is passed over", () => {
  recorder.onPacket(2_000, 1_000 * MS);
  messages(1_000 * MS);
  recorder.onPacket(2_000 - 1_024, 1_050 * MS);
  expect(recorder.due(2_000 * MS)).toBe(false);
  recorder.onPacket(2_000 - 1_023, 1_050 * MS);
  expect(messages(1_050 * MS).flat()).toHaveLength(1_024);
});

test("feedback counts on by one, eight bits", () => {
  const counts = new Set<number>();
  for (let i = 0; i < 300; i++) {
    recorder.onPacket(i, i * 50 * MS);
    const out = new Uint8Array(64);
    expect(recorder.due(i * 50 * MS)).toBe(true);
    recorder.write(i * 50 * MS, out, 0, 1, 2);
    expect(out[19]).toBe(i & 0xff);
    counts.add(out[19]!);
  }
  expect(counts.size).toBe(256);
});

test("whatever order packets come in, the last word on each is the truth", () => {
  const step = fc.record({
    skip: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 60 })),
    // How many places behind the newest this one comes; most are in order.
    behind: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 40 })),
    afterUs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 5 * MS }) },
      fc.integer({ min: 0, max: 200 * MS }),
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 20_000 * MS }) },
    ),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 0xff00, max: 0x100ff }),
      fc.array(step, { maxLength: 400 }),
      (start, steps) => {
        recorder = new ArrivalRecorder();
        const arrived = new Map<number, number>();
        const told = new Map<number, number>();
        let highest = start;
        let lowest = start;
        let nowUs = 5_000 * MS;
        const arrive = (seq: number): void => {
          recorder.onPacket(seq & 0xffff, nowUs);
          if (!arrived.has(seq)) arrived.set(seq, nowUs);
          highest = Math.max(highest, seq);
          lowest = Math.min(lowest, seq);
        };
        const collect = (): void => {
          for (const [seq, arrivalUs] of messages(nowUs).flat()) told.set(extendSeq(highest, seq), arrivalUs);
        };
        arrive(start);
        for (const { skip, behind, afterUs } of steps) {
          nowUs += afterUs;
          arrive(behind === 0 ? highest + skip : highest - behind);
          collect();
        }
        nowUs += 50 * MS;
        collect();
        for (let seq = lowest; seq <= highest; seq++) {
          const trueUs = arrived.get(seq);
          if (trueUs === undefined) expect(told.get(seq)).toBe(-1);
          else expect(Math.abs(told.get(seq)! - trueUs)).toBeLessThanOrEqual(DELTA_US / 2);
        }
        expect(told.size).toBe(highest - lowest + 1);
      },
    ),
  );
});
