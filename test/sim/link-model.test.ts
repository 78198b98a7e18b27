/**
 * Goal: the link does what its settings say, since otherwise every test on it measures something else.
 * Method: exact times where nothing is random, shares of many packets where it is, and for all settings that the
 * outcome does not depend on how often the link is polled.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HEADER_BYTES, LinkModel, type LinkSettings } from "./link-model.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;

/** With its headers a packet of this payload has 1,000 bytes on the wire: 8 ms at 1 Mbit/s. */
const PAYLOAD_BYTES = 1_000 - HEADER_BYTES;
const MBPS = 1_000_000;

interface Arrival {
  readonly item: number;
  readonly atUs: number;
}

/** All packets that are still under way, with their exact arrival times. */
function drain(link: LinkModel<number>, untilUs = Number.MAX_SAFE_INTEGER): Arrival[] {
  const arrived: Arrival[] = [];
  for (let atUs = link.nextUs; atUs <= untilUs; atUs = link.nextUs) {
    for (const item of link.arrivals(atUs)) arrived.push({ item, atUs });
  }
  return arrived;
}

/** Sends `packets` at equal intervals, and returns those that arrive. */
function stream(settings: Partial<LinkSettings>, packets: number, intervalUs: number, seed = 1): Arrival[] {
  const link = new LinkModel<number>(settings, seed);
  for (let item = 0; item < packets; item++) link.send(item * intervalUs, item, PAYLOAD_BYTES);
  return drain(link);
}

const numbers = (arrived: readonly Arrival[]): number[] => arrived.map(({ item }) => item);
const times = (arrived: readonly Arrival[]): number[] => arrived.map(({ atUs }) => atUs);
const inOrder = (arrived: readonly Arrival[]): boolean =>
  arrived.every(({ item }, i) => i === 0 || item > arrived[i - 1]!.item);

describe("delay", () => {
  test("a perfect path brings everything at once, a delayed one in order", () => {
    expect(stream({}, 3, 5)).toEqual([0, 1, 2].map((item) => ({ item, atUs: 5 * item })));
    expect(stream({ delayUs: 7 * MS }, 3, 5)).toEqual(
      [0, 1, 2].map((item) => ({ item, atUs: 7 * MS + 5 * item })),
    );
  });

  test.each(["uniform", "normal"] as const)(
    "%s jitter spreads round the delay and never below 0",
    (jitter) => {
      const intervalUs = 10 * MS;
      const settings = { delayUs: 100 * MS, jitterUs: 30 * MS, jitter };
      const delays = stream(settings, 20_000, intervalUs).map(({ item, atUs }) => atUs - item * intervalUs);
      const mean = delays.reduce((sum, one) => sum + one, 0) / delays.length;
      const deviation = Math.sqrt(delays.reduce((sum, one) => sum + (one - mean) ** 2, 0) / delays.length);
      expect(mean / MS).toBeCloseTo(100, 0);
      expect(deviation / MS).toBeCloseTo(jitter === "normal" ? 30 : 30 / Math.sqrt(3), 0);
      const early = stream({ ...settings, delayUs: 10 * MS }, 1_000, intervalUs);
      expect(early.every(({ item, atUs }) => atUs >= item * intervalUs)).toBe(true);
    },
  );

  test("jitter reorders, unless those behind have to wait", () => {
    const settings = { delayUs: 50 * MS, jitterUs: 30 * MS };
    expect(inOrder(stream(settings, 500, MS))).toBe(false);
    const waiting = stream({ ...settings, jitterReorders: false }, 500, MS);
    expect(waiting).toHaveLength(500);
    expect(inOrder(waiting)).toBe(true);
  });

  test("reordering holds the share of packets that it is told, and lets others pass", () => {
    const settings = {
      delayUs: 20 * MS,
      jitterReorders: false,
      reordering: { probability: 0.1, byUs: 15 * MS },
    };
    const arrived = stream(settings, 5_000, 5 * MS);
    expect(arrived).toHaveLength(5_000);
    const late = arrived.filter(({ item, atUs }) => atUs - item * 5 * MS === 35 * MS);
    expect(late.length / 5_000).toBeCloseTo(0.1, 1);
    expect(arrived.length - late.length).toBe(
      arrived.filter(({ item, atUs }) => atUs - item * 5 * MS === 20 * MS).length,
    );
    expect(inOrder(arrived)).toBe(false);
  });
});

describe("loss", () => {
  test("of the share that it is told", () => {
    const arrived = stream({ loss: 0.1 }, 20_000, 1);
    expect(arrived.length / 20_000).toBeCloseTo(0.9, 1.5);
  });

  test("in bursts of the mean length that it is told", () => {
    const packets = 200_000;
    const got = new Set(numbers(stream({ bursts: { start: 0.01, end: 0.25, loss: 1 } }, packets, 1)));
    const lost = Array.from({ length: packets }, (_, item) => !got.has(item));
    const total = lost.filter(Boolean).length;
    const bursts = lost.filter((one, item) => one && lost[item - 1] !== true).length;
    expect(total / bursts).toBeCloseTo(4, 0);
    // The share of time in the state: start / (start + end).
    expect(total / packets).toBeCloseTo(0.01 / 0.26, 2);
  });

  test("of everything that passes during a blackout", () => {
    const link = new LinkModel<number>({ delayUs: 30 * MS, rateBps: MBPS, queue: { bytes: 10_000 } }, 1);
    link.blackout(20 * MS, 40 * MS);
    // They leave the bottleneck at 8, 16, 24, 32, 40 ms.
    for (let item = 0; item < 5; item++) link.send(0, item, PAYLOAD_BYTES);
    expect(drain(link)).toEqual([
      { item: 0, atUs: 38 * MS },
      { item: 1, atUs: 46 * MS },
      { item: 4, atUs: 70 * MS },
    ]);
    expect(link.counts).toEqual({ sent: 5, overflowed: 0, lost: 2, delivered: 3, deliveredBytes: 3_000 });
  });
});

