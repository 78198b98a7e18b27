/**
 * Goal: changing the layer is not seen as a stop, on lossy paths too, and the publisher's encoders are left in peace
 * however many ask them for key frames.
 * Method: five people watch one, and each changes the preferred layer every two seconds, a hundred times in all.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Layers } from "../../src/contract/media.ts";
import type { CallReport } from "../sim/call-report.ts";
import type { Person } from "../sim/conference.ts";
import type { LinkSettings } from "../sim/link-model.ts";
import { at, play, prefers } from "../sim/scenario.ts";
import type { VideoKind } from "../sim/session-parameters.ts";

const MS = 1_000;
const VIEWERS = ["bo", "cy", "di", "ed", "flo"];
const SWITCHES = 20;
const PATH = { delayUs: 25 * MS, jitterUs: 5 * MS, jitterReorders: false };
const LOSSY = { ...PATH, loss: 0.05 };

/** `up`: from the publisher. Everybody else loses 5 % both ways. */
function switchOften(
  sends: VideoKind,
  viewers: readonly string[],
  up: Partial<LinkSettings>,
  seed = 1,
): CallReport {
  const layers = (switches: number): Layers => ({ spatial: switches % 3, temporal: 7 });
  return play({
    seed,
    seconds: 5 + 2 * SWITCHES,
    people: [
      { name: "ada", sends, watches: [], up, down: up },
      ...viewers.map(
        (name): Person => ({ name, sends: "nothing", watches: ["ada"], up: LOSSY, down: LOSSY }),
      ),
    ],
    events: viewers.flatMap((viewer, v) =>
      Array.from({ length: SWITCHES }, (_, i) =>
        at(4 + 2 * i + 0.37 * v, prefers(viewer, "ada", { preferred: layers(i + v) })),
      ),
    ),
  });
}

function expectNoStop(report: CallReport): void {
  for (const view of report.views) {
    expect(view.picturesShown, view.viewer).toBeGreaterThan(1_000);
    expect(view.freezes.longestS, view.viewer).toBeLessThan(0.7);
    for (const share of view.layerShare) expect(share, view.viewer).toBeGreaterThan(0.15);
  }
}

describe.each([
  { sends: "simulcast", way: "5 % are lost on all ways", up: LOSSY },
  { sends: "svc", way: "5 % are lost on the way down", up: PATH },
] as const)("a hundred switches of $sends while $way", ({ sends, up }) => {
  let report: CallReport;

  beforeAll(() => {
    report = switchOften(sends, VIEWERS, up);
  });

  test("no picture stands still for 700 ms", () => {
    expectNoStop(report);
  });

  test("the publisher gets at most one PLI in 500 ms for each encoding", () => {
    for (const times of report.plisTo("ada")) {
      expect(times.length).toBeGreaterThan(10);
      const gaps = times.slice(1).map((second, i) => second - times[i]!);
      // Two may come nearer together than they were sent, by what their ways differ.
      expect(Math.min(...gaps)).toBeGreaterThan(0.5 - 0.025);
    }
  });
});

// The base frame of a key picture may come after the upper frames of that picture.
test.each([2, 3, 7, 8])("switches of svc while all ways are lossy, seed %i", (seed) => {
  expectNoStop(switchOften("svc", ["bo"], LOSSY, seed));
});
