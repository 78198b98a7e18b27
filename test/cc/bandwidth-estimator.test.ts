/**
 * The estimator at its surface: what it says before and without feedback, and that no feedback, however false, leads it out
 * of its bounds. How well it estimates is in `bandwidth-simulation.test.ts`.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { NO_STREAM } from "../../src/cc/sent-packet-log.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;
const START_BPS = 600_000;
const MIN_BPS = 50_000;
const MAX_BPS = 20_000_000;

let estimator: BandwidthEstimator;
const cursor = new RtcpCursor();

beforeEach(() => {
  estimator = new BandwidthEstimator(0);
});

function feed(message: Uint8Array, nowUs: number): boolean {
  cursor.reset(message, message.length);
  return cursor.next() && estimator.onFeedback(message, cursor, nowUs);
}

/** A packet every 10 ms until `untilMs`, and a tick. */
function sendFrom(fromMs: number, untilMs: number): void {
  for (let ms = fromMs; ms < untilMs; ms += 10) {
    estimator.onSent(500, ms * MS, NO_STREAM, 0);
    estimator.tick(ms * MS);
  }
}

test("numbers go up by one and come round", () => {
  const numbers: number[] = [];
  for (let i = 0; i < 0x10002; i++) {
    if (i < 2 || i > 0xfffd) numbers.push(estimator.nextSeq);
    estimator.onSent(1_000, i * 100, NO_STREAM, 0);
  }
  expect(numbers).toEqual([0, 1, 0xfffe, 0xffff, 0, 1]);
});

test("without feedback the start rate stays, and nothing is probed", () => {
  estimator.wants(1_000_000, 5_000_000);
  sendFrom(0, 60_000);
  expect(estimator.targetBps).toBe(START_BPS);
  expect(estimator.probeBytesDue(60 * SECOND_US)).toBe(0);
});

test("where too little is known to send anything, a packet is due now and then until it is answered", () => {
  expect(estimator.probeBytesDue(SECOND_US)).toBe(0);
  estimator.wants(1_000_000, 1_000_000);
  expect(estimator.probeBytesDue(SECOND_US)).toBe(1);
  const recorder = new ArrivalRecorder();
  recorder.onPacket(estimator.nextSeq, SECOND_US);
  estimator.onSent(500, SECOND_US, NO_STREAM, 0);
  expect(estimator.probeBytesDue(SECOND_US + 240 * MS)).toBe(0);
  expect(estimator.probeBytesDue(SECOND_US + 250 * MS)).toBe(1);
  const out = new Uint8Array(100);
  feed(out.subarray(0, recorder.write(SECOND_US, out, 0, 1, 2)), SECOND_US + 250 * MS);
  expect(estimator.probeBytesDue(SECOND_US + 500 * MS)).toBe(0);
});

test("its limits can be others", () => {
  const limits = { minBps: 100_000, startBps: 300_000, maxBps: 400_000 };
  estimator = new BandwidthEstimator(0, limits);
  expect(estimator.targetBps).toBe(300_000);
  estimator.onRemb(5_000_000, 0);
  expect(estimator.targetBps).toBe(400_000);
  estimator.onRemb(1_000, 0);
  expect(estimator.targetBps).toBe(100_000);
});

test("a receiver's estimate and reports count as long as there is no transport-wide feedback", () => {
  estimator.onRemb(2_000_000, 0);
  expect(estimator.targetBps).toBe(2_000_000);
  estimator.onReport(100, 20, 40 * MS, 2 * SECOND_US);
  expect(estimator.targetBps).toBe(1_800_000);
  expect(estimator.lossRatio).toBe(0.2);
  const recorder = new ArrivalRecorder();
  estimator.onSent(500, 3 * SECOND_US, NO_STREAM, 0);
  recorder.onPacket(0, 9 * SECOND_US);
  const out = new Uint8Array(100);
  expect(feed(out.subarray(0, recorder.write(9 * SECOND_US, out, 0, 1, 2)), 3 * SECOND_US + 60 * MS)).toBe(
    true,
  );
  expect(estimator.targetBps).toBe(START_BPS);
  estimator.onRemb(5_000_000, 0);
  expect(estimator.targetBps).toBe(START_BPS);
  expect(estimator.lossRatio).toBe(0);
});

