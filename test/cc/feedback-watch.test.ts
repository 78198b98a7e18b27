import { expect, test } from "vitest";
import { FeedbackWatch } from "../../src/cc/feedback-watch.ts";

const MS = 1_000;
const RTT_US = 50 * MS;

/** Packets every `everyMs` from 0 on and a tick every 10 ms; the times at which the rate is halved. */
function halvings(
  watch: FeedbackWatch,
  untilMs: number,
  everyMs: number,
  answeredMs: (ms: number) => boolean,
): number[] {
  const found: number[] = [];
  for (let ms = 0; ms < untilMs; ms += 10) {
    if (ms % everyMs === 0) watch.onSent(1, ms * MS);
    if (answeredMs(ms)) watch.onAnswer();
    if (watch.tick(1_000_000, RTT_US, ms * MS)) found.push(ms);
  }
  return found;
}

test.each([
  { name: "answers every 250 ms", everyMs: 20, answered: (ms: number) => ms % 250 === 0, found: [] },
  { name: "no answer", everyMs: 20, answered: () => false, found: [500, 900, 1_300, 1_700] },
  {
    name: "the last answer at 600 ms",
    everyMs: 20,
    answered: (ms: number) => ms === 600,
    found: [500, 1_120, 1_520, 1_920],
  },
  { name: "hardly a packet", everyMs: 400, answered: () => false, found: [] },
])("$name", ({ everyMs, answered, found }) => {
  expect(halvings(new FeedbackWatch(), 2_000, everyMs, answered)).toEqual(found);
});

test("who sends nothing more is not halved further", () => {
  const watch = new FeedbackWatch();
  expect(halvings(watch, 1_000, 20, () => false)).toEqual([500, 900]);
  const later = Array.from({ length: 500 }, (_, i) => watch.tick(1, RTT_US, 1_400 * MS + i * 10 * MS));
  expect(later).not.toContain(true);
});

test("remembers what was allowed before, until an answer", () => {
  const watch = new FeedbackWatch();
  halvings(watch, 1_500, 20, () => false);
  expect([watch.outage, watch.beforeBps]).toEqual([true, 1_000_000]);
  watch.onAnswer();
  expect([watch.outage, watch.beforeBps]).toEqual([false, 0]);
});

test("an outage that follows soon is measured by what was allowed before the first, a later one by itself", () => {
  const watch = new FeedbackWatch();
  const outage = (fromMs: number, targetBps: number): number => {
    for (let ms = fromMs; ms < fromMs + 1_000; ms += 10) {
      watch.onSent(1, ms * MS);
      watch.tick(targetBps, RTT_US, ms * MS);
    }
    const { beforeBps } = watch;
    watch.onAnswer();
    return beforeBps;
  };
  expect(outage(0, 600_000)).toBe(600_000);
  expect(outage(3_000, 80_000)).toBe(600_000);
  expect(outage(20_000, 80_000)).toBe(80_000);
  expect(outage(23_000, 90_000)).toBe(90_000);
});

test.each([
  { name: "as soon as feedback comes", sentMs: 100, answeredMs: 300, rttMs: 50, overdue: false },
  { name: "after a long round trip", sentMs: 100, answeredMs: 700, rttMs: 300, overdue: false },
  {
    name: "after a silence that a long round trip hides",
    sentMs: 100,
    answeredMs: 900,
    rttMs: 300,
    overdue: true,
  },
])("an answer $name", ({ sentMs, answeredMs, rttMs, overdue }) => {
  const watch = new FeedbackWatch();
  watch.onAnswer();
  for (let ms = sentMs; ms < answeredMs; ms += 20) {
    watch.onSent(1, ms * MS);
    expect(watch.tick(1_000_000, rttMs * MS, ms * MS)).toBe(false);
  }
  expect(watch.isOverdue(rttMs * MS, answeredMs * MS)).toBe(overdue);
  watch.onAnswer();
  expect(watch.isOverdue(rttMs * MS, answeredMs * MS)).toBe(false);
});
