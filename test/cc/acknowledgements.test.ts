/**
 * Goal: of each packet that came the estimator hears once, in the order of sending, with its true times, however reports
 * are lost, repeated, late or made up.
 * Method: an arrival recorder writes the reports, as Chromium does; what is read is compared with what was sent.
 */
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { Acknowledgements } from "../../src/cc/acknowledgements.ts";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { FATE, SentPacketLog } from "../../src/cc/sent-packet-log.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";

const MS = 1_000;
const FIRST = 0x10000;
const BYTES = 500;

let log: SentPacketLog;
let acks: Acknowledgements;
let recorder: ArrivalRecorder;

beforeEach(() => {
  log = new SentPacketLog();
  acks = new Acknowledgements(log);
  recorder = new ArrivalRecorder();
});

function send(packets: number): void {
  for (let i = 0; i < packets; i++) log.onSent(BYTES, (log.nextExtSeq - FIRST) * MS, 0, 0);
}

/** Reports on arrivals so far, at `atUs` of the receiver's clock. */
function report(atUs: number): Uint8Array {
  const out = new Uint8Array(1_500);
  expect(recorder.due(atUs)).toBe(true);
  return out.subarray(0, recorder.write(atUs, out, 0, 1, 2));
}

interface News {
  readonly packet: number;
  readonly arrivalUs: number;
  readonly bytes: number;
  readonly unreported: number;
}

function read(message: Uint8Array): News[] {
  const cursor = new RtcpCursor();
  cursor.reset(message, message.length);
  cursor.next();
  expect(acks.open(message, cursor)).toBe(true);
  const news: News[] = [];
  while (acks.next()) {
    const { extSeq, arrivalUs, bytes, unreportedBytes } = acks;
    expect(acks.sentUs).toBe((extSeq - FIRST) * MS);
    news.push({ packet: extSeq - FIRST, arrivalUs, bytes, unreported: unreportedBytes / BYTES });
  }
  return news;
}

const packets = (news: readonly News[]): number[] => news.map(({ packet }) => packet);

test("tells each arrival once, and notes losses", () => {
  send(6);
  for (const seq of [0, 1, 3]) recorder.onPacket(seq, 1_000 * MS + seq * MS);
  const first = report(1_010 * MS);
  expect(read(first).map(({ packet, arrivalUs }) => [packet, arrivalUs])).toEqual([
    [0, 1_000 * MS],
    [1, 1_001 * MS],
    [3, 1_003 * MS],
  ]);
  expect(read(first)).toEqual([]);
  expect(log.fate(FIRST + 2)).toBe(FATE.lost);
  expect(log.fate(FIRST + 4)).toBe(FATE.unknown);
  expect([acks.newestExtSeq, acks.newestSentUs]).toEqual([FIRST + 3, 3 * MS]);
});

/** Per packet of one frame: when it came, in ms after the first; then how they are told: packets, first and last arrival. */
test.each([
  { name: "at once", cameMs: [0, 0, 0, 0], told: [[4, 0, 0]] },
  { name: "one after another", cameMs: [0, 1, 1, 2], told: [[4, 0, 2]] },
  {
    name: "over a slow link",
    cameMs: [0, 2, 4, 6],
    told: [
      [2, 0, 2],
      [2, 4, 6],
    ],
  },
  {
    name: "in another order",
    cameMs: [2, 0, 1, 2],
    told: [
      [1, 2, 2],
      [3, 0, 2],
    ],
  },
  { name: "but for one", cameMs: [0, Number.NaN, 1, 2], told: [[3, 0, 2]] },
])("a frame that came $name is told in pieces that came together", ({ cameMs, told }) => {
  for (const frame of [0, 1]) {
    for (let i = 0; i < cameMs.length; i++) log.onSent(BYTES, frame * 33 * MS, 0, 0);
    cameMs.forEach((ms, i) => {
      if (!Number.isNaN(ms)) recorder.onPacket(frame * cameMs.length + i, (1_000 + 100 * frame + ms) * MS);
    });
  }
  const message = report(1_200 * MS);
  const cursor = new RtcpCursor();
  cursor.reset(message, message.length);
  cursor.next();
  expect(acks.open(message, cursor)).toBe(true);
  for (const frame of [0, 1]) {
    const startUs = (1_000 + 100 * frame) * MS;
    for (const [packets, firstMs, lastMs] of told) {
      expect(acks.next()).toBe(true);
      const { sentUs, bytes, firstArrivalUs, arrivalUs } = acks;
      expect([sentUs, acks.packets, bytes]).toEqual([frame * 33 * MS, packets, packets! * BYTES]);
      expect([firstArrivalUs, arrivalUs]).toEqual([startUs + firstMs! * MS, startUs + lastMs! * MS]);
    }
  }
  expect(acks.next()).toBe(false);
});

test("a packet that comes late is told when it has come, and is not the newest", () => {
  send(4);
  for (const seq of [0, 2, 3]) recorder.onPacket(seq, 1_000 * MS);
  read(report(1_000 * MS));
  recorder.onPacket(1, 1_040 * MS);
  expect(packets(read(report(1_050 * MS)))).toEqual([1]);
  expect(acks.newestExtSeq).toBe(FIRST + 3);
});