/** What it may send at least it goes on sending, so it is from there that the rate grows. */
test("by reports alone, it is soon back after minutes of losses", () => {
  const estimator = new BandwidthEstimator(0);
  estimator.wants(500_000, 500_000);
  for (let second = 0; second < 120; second++) estimator.onReport(100, 30, 20 * MS, second * SECOND_US);
  const leastBps = estimator.targetBps;
  for (let second = 120; second < 135; second++) estimator.onReport(100, 0, 20 * MS, second * SECOND_US);
  expect(estimator.targetBps).toBeGreaterThan(2 * leastBps);
});

test("the round trip follows reports and feedback", () => {
  const before = estimator.rttUs;
  for (let i = 0; i < 50; i++) estimator.onReport(100, 0, 20 * MS, i * SECOND_US);
  expect(estimator.rttUs).toBeLessThan(before);
  expect(Math.round(estimator.rttUs / MS)).toBe(20);
  for (const rttUs of [0, -5, Number.NaN, Number.POSITIVE_INFINITY])
    estimator.onReport(100, 0, rttUs, 60 * SECOND_US);
  expect(Math.round(estimator.rttUs / MS)).toBe(20);
});

test("feedback about what was never sent changes nothing", () => {
  const recorder = new ArrivalRecorder();
  for (let i = 0; i < 20; i++) recorder.onPacket(1_000 + i, i * MS);
  const out = new Uint8Array(500);
  const message = out.subarray(0, recorder.write(SECOND_US, out, 0, 1, 2));
  expect(feed(message, SECOND_US)).toBe(true);
  sendFrom(1_000, 5_000);
  expect(estimator.targetBps).toBe(START_BPS);
});

test("malformed feedback is refused and changes nothing", () => {
  sendFrom(0, 1_000);
  // A delta that is not there.
  const message = Uint8Array.of(
    0x8f,
    205,
    0,
    5,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    3,
    0,
    0,
    0,
    0,
    0x20,
    3,
    4,
    4,
  );
  expect(feed(message, SECOND_US)).toBe(false);
  expect(estimator.targetBps).toBe(START_BPS);
});

/** What a peer may say: true or false numbers, times, losses; or bytes that are anything. */
interface Falsehood {
  readonly kind: "true" | "false" | "noise" | "again";
  readonly seq: number;
  readonly count: number;
  readonly arrivalUs: number;
  readonly stepUs: number;
  readonly lost: number;
  readonly noise: Uint8Array;
}

const falsehood: fc.Arbitrary<Falsehood> = fc.record({
  kind: fc.constantFrom("true", "false", "noise", "again"),
  seq: fc.nat(0xffff),
  count: fc.integer({ min: 1, max: 200 }),
  arrivalUs: fc.oneof(fc.nat(10_000_000), fc.integer({ min: 0, max: 2 ** 40 })),
  stepUs: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -50_000, max: 50_000 }),
    fc.integer({ min: -8e6, max: 8e6 }),
  ),
  lost: fc.nat(100),
  noise: fc.uint8Array({ minLength: 8, maxLength: 120 }),
});

function messageOf(
  { kind, seq, count, arrivalUs, stepUs, lost, noise }: Falsehood,
  before: Uint8Array,
): Uint8Array {
  if (kind === "again") return before;
  if (kind === "noise") {
    const words = noise.length >> 2;
    return Uint8Array.of(0x8f, 205, 0, words + 2, ...new Uint8Array(8), ...noise.subarray(0, words * 4));
  }
  const recorder = new ArrivalRecorder();
  const first = kind === "true" ? (estimator.nextSeq - count) & 0xffff : seq;
  for (let i = 0; i < count; i++) {
    if ((i * 100) % 101 >= lost) recorder.onPacket((first + i) & 0xffff, Math.max(0, arrivalUs + i * stepUs));
  }
  const out = new Uint8Array(2_000);
  return recorder.due(Number.MAX_SAFE_INTEGER) ? out.subarray(0, recorder.write(0, out, 0, 1, 2)) : before;
}

