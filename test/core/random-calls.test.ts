/**
 * Goal: whatever people do and their networks suffer, a call in which all is well again is as good as a new one: pictures in
 * the best layer that is wanted, sound without gaps, and nobody repairs or asks for key frames.
 * Method: random calls of two publishers and a viewer, in one media thread or two. Then all lines are good and nothing
 * happens for twelve simulated seconds, of which the last two are judged.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CounterName, SLOT } from "../../src/base/counters.ts";
import type { RoomId } from "../../src/base/ids.ts";
import { type MediaCommand, NO_PREFERENCE } from "../../src/contract/media.ts";
import { Conference, type Person } from "../sim/conference.ts";
import type { LinkSettings } from "../sim/link-model.ts";
import { blackout, KBPS, MBPS, speaks } from "../sim/scenario.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;
const ROOM = "room" as RoomId;
const NOTHING = -1;
const GOOD: Partial<LinkSettings> = {
  delayUs: 20 * MS,
  jitterUs: 0,
  loss: 0,
  reordering: null,
  rateBps: null,
};
const LINES: readonly Partial<LinkSettings>[] = [
  GOOD,
  { loss: 0.1 },
  { jitterUs: 15 * MS },
  { reordering: { probability: 0.1, byUs: 30 * MS } },
  { rateBps: 60 * KBPS },
  { rateBps: 400 * KBPS },
  { rateBps: 2 * MBPS },
];
const PUBLISHERS = ["ada", "cy"] as const;
const PEOPLE: readonly Person[] = [
  { name: "ada", sends: "simulcast", watches: [], up: GOOD, down: GOOD },
  { name: "bo", sends: "nothing", watches: PUBLISHERS, up: GOOD, down: GOOD },
  { name: "cy", sends: "svc", watches: [], up: GOOD, down: GOOD },
];
/** Each rises only while somebody misses something. */
const TROUBLES: readonly CounterName[] = [
  "nackSeqsSent",
  "nackSeqsReceived",
  "pliReceived",
  "pliSent",
  "downEmptyPackets",
  "downDropped_late",
  "downDropped_pacer_late",
  "downDropped_no_path",
  "upDropped_unknown_path",
];

class RandomCall {
  readonly #call: Conference;
  /** Of each publisher, the layer that is wanted. */
  readonly #wanted = new Map<string, number>();
  readonly #muted = new Set<string>();
  /** The highest encoding that ada sends. */
  #highest = 2;

  constructor(seed: number, threads: number) {
    this.#call = new Conference({ people: PEOPLE, seed, threads });
  }

  run(durationUs: number): void {
    this.#call.run(durationUs);
  }

  prefer(publisher: string, spatial: number, paused: boolean): void {
    const preference = { ...NO_PREFERENCE, paused, preferred: { spatial, temporal: 2 } };
    this.#call.prefer("bo", publisher, preference);
    this.#wanted.set(publisher, paused ? NOTHING : spatial);
  }