test("packets of a report that is lost are told in bytes by the next, and not again by themselves", () => {
  send(9);
  const messages = [0, 1, 2].map((i) => {
    for (const seq of [3 * i, 3 * i + 1, 3 * i + 2]) recorder.onPacket(seq, (1_000 + 50 * i) * MS);
    return report((1_000 + 50 * i) * MS);
  });
  read(messages[0]!);
  expect(read(messages[2]!).map(({ packet, unreported }) => [packet, unreported])).toEqual([
    [6, 3],
    [7, 0],
    [8, 0],
  ]);
  expect(acks.priorArrivalUs).toBe(1_100 * MS);
  // Late, not lost.
  expect(read(messages[1]!).map(({ packet, bytes }) => [packet, bytes])).toEqual([
    [3, 0],
    [4, 0],
    [5, 0],
  ]);
});

test("losses at the front of a report are not taken for packets that no report came of", () => {
  send(8);
  for (const seq of [0, 1]) recorder.onPacket(seq, 1_000 * MS);
  read(report(1_000 * MS));
  for (const seq of [4, 5]) recorder.onPacket(seq, 1_050 * MS);
  expect(read(report(1_050 * MS)).map(({ packet, unreported }) => [packet, unreported])).toEqual([
    [4, 0],
    [5, 0],
  ]);
  expect([2, 3, 6].map((packet) => log.fate(FIRST + packet))).toEqual([FATE.lost, FATE.lost, FATE.unknown]);
});

/** As no browser reports, but draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1 allows: it ends with what has not come. */
test("losses at the end of a report are losses, also where they are all of it", () => {
  send(8);
  // Packet 0 received, 1 ms after the reference time, then three lost; and four lost.
  const some = "8fcd0006 00000001 00000002 0000 0004 000001 00 2001 0003 04 00 0000";
  const none = "8fcd0005 00000001 00000002 0004 0004 000001 01 0004 0000";
  expect(packets(read(new Uint8Array(Buffer.from(some.replaceAll(" ", ""), "hex"))))).toEqual([0]);
  const fates = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => log.fate(FIRST + from + i));
  expect(fates(0, 8)).toEqual([FATE.received, ...Array(3).fill(FATE.lost), ...Array(4).fill(FATE.unknown)]);
  expect(packets(read(new Uint8Array(Buffer.from(none.replaceAll(" ", ""), "hex"))))).toEqual([]);
  expect(fates(4, 8)).toEqual(Array(4).fill(FATE.lost));
});

test("the reference time comes round and arrivals go on", () => {
  const cycleUs = 2 ** 24 * 64 * MS;
  send(3);
  const arrivals = [cycleUs - 30 * MS, cycleUs + 40 * MS, cycleUs + 100 * MS];
  const told = arrivals.flatMap((arrivalUs, seq) => {
    recorder.onPacket(seq, arrivalUs);
    return read(report(arrivalUs));
  });
  const [from, ...rest] = told.map(({ arrivalUs }) => arrivalUs);
  expect(rest.map((us) => us - from!)).toEqual([70 * MS, 130 * MS]);
});

test.each([-0.0001, 0, 0.0001])(
  "nor does the silence of a week bring them out of order, at a clock that is off by %f",
  (drift) => {
    const dayUs = 86_400_000 * MS;
    const sentUs = [0, 5, 12, 19, 50].map((days) => days * dayUs);
    const cursor = new RtcpCursor();
    const arrivals = sentUs.map((us, seq) => {
      const cameUs = Math.round((us * (1 + drift)) / MS) * MS + 1_000 * MS;
      log.onSent(BYTES, us, 0, 0);
      recorder.onPacket(seq, cameUs);
      const message = report(cameUs);
      cursor.reset(message, message.length);
      cursor.next();
      expect([acks.open(message, cursor), acks.next()]).toEqual([true, true]);
      return [acks.arrivalUs, cameUs];
    });
    expect(arrivals.map(([toldUs]) => toldUs)).toEqual(arrivals.map(([, cameUs]) => cameUs));
  },
);

test("numbers never sent, and long forgotten, are nobody's", () => {
  send(3_000);
  for (const seq of [0, 2_000, 2_999, 3_000, 40_000]) {
    recorder = new ArrivalRecorder();
    recorder.onPacket(seq, 1_000 * MS);
    expect(packets(read(report(1_000 * MS)))).toEqual(seq === 2_000 || seq === 2_999 ? [seq] : []);
  }
});

test("whatever is lost, repeated or late among the reports, each packet is told once, if a report of it came", () => {
  const round = fc.record({
    came: fc.array(fc.boolean(), { minLength: 1, maxLength: 30, size: "max" }),
    /** How often its report comes, and after how many others. */
    times: fc.integer({ min: 0, max: 2 }),
    late: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(round, { maxLength: 30, size: "max" }), (rounds) => {
      log = new SentPacketLog();
      acks = new Acknowledgements(log);
      recorder = new ArrivalRecorder();
      const told: number[] = [];
      const reported = new Set<number>();
      const messages = rounds.map(({ came, times, late }, i) => {
        const atUs = (1_000 + 50 * i) * MS;
        const first = log.nextExtSeq - FIRST;
        send(came.length);
        came.forEach((didCome, j) => {
          if (didCome) recorder.onPacket((first + j) & 0xffff, atUs);
          if (didCome && times > 0) reported.add(first + j);
        });
        return { message: came.includes(true) ? report(atUs) : null, times, order: i + late };
      });
      for (const { message, times } of messages.sort((a, b) => a.order - b.order)) {
        for (let i = 0; message !== null && i < times; i++) told.push(...packets(read(message)));
      }
      expect(told.sort((a, b) => a - b)).toEqual([...reported].sort((a, b) => a - b));
    }),
  );
});
