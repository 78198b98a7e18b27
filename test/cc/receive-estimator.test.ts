/**
 * Goal: a publisher that only understands REMB uses its uplink and does not flood it.
 * Method: an encoder of 30 frames a second that sends what it is allowed, through a bottleneck with a queue of 300 ms.
 */
import { describe, expect, test } from "vitest";
import { ReceiveEstimator } from "../../src/cc/receive-estimator.ts";
import { absSendTime } from "../../src/rtp/header-extensions.ts";
import { LinkModel, type LinkSettings } from "../sim/link-model.ts";

const MS = 1_000;
const KBPS = 1_000;
const RTT_US = 60 * MS;
const PACKET_BYTES = 1_000;
/** Senders of this kind grow by so much a second, whatever they are allowed. */
const GROWTH = 1.08;

interface Second {
  readonly bps: number;
  readonly longestQueueUs: number;
}

/** Plays until `seconds`; `change` may alter the link at the start of each. */
function publish(
  link: Partial<LinkSettings>,
  seconds: number,
  mostBps: number,
  change: (second: number, link: LinkModel<number>, nowUs: number) => void = () => {},
): Second[] {
  // Crosses a wrap of abs-send-time.
  const startUs = 60_000 * MS;
  const path = new LinkModel<number>({ delayUs: RTT_US / 2, queue: { ms: 300 }, ...link }, 1);
  const estimator = new ReceiveEstimator(startUs);
  const played: Second[] = [];
  let [bps, owed, longestQueueUs] = [300 * KBPS, 0, 0];
  for (let nowUs = startUs; nowUs < startUs + seconds * 1_000 * MS; nowUs += MS) {
    const elapsedMs = (nowUs - startUs) / MS;
    if (elapsedMs % 1_000 === 0) change(elapsedMs / 1_000, path, nowUs);
    if (elapsedMs % 33 === 0) {
      for (owed += (bps * 33) / 8_000; owed > 0; owed -= PACKET_BYTES)
        path.send(nowUs, absSendTime(nowUs), PACKET_BYTES);
    }
    for (const sentAt of path.arrivals(nowUs)) estimator.onPacket(sentAt, PACKET_BYTES, nowUs);
    longestQueueUs = Math.max(longestQueueUs, path.waitUs(nowUs));
    if (elapsedMs % 50 === 0) {
      estimator.update(RTT_US, nowUs);
      bps = Math.min(bps * GROWTH ** 0.05, estimator.bps ?? mostBps, mostBps);
    }
    if (elapsedMs % 1_000 !== 999) continue;
    played.push({ bps, longestQueueUs });
    longestQueueUs = 0;
  }
  return played;
}

const meanBps = (seconds: readonly Second[]): number =>
  seconds.reduce((sum, { bps }) => sum + bps / seconds.length, 0);

describe.each([300 * KBPS, 800 * KBPS, 2_500 * KBPS])("a line of %i bit/s", (rateBps) => {
  test("is used, and its queue stays short", () => {
    const late = publish({ rateBps }, 60, 5_000 * KBPS).slice(35);
    expect(meanBps(late)).toBeGreaterThan(0.75 * rateBps);
    expect(meanBps(late)).toBeLessThan(1.02 * rateBps);
    expect(Math.max(...late.map(({ longestQueueUs }) => longestQueueUs))).toBeLessThan(250 * MS);
  });
});

test("a line that falls to a third is followed within seconds, and found again when it is back", () => {
  const played = publish({ rateBps: 1_500 * KBPS }, 100, 5_000 * KBPS, (second, link, nowUs) => {
    if (second === 40) link.change(nowUs, { rateBps: 500 * KBPS });
    if (second === 60) link.change(nowUs, { rateBps: 1_500 * KBPS });
  });
  expect(played[45]!.bps).toBeLessThan(520 * KBPS);
  expect(meanBps(played.slice(48, 60))).toBeGreaterThan(350 * KBPS);
  expect(meanBps(played.slice(90))).toBeGreaterThan(1_000 * KBPS);
});

test("a line that limits nothing never limits, jitter or not", () => {
  for (const jitterUs of [0, 10 * MS]) {
    const played = publish({ jitterUs, jitterReorders: false }, 60, 2_000 * KBPS);
    expect(played.at(-1)!.bps).toBe(2_000 * KBPS);
  }
});

/** abs-send-time wraps after 64 s: after more than half of that, it alone does not tell whether a packet left before or after. */
test.each([5, 31, 33, 50, 63, 65, 100, 86_400])("a queue is noticed after a silence of %i s", (silence) => {
  const [bps, stepUs] = [1_000 * KBPS, 8 * MS];
  const estimator = new ReceiveEstimator(0);
  /** Sends for some time; each packet waits by `slope` of its interval longer than the one before. */
  const play = (startUs: number, lengthUs: number, slope: number): void => {
    for (let us = 0; us < lengthUs; us += stepUs) {
      const arrivalUs = startUs + us + RTT_US / 2 + slope * us;
      estimator.onPacket(absSendTime(startUs + us), (bps * stepUs) / 8_000_000, arrivalUs);
      if (us % (6 * stepUs) === 0) estimator.update(RTT_US, arrivalUs);
    }
  };
  play(0, 3_000 * MS, 0);
  const backUs = (3 + silence) * 1_000 * MS;
  play(backUs, 2_000 * MS, 0);
  expect(estimator.bps).toBeGreaterThan(bps);
  // Less than what is a queue however it has come about.
  play(backUs + 2_000 * MS, 2_000 * MS, 0.045);
  expect(estimator.bps).toBeLessThan(bps);
});

test("says nothing before a rate has been measured, and then no less than what is received", () => {
  const estimator = new ReceiveEstimator(0);
  const BPS = 2_000 * KBPS;
  const told: (number | null)[] = [];
  for (let nowUs = 0; nowUs <= 1_000 * MS; nowUs += 4 * MS) {
    estimator.onPacket(absSendTime(nowUs), (BPS * 4) / 8_000, nowUs);
    if (nowUs % (40 * MS) !== 0) continue;
    estimator.update(RTT_US, nowUs);
    told.push(estimator.bps);
  }
  expect(told[0]).toBeNull();
  expect(Math.min(...told.filter((bps) => bps !== null))).toBeGreaterThan(BPS);
});
