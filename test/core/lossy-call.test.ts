/**
 * Goal: a picture moves on over a path that loses one packet in ten either way: it stands still for less than 2 % of the
 * time.
 * Method: a minute of one publisher and one viewer for some seeds. The viewer holds pictures back for as long as it is
 * told to, and no longer.
 */
import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { LinkSettings } from "../sim/link-model.ts";
import { at, type Happening, play, watches } from "../sim/scenario.ts";
import type { VideoKind } from "../sim/session-parameters.ts";

const MS = 1_000;
const SECONDS = 60;
const SEEDS = [1, 2, 3];
const MOST_FROZEN_S = 0.02 * SECONDS;

interface Outcome {
  readonly frozenS: number;
  readonly longestS: number;
  /** Of the packets that were sent. */
  readonly repeated: number;
  readonly framesLost: number;
}

type Ways = Readonly<Record<"up" | "down", Partial<LinkSettings>>>;

/** Means over the seeds, but for the longest freeze of them all. */
function watchOver(sends: VideoKind, ways: Ways, first: Happening = () => {}): Outcome {
  const outcomes = SEEDS.map((seed): Outcome => {
    let repeated = 0;
    const readCounts: Happening = ({ core }) => {
      repeated = core.counters[SLOT.downRtxPackets]! / core.counters[SLOT.downPackets_video]!;
    };
    const report = play({
      seed,
      seconds: SECONDS,
      people: [
        { name: "ada", sends, watches: [] },
        { name: "bo", sends: "nothing", watches: ["ada"], ...ways },
      ],
      events: [at(0, first), at(SECONDS - 0.1, readCounts)],
    });
    const { freezes, framesLost, framesComplete } = report.view("bo", "ada");
    return {
      frozenS: freezes.totalS,
      longestS: freezes.longestS,
      repeated,
      framesLost: framesLost / (framesLost + framesComplete),
    };
  });
  const mean = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((sum, outcome) => sum + of(outcome) / outcomes.length, 0);
  return {
    frozenS: mean(({ frozenS }) => frozenS),
    longestS: Math.max(...outcomes.map(({ longestS }) => longestS)),
    repeated: mean(({ repeated }) => repeated),
    framesLost: mean(({ framesLost }) => framesLost),
  };
}

const far = (rttMs: number, more: Partial<LinkSettings>): Partial<LinkSettings> => ({
  delayUs: (rttMs / 2) * MS,
  ...more,
});
const bothWays = (rttMs: number, loss: number): Ways => ({
  up: far(rttMs, { loss }),
  down: far(rttMs, { loss }),
});

const ROWS: readonly (readonly [string, Ways])[] = [
  ["10 % and 50 ms there and back", bothWays(50, 0.1)],
  ["10 % and 100 ms", bothWays(100, 0.1)],
  ["5 % and 200 ms", bothWays(200, 0.05)],
  // One packet in ten, three in a row on average.
  [
    "10 % in bursts on the way down and 50 ms",
    { up: far(50, { loss: 0.1 }), down: far(50, { bursts: { start: 0.0365, end: 1 / 3, loss: 1 } }) },
  ],
];

describe.each(["simulcast", "svc"] as const)("%s", (sends) => {
  test.each(ROWS)("loss of %s: frozen for less than 2 % of the time", (_, ways) => {
    const { frozenS, longestS, repeated } = watchOver(sends, ways);
    expect(frozenS).toBeLessThan(MOST_FROZEN_S);
    expect(longestS).toBeLessThan(0.5);
    // Each loss is mended by one packet, or two where that is lost too or not awaited.
    expect(repeated).toBeLessThan(0.2);
  });

  test("what feedback says was lost is sent again though nobody asks", () => {
    const asksNothing: Happening = (call) => {
      call.seat("bo").peer.view("video", "ada").viewer.asksAgain = false;
    };
    const { framesLost } = watchOver(sends, bothWays(50, 0.02), asksNothing);
    expect(framesLost).toBeLessThan(0.01);
  });
});

test("who speaks hears of the losses of who loses most, of voices only and up to 10 %", () => {
  const told: number[][] = [];
  const read: Happening = ({ seats }) => {
    const { publisher, toldLoss } = seats[0]!.peer;
    const videos = publisher.encodings.map(({ ssrc }) => toldLoss.get(ssrc)!);
    const voice = [...toldLoss].find(([ssrc]) => publisher.encodings.every((one) => one.ssrc !== ssrc))![1];
    told.push([voice, ...videos]);
  };
  const losing = (loss: number): Partial<LinkSettings> => far(50, { loss });
  play({
    seed: 1,
    seconds: 30,
    people: [
      { name: "ada", sends: "simulcast", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"], down: losing(0.05) },
      { name: "cy", sends: "nothing", watches: ["ada"] },
      { name: "di", sends: "nothing", watches: [], down: losing(0.5) },
    ],
    events: [
      ...Array.from({ length: 10 }, (_, i) => at(10 + i, read)),
      at(20, watches("di", "ada")),
      at(29, read),
    ],
  });
  const meanVoice = told.slice(0, 10).reduce((sum, [voice]) => sum + voice! / 10, 0);
  expect(meanVoice).toBeGreaterThan(0.025);
  expect(meanVoice).toBeLessThan(0.085);
  expect(told.at(-1)![0]).toBeCloseTo(0.1, 2);
  for (const [, ...videos] of told) expect(videos).toEqual([0, 0, 0]);
});
