/**
 * Goal: a viewer without transport-wide feedback, of which only its own estimates are known (REMB), sees everybody as long
 * as its line carries that, and again soon after it did not.
 * Method: simulated calls in which a viewer says what aiortc says: an estimate of each video, while it arrives.
 */
import { expect, test } from "vitest";
import { writeRemb } from "../../src/rtp/rtcp/remb.ts";
import { NOTHING } from "../sim/call-report.ts";
import { at, type Happening, KBPS, play } from "../sim/scenario.ts";

const OWN_SSRC = 1;
const PUBLISHERS = ["ada", "cy"];
const SECONDS = 35;

/** About the video of each publisher. */
const estimates = (bps: number): Happening => {
  return (call) => {
    const { peer, path } = call.seat("bo");
    for (const name of PUBLISHERS) {
      const out = new Uint8Array(64);
      const { ssrc } = peer.view("video", name).viewer.params;
      const bytes = writeRemb(out, 0, OWN_SSRC, bps, [ssrc]);
      call.receive(peer.sealRtcp(out.subarray(0, bytes)), path);
    }
  };
};

/** Seconds in which bo sees each, where `kbps` tells its estimates of each second; undefined for none. */
function seen(kbps: (second: number) => number | undefined): number[][] {
  const events = Array.from({ length: SECONDS }, (_, second) => ({ second, rate: kbps(second) }));
  const report = play({
    seed: 1,
    seconds: SECONDS,
    people: [
      ...PUBLISHERS.map((name) => ({ name, sends: "simulcast" as const, watches: [] })),
      { name: "bo", sends: "audio", watches: PUBLISHERS, numbersPackets: false },
    ],
    events: events.flatMap(({ second, rate }) =>
      rate === undefined ? [] : [at(second, estimates(rate * KBPS))],
    ),
  });
  return PUBLISHERS.map((name) =>
    report.view("bo", name).layerOfSecond.flatMap((layer, second) => (layer === NOTHING ? [] : [second])),
  );
}

const from = (first: number): number[] => Array.from({ length: SECONDS - first }, (_, i) => first + i);

test("estimates that begin low and grow slowly stop nobody", () => {
  const all = seen((second) => (second < 3 ? undefined : 200 * 1.08 ** (second - 3)));
  for (const seconds of all) expect(seconds).toEqual(expect.arrayContaining(from(1)));
});

test("those that fall too low stop the pictures, and are forgotten, for no more of them come", () => {
  const all = seen((second) => [500, 500, 60][second - 5]);
  for (const seconds of all) {
    expect(seconds).toEqual(expect.arrayContaining([3, 4, 5, 6]));
    expect(seconds).not.toContain(9);
    expect(seconds).toEqual(expect.arrayContaining(from(33)));
  }
});