describe("a bottleneck", () => {
  test("lets packets go at its rate, headers counted", () => {
    const arrived = stream({ delayUs: MS, rateBps: MBPS, queue: { bytes: 5_000 } }, 4, 0);
    expect(times(arrived)).toEqual([9, 17, 25, 33].map((ms) => ms * MS));
  });

  test.each([
    ["bytes", { bytes: 3_500 }],
    ["milliseconds", { ms: 28 }],
  ])("drops what its queue can not hold, in %s", (_, queue) => {
    expect(numbers(stream({ rateBps: MBPS, queue }, 10, 0))).toEqual([0, 1, 2]);
    // As each comes 0, 625, 1,250, 1,875, 2,500 bytes wait; then 3,125 and 2,750 are too many, 2,375 are not.
    expect(numbers(stream({ rateBps: MBPS, queue }, 10, 3 * MS))).toEqual([0, 1, 2, 3, 4, 7]);
  });

  test("takes one packet, however short its queue is", () => {
    expect(numbers(stream({ rateBps: MBPS, queue: { bytes: 1 } }, 3, 8 * MS))).toEqual([0, 1, 2]);
  });

  test("changes its rate in the middle of a packet", () => {
    const link = new LinkModel<number>({ rateBps: MBPS, queue: { bytes: 100_000 } }, 1);
    for (let item = 0; item < 4; item++) link.send(0, item, PAYLOAD_BYTES);
    // Half of the second is left, and takes twice as long.
    link.change(12 * MS, { rateBps: MBPS / 2 });
    expect(link.waitUs(12 * MS)).toBeCloseTo(40 * MS);
    expect(drain(link, 24 * MS)).toEqual([
      { item: 0, atUs: 8 * MS },
      { item: 1, atUs: 20 * MS },
    ]);
    link.change(28 * MS, { rateBps: 0 });
    link.send(100 * MS, 4, PAYLOAD_BYTES);
    expect(link.nextUs).toBe(Number.POSITIVE_INFINITY);
    link.change(200 * MS, { rateBps: MBPS });
    expect(times(drain(link, 215 * MS))).toEqual([204 * MS, 212 * MS]);
    // Without a bottleneck what waits goes at once.
    link.change(216 * MS, { rateBps: null });
    expect(drain(link)).toEqual([{ item: 4, atUs: 216 * MS }]);
  });

  test("is never faster than its rate nor idle while something waits", () => {
    const rateBps = 3 * MBPS;
    const arrived = stream({ rateBps, queue: { ms: 100 } }, 20_000, 2 * MS);
    const seconds = times(arrived).at(-1)! / SECOND_US;
    expect((arrived.length * 8_000) / seconds / rateBps).toBeCloseTo(1, 3);
    const delays = arrived.map(({ item, atUs }) => atUs - item * 2 * MS);
    expect(Math.max(...delays)).toBeLessThanOrEqual(100 * MS + 1);
  });
});

const probability = fc.double({ min: 0, max: 1, noNaN: true });
const anySettings = fc.record<LinkSettings>({
  delayUs: fc.integer({ min: 0, max: 50 * MS }),
  jitterUs: fc.integer({ min: 0, max: 30 * MS }),
  jitter: fc.constantFrom("uniform", "normal"),
  jitterReorders: fc.boolean(),
  loss: probability,
  bursts: fc.option(fc.record({ start: probability, end: probability, loss: probability }), { nil: null }),
  reordering: fc.option(fc.record({ probability, byUs: fc.integer({ min: 0, max: 20 * MS }) }), {
    nil: null,
  }),
  rateBps: fc.option(fc.integer({ min: 100_000, max: 10_000_000 }), { nil: null }),
  queue: fc.oneof(
    fc.record({ bytes: fc.integer({ min: 0, max: 50_000 }) }),
    fc.record({ ms: fc.integer({ min: 0, max: 500 }) }),
  ),
});
/** Each a pause, a size, whether the link is polled, and what is changed. */
const anyTraffic = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 20 * MS }),
    fc.integer({ min: 1, max: 1_472 }),
    fc.boolean(),
    fc.option(anySettings, { freq: 10 }),
  ),
  { maxLength: 60 },
);

test("the same seed has the same outcome, however often one looks; and every packet is accounted for", () => {
  fc.assert(
    fc.property(anySettings, anyTraffic, fc.integer(), (settings, traffic, seed) => {
      const run = (looks: boolean): { arrived: Arrival[]; link: LinkModel<number> } => {
        const link = new LinkModel<number>(settings, seed);
        const arrived: Arrival[] = [];
        let nowUs = 0;
        traffic.forEach(([pauseUs, bytes, look, changes], item) => {
          nowUs += pauseUs;
          if (looks && look) arrived.push(...drain(link, nowUs));
          if (changes !== null) link.change(nowUs, changes);
          link.send(nowUs, item, bytes);
        });
        return { arrived: [...arrived, ...drain(link)], link };
      };
      const [often, once] = [run(true), run(false)];
      expect(often.arrived.map(({ item }) => item)).toEqual(once.arrived.map(({ item }) => item));
      const { sent, overflowed, lost, delivered } = once.link.counts;
      expect(often.link.counts).toEqual(once.link.counts);
      expect([sent, delivered]).toEqual([traffic.length, once.arrived.length]);
      expect(overflowed + lost + delivered).toBe(sent);
    }),
  );
});