test("whatever is said, and whenever, the estimator stays within its bounds", () => {
  const step = fc.record({
    afterUs: fc.oneof(fc.nat(100_000), fc.nat(5_000_000)),
    sent: fc.nat(60),
    bytes: fc.integer({ min: 1, max: 1_400 }),
    probes: fc.boolean(),
    wantsBps: fc.constantFrom(0, 1_000_000, 50_000_000),
    said: fc.array(falsehood, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      estimator = new BandwidthEstimator(0);
      let nowUs = 0;
      let message: Uint8Array = new Uint8Array(0);
      for (const { afterUs, sent, bytes, probes, wantsBps, said } of steps) {
        nowUs += afterUs;
        estimator.wants(wantsBps / 2, wantsBps);
        for (let i = 0; i < sent; i++) estimator.onSent(bytes, nowUs, NO_STREAM, 0);
        for (const one of said) {
          message = messageOf(one, message);
          feed(message, nowUs);
        }
        estimator.tick(nowUs);
        for (let i = 0; probes && i < 100 && estimator.probeBytesDue(nowUs) > 0; i++)
          estimator.onSent(bytes, nowUs, NO_STREAM, 0);
        expect(estimator.targetBps).toBeGreaterThanOrEqual(MIN_BPS);
        expect(estimator.targetBps).toBeLessThanOrEqual(MAX_BPS);
        expect(estimator.rttUs).toBeGreaterThan(0);
        expect(estimator.rttUs).toBeLessThan(5 * SECOND_US);
        expect(estimator.lossRatio).toBeGreaterThanOrEqual(0);
        expect(estimator.lossRatio).toBeLessThanOrEqual(1);
        expect(estimator.probeBytesDue(nowUs)).toBeLessThan(MAX_BPS / 8);
      }
    }),
    { numRuns: 300 },
  );
});

/** Once it left the packets of minutes in one group. */
const CLOCK_SET_BACK: Falsehood[] = [1, 1, 24, 1].map((count) => ({
  kind: "true",
  seq: 0,
  count,
  arrivalUs: count === 1 ? 0 : 1_077_372_801_696,
  stepUs: count === 1 ? 0 : 8_573,
  lost: 0,
  noise: new Uint8Array(8),
}));

test("a liar who comes to the truth is estimated by it: lies leave nothing behind but their time", () => {
  fc.assert(
    fc.property(fc.array(falsehood, { minLength: 1, maxLength: 20 }), (lies) => {
      estimator = new BandwidthEstimator(0);
      let nowUs = SECOND_US;
      let message: Uint8Array = new Uint8Array(0);
      for (const lie of lies) {
        for (let i = 0; i < 10; i++) {
          nowUs += 10 * MS;
          estimator.onSent(1_000, nowUs, NO_STREAM, 0);
        }
        message = messageOf(lie, message);
        feed(message, nowUs);
        estimator.tick(nowUs);
      }
      // Half a minute of a quiet path of any capacity, all that is allowed being sent.
      const recorder = new ArrivalRecorder();
      const clockUs = 3_600 * SECOND_US;
      for (let tick = 0; tick < 3_000; tick++) {
        nowUs += 10 * MS;
        estimator.wants(4_000_000, 4_000_000);
        estimator.tick(nowUs);
        const media = Math.ceil((Math.min(estimator.targetBps, 4_000_000) * 0.01) / 8 / 1_028);
        for (let i = 0; i < media || estimator.probeBytesDue(nowUs) > 0; i++) {
          recorder.onPacket(estimator.nextSeq, clockUs + nowUs + 20 * MS);
          estimator.onSent(1_000, nowUs, NO_STREAM, 0);
        }
        if (tick % 5 !== 0) continue;
        while (recorder.due(clockUs + nowUs)) {
          const out = new Uint8Array(1_500);
          feed(out.subarray(0, recorder.write(clockUs + nowUs, out, 0, 1, 2)), nowUs + 40 * MS);
        }
      }
      expect(estimator.targetBps).toBeGreaterThan(1_000_000);
    }),
    { numRuns: 25, examples: [[CLOCK_SET_BACK]] },
  );
});