  toggleMute(publisher: string): void {
    if (!this.#muted.delete(publisher)) this.#muted.add(publisher);
    const { videoTrack: trackId } = this.#call.seat(publisher).peer.publisher;
    this.#command({ kind: "up-track.mute", trackId, muted: this.#muted.has(publisher) });
  }

  encode(highest: number): void {
    this.#highest = highest;
    this.#call.seat("ada").peer.sendUpTo(highest);
  }

  /** A BYE that a bad line has lost is not sent again. */
  repeatByes(): void {
    const highest = this.#highest;
    this.encode(2);
    this.encode(highest);
  }

  setLine(person: string, way: "up" | "down", line: Partial<LinkSettings>): void {
    this.#call.seat(person)[way].change(this.#call.nowUs, { ...GOOD, ...line });
  }

  limitRoom(loudestAudios: number, lastVideos: number): void {
    const options = { loudestAudios, lastVideos, guardsEncryption: false };
    this.#command({ kind: "room.options", roomId: ROOM, options });
  }

  roam(person: string, host: number): void {
    this.#call.roam(person, `10.9.${person.length}.${host}`);
  }

  happen(happening: (call: Conference) => void): void {
    happening(this.#call);
  }

  /** Makes all lines good. */
  mend(): void {
    for (const { name } of PEOPLE) for (const way of ["up", "down"] as const) this.setLine(name, way, GOOD);
  }

  /** What bo is to get of a publisher in two seconds. */
  expected(publisher: string) {
    const wanted = this.#muted.has(publisher) ? NOTHING : (this.#wanted.get(publisher) ?? 2);
    const layer = publisher === "ada" ? Math.min(wanted, this.#highest) : wanted;
    return { layer, moves: layer !== NOTHING, voice: 100, gaps: 0 };
  }

  /** What bo has got since `before`. */
  got(publisher: string, before: ReturnType<RandomCall["counts"]>) {
    const now = this.counts(publisher);
    const { shown } = this.#view("video", publisher).decoder;
    const moves = now.pictures - before.pictures > 50;
    const layer = now.pictures > before.pictures ? shown.at(-1)!.layer : NOTHING;
    return { layer, moves, voice: now.voice - before.voice, gaps: now.gaps - before.gaps };
  }

  counts(publisher: string) {
    const [audio, video] = [this.#view("audio", publisher), this.#view("video", publisher)];
    return {
      pictures: video.decoder.shown.length,
      voice: audio.numbers.count,
      gaps: audio.numbers.gaps + video.numbers.gaps,
    };
  }

  troubles(): number[] {
    const { threads } = this.#call;
    return TROUBLES.map((name) => threads.reduce((sum, { core }) => sum + core.counters[SLOT[name]]!, 0));
  }

  #view(kind: "audio" | "video", publisher: string) {
    return this.#call.seat("bo").peer.view(kind, publisher).viewer;
  }

  /** Control tells each thread that has the room. */
  #command(command: MediaCommand): void {
    for (const { core } of this.#call.threads) core.command(this.#call.nowUs, command);
  }
}

const person = fc.constantFrom(...PEOPLE.map(({ name }) => name));
const publisher = fc.constantFrom(...PUBLISHERS);
const layer = fc.nat(2);

/** What happens, by name, so that a failure can be read; and how long the call then goes on. */
const step = fc.oneof(
  fc.tuple(fc.constant("prefer" as const), publisher, layer, fc.boolean()),
  fc.tuple(fc.constant("toggleMute" as const), publisher),
  fc.tuple(fc.constant("encode" as const), layer),
  fc.tuple(
    fc.constant("setLine" as const),
    person,
    fc.constantFrom("up" as const, "down" as const),
    fc.constantFrom(...LINES),
  ),
  fc.tuple(fc.constant("limitRoom" as const), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  fc.tuple(fc.constant("roam" as const), person, fc.integer({ min: 1, max: 200 })),
  fc.tuple(fc.constant("blackout" as const), person, fc.constantFrom(0.2, 1, 4)),
  fc.tuple(fc.constant("speaks" as const), publisher, fc.constantFrom(1, 3)),
);
const pauseMs = fc.constantFrom(20, 100, 300, 1_000, 2_500);

function take(call: RandomCall, happening: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
  switch (happening[0]) {
    case "prefer":
      return call.prefer(happening[1], happening[2], happening[3]);
    case "toggleMute":
      return call.toggleMute(happening[1]);
    case "encode":
      return call.encode(happening[1]);
    case "setLine":
      return call.setLine(happening[1], happening[2], happening[3]);
    case "limitRoom":
      return call.limitRoom(happening[1], happening[2]);
    case "roam":
      return call.roam(happening[1], happening[2]);
    case "blackout":
      return call.happen(blackout(happening[1], happening[2]));
    case "speaks":
      return call.happen(speaks(happening[1], happening[2]));
    default:
      return happening satisfies never;
  }
}

test("in any call, when all is well again, everybody gets what is wanted and nothing is missed", () => {
  const steps = fc.array(fc.tuple(step, pauseMs), { minLength: 3, maxLength: 12, size: "max" });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 2 }), fc.nat(1_000), (all, threads, seed) => {
      const call = new RandomCall(seed, threads);
      call.run(SECOND_US);
      for (const [happening, ms] of all) {
        take(call, happening);
        call.run(ms * MS);
      }
      call.mend();
      call.limitRoom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      call.run(5 * SECOND_US);
      call.repeatByes();
      call.run(5 * SECOND_US);
      const before = PUBLISHERS.map((name) => call.counts(name));
      const troubles = call.troubles();
      call.run(2 * SECOND_US);
      PUBLISHERS.forEach((name, i) => {
        expect(call.got(name, before[i]!), name).toEqual(call.expected(name));
      });
      expect(call.troubles()).toEqual(troubles);
    }),
    { numRuns: Number(process.env.RANDOM_CALLS ?? 8) },
  );
}, 120_000);
