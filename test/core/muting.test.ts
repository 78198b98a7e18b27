/**
 * Goal: whom a moderator has muted nobody hears or sees, although their client goes on sending.
 * Method: a simulated call in which microphone and camera are muted for some seconds by the server alone.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { Conference } from "../sim/conference.ts";

const SECOND_US = 1_000_000;

test.each([1, 2])("a muted track reaches nobody, and goes on where it stopped, in %i threads", (threads) => {
  const call = new Conference({
    people: [
      { name: "ada", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed: 1,
    threads,
  });
  const { core } = call.seat("ada").thread;
  const { publisher } = call.seat("ada").peer;
  const mute = (muted: boolean): void => {
    // Control tells each thread that has the track.
    for (const { core: each } of call.threads)
      for (const trackId of [publisher.audioTrack, publisher.videoTrack])
        each.command(call.nowUs, { kind: "up-track.mute", trackId, muted });
  };
  const views = (["audio", "video"] as const).map((kind) => call.seat("bo").peer.view(kind, "ada").viewer);
  const counts = (): number[] => views.map(({ numbers }) => numbers.count);
  call.run(3 * SECOND_US);
  mute(true);
  // What waits for the pacer has been forwarded before.
  call.run(SECOND_US / 2);
  const before = counts();
  call.run(3 * SECOND_US);
  expect(counts()).toEqual(before);
  expect(core.counters[SLOT.upDropped_muted]).toBeGreaterThan(150);

  mute(false);
  call.run(2 * SECOND_US);
  const [voice, video] = counts();
  expect(voice! - before[0]!).toBe(100);
  expect(video! - before[1]!).toBeGreaterThan(100);
  expect(views.map(({ numbers }) => numbers.gaps)).toEqual([0, 0]);
});

test("no key frames are asked for while a track is muted, though one was wanted in another thread before", () => {
  const path = { delayUs: 30_000 };
  const call = new Conference({
    people: [
      { name: "ada", sends: "svc", watches: [], up: path, down: path },
      { name: "bo", sends: "nothing", watches: ["ada"], up: path, down: path },
    ],
    seed: 1,
    threads: 2,
  });
  const { publisher } = call.seat("ada").peer;
  const mute = (muted: boolean): void => {
    for (const { core } of call.threads)
      core.command(call.nowUs, { kind: "up-track.mute", trackId: publisher.videoTrack, muted });
  };
  let wanted = 0;
  call.told = ({ kind }) => {
    if (kind === "piped-track.keyframe") wanted += 1;
  };
  while (wanted === 0) call.run(SECOND_US / 100);
  mute(true);
  call.run(SECOND_US);
  const before = publisher.plis.length;
  call.run(3 * SECOND_US);
  expect(publisher.plis.length).toBe(before);

  mute(false);
  call.run(2 * SECOND_US);
  expect(call.seat("bo").peer.view("video", "ada").viewer.decoder.shown.length).toBeGreaterThan(40);
});
