/**
 * Goal: media threads find out whether tracks that are said to be encrypted look so, over lossy lines and repairs, in one
 * thread and in two, and only where that was said and the room wants it.
 * Method: calls in simulation; what threads tell control is kept.
 */
import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { RoomId, TrackId } from "../../src/base/ids.ts";
import type { MediaEvent } from "../../src/contract/media.ts";
import { Conference, type Person } from "../sim/conference.ts";

const SECOND_US = 1_000_000;
const LINK = { delayUs: 30_000, jitterUs: 10_000, loss: 0.05 };

interface Call {
  readonly conference: Conference;
  readonly suspicions: Extract<MediaEvent, { kind: "up-track.suspect" }>[];
}

function call(people: readonly Person[], threads = 1): Call {
  const conference = new Conference({ people, seed: 3, threads });
  const suspicions: Call["suspicions"] = [];
  conference.told = (event) => {
    if (event.kind === "up-track.suspect") suspicions.push(event);
  };
  for (const { person, peer } of conference.seats) if (person.saysSealed) peer.publisher.seals = false;
  guard(conference, true);
  return { conference, suspicions };
}

function guard({ threads, nowUs }: Conference, guardsEncryption: boolean): void {
  const everybody = Number.POSITIVE_INFINITY;
  const options = { loudestAudios: everybody, lastVideos: everybody, guardsEncryption };
  for (const { core } of threads) {
    core.command(nowUs, { kind: "room.options", roomId: "room" as RoomId, options });
  }
}

function tracksOf(conference: Conference, name: string): TrackId[] {
  return conference.seat(name).peer.publisher.tracks.map(({ trackId }) => trackId);
}

describe.each([
  ["simulcast", 1],
  ["svc", 1],
  ["simulcast", 2],
] as const)("%s in %i threads", (sends, threads) => {
  test("who says so and does not is found, who does is not, who says nothing is not looked at", () => {
    const people = [
      { name: "liar", sends, saysSealed: true, up: LINK },
      { name: "sealed", sends, saysSealed: true, up: LINK },
      { name: "plain", sends, up: LINK },
    ];
    const { conference, suspicions } = call(people, threads);
    conference.seat("sealed").peer.publisher.seals = true;
    conference.run(4 * SECOND_US);
    expect(suspicions.every(({ suspect }) => suspect)).toBe(true);
    expect(suspicions.map(({ trackId }) => trackId).sort()).toEqual(tracksOf(conference, "liar").sort());
    const counted = conference.threads.map(({ core: { counters } }) => counters[SLOT.guardedFrames_sealed]!);
    expect(counted.some((frames) => frames > 50)).toBe(true);
  });
});

test("one that begins to seal is cleared, and nobody is suspect where the room does not want to know", () => {
  const { conference, suspicions } = call([{ name: "late", saysSealed: true, up: LINK }]);
  conference.run(2 * SECOND_US);
  conference.seat("late").peer.publisher.seals = true;
  conference.run(8 * SECOND_US);
  expect(suspicions.map(({ suspect }) => suspect)).toEqual([true, true, false, false]);
  guard(conference, false);
  conference.seat("late").peer.publisher.seals = false;
  conference.run(4 * SECOND_US);
  expect(suspicions).toHaveLength(4);
});