/** Who sends nothing hears nothing: what made it stop would last for ever. */
describe("who stopped sending, and wants to send more, tries again", () => {
  const WANTED_BPS = 1_000_000;
  const recorder = { of: new ArrivalRecorder(), out: new Uint8Array(2_000) };
  let wayUs: number;

  /** Packets every 10 ms, each `growthUs` longer on its way than the one before; every fifth time a report. */
  function send(fromMs: number, toMs: number, growthUs: number): void {
    for (let ms = fromMs; ms < toMs; ms += 10) {
      recorder.of.onPacket(estimator.nextSeq, ms * MS + wayUs);
      wayUs += growthUs;
      estimator.onSent(600, ms * MS, NO_STREAM, 0);
      estimator.tick(ms * MS);
      if (ms % 50 === 0) report(ms + 20);
    }
  }

  function report(ms: number): void {
    const end = recorder.of.write(ms * MS, recorder.out, 0, 1, 2);
    expect(feed(recorder.out.subarray(0, end), ms * MS)).toBe(true);
  }

  /** Nothing but what is asked for, over an empty path; in milliseconds of each such packet. */
  function wait(fromMs: number, toMs: number): number[] {
    const asked: number[] = [];
    for (let ms = fromMs; ms < toMs; ms += 10) {
      estimator.tick(ms * MS);
      while (estimator.probeBytesDue(ms * MS) > 0) {
        asked.push(ms);
        recorder.of.onPacket(estimator.nextSeq, ms * MS + 20 * MS);
        estimator.onSent(200, ms * MS, NO_STREAM, 0);
      }
      if (recorder.of.due(ms * MS)) report(ms);
    }
    return asked;
  }

  beforeEach(() => {
    recorder.of = new ArrivalRecorder();
    wayUs = 20 * MS;
    estimator.wants(WANTED_BPS, WANTED_BPS);
    send(10, 3_000, 0);
  });

  test("after a queue", () => {
    const beforeBps = estimator.targetBps;
    send(3_000, 4_000, 3 * MS);
    expect(estimator.targetBps).toBeLessThan(beforeBps);
    wait(4_000, 20_000);
    expect(estimator.targetBps).toBeGreaterThan(beforeBps);
  });

  test("after an outage", () => {
    const beforeBps = estimator.targetBps;
    sendFrom(3_000, 8_000);
    expect(estimator.targetBps).toBe(MIN_BPS);
    const asked = wait(8_500, 20_000);
    expect(asked[0]).toBe(8_500);
    expect(estimator.targetBps).toBeGreaterThan(0.9 * beforeBps);
  });

  test("seldom, as long as nothing is answered", () => {
    sendFrom(3_000, 8_000);
    let asked = 0;
    for (let ms = 8_000; ms < 18_000; ms += 10) {
      estimator.tick(ms * MS);
      if (estimator.probeBytesDue(ms * MS) === 0) continue;
      asked += 1;
      estimator.onSent(200, ms * MS, NO_STREAM, 0);
    }
    expect(asked).toBe(40);
  });

  test("not when it has what it wants", () => {
    send(3_000, 4_000, 3 * MS);
    estimator.wants(0, 0);
    expect(wait(4_000, 8_000)).toEqual([]);
  });
});

describe("when nothing is answered for a while", () => {
  const recorder = { of: new ArrivalRecorder(), out: new Uint8Array(2_000) };

  /** Packets every 10 ms for a second and a half, which come or not; then a report of them. */
  function silence(wayUs: (ms: number) => number | null): void {
    for (let ms = 10; ms < 3_000; ms += 10) {
      recorder.of.onPacket(estimator.nextSeq, ms * MS + 20 * MS);
      estimator.onSent(600, ms * MS, NO_STREAM, 0);
      estimator.tick(ms * MS);
      if (ms % 50 === 0) report(ms);
    }
    for (let ms = 3_000; ms < 4_500; ms += 10) {
      const way = wayUs(ms);
      if (way !== null) recorder.of.onPacket(estimator.nextSeq, ms * MS + way);
      estimator.onSent(600, ms * MS, NO_STREAM, 0);
      estimator.tick(ms * MS);
    }
    expect(estimator.targetBps).toBeLessThan(START_BPS / 2);
    report(4_500);
  }

  function report(ms: number): void {
    const end = recorder.of.write(ms * MS, recorder.out, 0, 1, 2);
    expect(feed(recorder.out.subarray(0, end), ms * MS)).toBe(true);
  }

  beforeEach(() => {
    recorder.of = new ArrivalRecorder();
  });

  test("and all has come in time, the rate is what it was", () => {
    silence(() => 20 * MS);
    expect(estimator.targetBps).toBeGreaterThanOrEqual(START_BPS);
  });

  test("and it was read late, all at once, the rate is what it was", () => {
    silence((ms) => 4_480 * MS - ms * MS + 20 * MS);
    expect(estimator.targetBps).toBeGreaterThanOrEqual(START_BPS);
  });

  test("and a busy receiver has lost a little, the rate is what it was", () => {
    silence((ms) => (ms % 70 === 0 ? null : 4_480 * MS - ms * MS + 20 * MS));
    expect(estimator.targetBps).toBeGreaterThanOrEqual(START_BPS);
  });

  test.each([
    ["much was lost", (ms: number) => (ms < 3_700 ? null : 20 * MS)],
    ["a queue has grown", (ms: number) => 20 * MS + (ms - 3_000) * 300],
  ] as const)("and %s, the path may be another one", (_, wayUs) => {
    silence(wayUs);
    expect(estimator.targetBps).toBeLessThan(START_BPS / 2);
  });
});
