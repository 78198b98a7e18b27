/** Whether losses stay when less is sent: tables of a second before the step, and of what is seen after it. */
import { expect, test } from "vitest";
import { LossModel } from "../../src/cc/loss-model.ts";
import { LossTrial } from "../../src/cc/loss-trial.ts";
import { Throughput } from "../../src/cc/throughput.ts";

const MS = 1_000;
const KBPS = 1_000;

/** One observation: share lost of a rate in kbit/s, and the queue that stands, in milliseconds. */
type Row = readonly [lost: number, kbps: number, queueMs?: number];

/** After 30 % of 2 Mbit/s were lost: the number of the observation that shows that losses stay; 0 for none. */
function staysAfter(rows: readonly Row[]): number {
  const trial = new LossTrial();
  trial.begin(0.3, 2_000 * KBPS, 2_100 * KBPS);
  for (const [index, [lost, kbps, queueMs = 0]] of rows.entries()) {
    const bytes = (kbps * KBPS) / 32;
    if (!trial.judge(bytes, lost * bytes, kbps * KBPS, queueMs * MS)) continue;
    expect(trial.loss).toBeCloseTo(lost);
    expect(trial.beforeBps).toBe(2_100 * KBPS);
    return index + 1;
  }
  return 0;
}

const times = (count: number, ...row: Row): Row[] => Array(count).fill(row);

test.each<{ name: string; rows: Row[]; stays: number }>([
  { name: "the same share is lost of less", rows: times(8, 0.3, 1_400), stays: 4 },
  {
    name: "the first are of what was sent before",
    rows: [...times(3, 0.3, 2_000), ...times(4, 0.3, 1_400)],
    stays: 7,
  },
  { name: "at a low rate more are needed to tell", rows: times(12, 0.3, 150), stays: 9 },
  { name: "a link of 1.4 Mbit/s, which loses nothing now", rows: times(8, 0, 1_400), stays: 0 },
  { name: "a link of 1.4 Mbit/s, which still has too much", rows: times(8, 0.18, 1_700), stays: 0 },
  { name: "half of it stays", rows: times(8, 0.21, 1_600), stays: 0 },
  {
    name: "what was not clear at first",
    rows: [...times(4, 0.21, 1_600), ...times(4, 0.3, 1_400)],
    stays: 8,
  },
  {
    name: "a link that lost nothing loses because of something else",
    rows: [...times(4, 0, 1_400), ...times(8, 0.3, 1_400)],
    stays: 0,
  },
  { name: "a path that is all but gone", rows: times(8, 0.9, 1_400), stays: 0 },
  { name: "a path that is gone", rows: times(8, 1, 1_400), stays: 0 },
  { name: "the rate does not fall", rows: times(40, 0.3, 1_900), stays: 0 },
  { name: "a queue stands", rows: times(8, 0.3, 1_400, 10), stays: 0 },
  {
    name: "a queue from before the step has gone",
    rows: [[0.3, 2_000, 40], ...times(4, 0.3, 1_400)],
    stays: 5,
  },
])("$name", ({ rows, stays }) => {
  expect(staysAfter(rows)).toBe(stays);
});

test("nothing is judged without a trial, nor after one that was stopped", () => {
  const trial = new LossTrial();
  const sees = (): boolean[] => times(8, 0.3, 1_400).map(() => trial.judge(50_000, 15_000, 1_400 * KBPS, 0));
  expect(sees()).not.toContain(true);
  trial.begin(0.3, 2_000 * KBPS, 2_100 * KBPS);
  trial.stop();
  expect(sees()).not.toContain(true);
});

test("a queue that stands for two seconds is a full link", () => {
  const trial = new LossTrial();
  const full = Array.from({ length: 10 }, (_, i) => {
    trial.judge(50_000, 0, 1_400 * KBPS, i === 9 ? 0 : 10 * MS);
    return trial.isFull;
  });
  expect(full).toEqual([...Array(7).fill(false), true, true, false]);
});

test("what is proved is no evidence of a limit, and is forgotten when less is lost", () => {
  const model = new LossModel();
  model.proved = 0.3;
  for (let i = 0; i < 40; i++) model.add(60_000, 18_000, 2_000 * KBPS);
  expect([model.isHeavy, model.limitBps(2_000 * KBPS), model.proved]).toEqual([
    false,
    Number.POSITIVE_INFINITY,
    0.3,
  ]);
  for (let i = 0; i < 20; i++) model.add(60_000, 3_000, 2_000 * KBPS);
  expect(model.proved).toBeCloseTo(0.05);
});

test("what comes stands for what is lost of it whatever is sent", () => {
  const throughput = new Throughput();
  throughput.inherentLoss = 0.25;
  for (let ms = 0; ms < 1_000; ms += 10) {
    const arrivalUs = ms * MS;
    throughput.onAcknowledged({ bytes: 1_000, unreportedBytes: 0, arrivalUs, priorArrivalUs: 0 } as never);
  }
  throughput.measure(1_000 * MS);
  expect(throughput.ackedBps / (800_000 / 0.75)).toBeCloseTo(1, 1);
});
