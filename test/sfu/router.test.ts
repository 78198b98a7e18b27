/**
 * Goal: a room ties what it hears to who publishes it, for as long as they publish; and obeys its options.
 * Method: piped tracks, which need no transport, fed with packets that say levels.
 */

import { expect, test } from "vitest";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { ParticipantId, RoomId, TrackId } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import type { UpTrackParams } from "../../src/contract/media.ts";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { PipedTrack } from "../../src/sfu/piped-track.ts";
import { Router } from "../../src/sfu/router.ts";
import { TrackPipe } from "../../src/sfu/track-pipe.ts";
import { extensionMap, upPacket } from "./packets.ts";
import { OPUS } from "./payloads.ts";

const LEVEL_ID = 1;
const MAP = extensionMap({ audioLevel: LEVEL_ID });
const LOUD = 0x80 | 30;
const QUIET = 72;

class Hall {
  readonly counters = createSharedCounters();
  readonly router: Router;
  nowUs = 1_000_000;
  readonly #context = createCoreContext(new TransmitRing(8), this.counters);
  readonly #tracks = new Map<string, { readonly piped: PipedTrack; readonly ssrc: number }>();
  /** What goes on to another thread. */
  readonly pipedOn: number[] = [];
  #seq = 0;

  constructor() {
    this.router = new Router("hall" as RoomId, this.#context);
  }

  publish(trackId: string, publisher: string, change: Partial<UpTrackParams> = {}): void {
    const ids = { trackId: trackId as TrackId, publisher: publisher as ParticipantId };
    const rest = { kind: "audio", mid: "0", payloads: [OPUS], rids: [], ssrcs: [] } as const;
    const params: UpTrackParams = { ...ids, ...rest, content: "voice", ...change };
    const piped = new PipedTrack(params, { [EXTENSION_URI.audioLevel]: LEVEL_ID }, this.#context);
    this.router.publishPiped(piped);
    this.#tracks.set(trackId, { piped, ssrc: 1 + this.#tracks.size });
    const pipe = { writePacket: () => this.pipedOn.push(1), writeClock: () => {} };
    piped.track.pipes.push(new TrackPipe(1, pipe as never, 1, this.counters));
  }

  /** Half a second in which only `speaking` is heard; returns who would have been forwarded to at the end. */
  run(speaking: string | null, ms = 500): string[] {
    for (const endUs = this.nowUs + ms * 1_000; this.nowUs < endUs; this.nowUs += 20_000) {
      for (const [trackId, { piped, ssrc }] of this.#tracks) {
        const level = trackId === speaking ? LOUD : QUIET;
        const extensions = `bede0001 ${((LEVEL_ID << 4) | 0).toString(16)}${level.toString(16).padStart(2, "0")}0000`;
        const packet = upPacket(MAP, { ssrc, payloadType: 111, seq: this.#seq++, extensions });
        packet.receivedUs = this.nowUs;
        piped.receive(packet);
      }
      this.router.tick(this.nowUs);
    }
    return [...this.#tracks].filter(([, { piped }]) => piped.track.voice?.place !== "held").map(([id]) => id);
  }

  rank(publisher: string): number {
    return this.router.speakerRank(publisher as ParticipantId);
  }

  unpublish(trackId: string): void {
    this.router.unpublish(trackId as TrackId, this.nowUs);
    this.#tracks.delete(trackId);
  }
}

const NEVER = Number.POSITIVE_INFINITY;

test("ranks follow the floor, and last for as long as something of the publisher is there", () => {
  const hall = new Hall();
  hall.publish("ada's voice", "ada");
  hall.publish("ada's camera", "ada", { kind: "video", content: "camera" });
  hall.publish("bo's voice", "bo");
  expect([hall.rank("ada"), hall.rank("bo")]).toEqual([NEVER, NEVER]);
  hall.run("ada's voice");
  expect([hall.rank("ada"), hall.rank("bo")]).toEqual([0, NEVER]);
  hall.run("bo's voice", 700);
  expect([hall.rank("ada"), hall.rank("bo")]).toEqual([1, 0]);
  hall.unpublish("ada's voice");
  expect(hall.rank("ada")).toBe(1);
  hall.unpublish("ada's camera");
  expect(hall.rank("ada")).toBe(NEVER);
  hall.unpublish("bo's voice");
  expect(hall.rank("bo")).toBe(NEVER);
});

test("options: everything unless told, then the loudest; other threads get everything all the same", () => {
  const hall = new Hall();
  for (const name of ["ada", "bo", "cy"]) hall.publish(name, name);
  hall.publish("screen", "cy", { content: "other" });
  expect(hall.router.lastVideos).toBe(NEVER);
  expect(hall.run("ada")).toEqual(["ada", "bo", "cy", "screen"]);
  hall.router.setOptions({ loudestAudios: 1, lastVideos: 2, guardsEncryption: false });
  expect(hall.router.lastVideos).toBe(2);
  expect(hall.run("bo")).toEqual(["bo", "screen"]);
  expect(hall.run("screen")).toEqual(["bo", "screen"]);
  expect(hall.pipedOn).toHaveLength(3 * 25 * 4);
  hall.router.setOptions({ loudestAudios: NEVER, lastVideos: NEVER, guardsEncryption: false });
  expect(hall.run(null)).toEqual(["ada", "bo", "cy", "screen"]);
});

test("a mute takes the floor, and the place among the loudest", () => {
  const hall = new Hall();
  for (const name of ["ada", "bo"]) hall.publish(name, name);
  hall.router.setOptions({ loudestAudios: 1, lastVideos: NEVER, guardsEncryption: false });
  expect(hall.run("ada")).toEqual(["ada"]);
  hall.router.command(hall.nowUs, { kind: "up-track.mute", trackId: "ada" as TrackId, muted: true });
  expect(hall.rank("ada")).toBe(1);
  hall.router.command(hall.nowUs, { kind: "up-track.mute", trackId: "ada" as TrackId, muted: false });
  expect(hall.rank("ada")).toBe(1);
  expect(hall.run("bo")).toEqual(["bo"]);
  expect(hall.counters[SLOT.speakerChanges]).toBe(2);
});

test("who is hidden neither takes the floor nor a place among the loudest, and is heard as before when shown again", () => {
  const hall = new Hall();
  for (const name of ["ada", "bo"]) hall.publish(name, name);
  hall.publish("eve", "eve", { isHidden: true });
  hall.router.setOptions({ loudestAudios: 1, lastVideos: NEVER, guardsEncryption: false });
  expect(hall.run("ada")).toEqual(["ada", "eve"]);
  expect(hall.run("eve", 2_000)).toEqual(["ada", "eve"]);
  expect([hall.rank("ada"), hall.rank("eve")]).toEqual([0, NEVER]);
  const hide = (trackId: string, hidden: boolean) =>
    hall.router.command(hall.nowUs, { kind: "up-track.hide", trackId: trackId as TrackId, hidden });
  hide("ada", true);
  // The place is free for whoever is heard.
  expect(hall.run("ada")).toEqual(["ada", "bo", "eve"]);
  expect(hall.rank("ada")).toBe(1);
  expect(hall.run("bo")).toEqual(["ada", "bo", "eve"]);
  expect(hall.rank("bo")).toBe(0);
  hide("ada", false);
  expect(hall.run("ada", 1_500)).toEqual(["ada", "eve"]);
  expect([hall.rank("ada"), hall.rank("bo")]).toEqual([0, 1]);
});
