/** A room of voices and nothing else: people say levels, packet by packet, and the room is asked what it makes of that. */

import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { ParticipantId, RoomId, TrackId } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import type { MediaEvent, UpTrackParams } from "../../src/contract/media.ts";
import { EXTENSION, ExtensionMap } from "../../src/rtp/header-extensions.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { RoomVoices } from "../../src/sfu/room-voices.ts";
import { UpPacket } from "../../src/sfu/up-packet.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";

const MS = 1_000;
export const PACKET_MS = 20;

/** The octet of a packet (RFC 6464), or null where none is sent. One entry for each 20 ms. */
export type Trace = readonly (number | null)[];

const VOICE = 0x80;
/** A syllable and its consonant, −dBov. */
const SYLLABLE = [34, 28, 26, 28, 30, 36, 30, 28, 62, 64, 60];
const BACKGROUND = 70;

const packets = (ms: number): number[] => Array.from({ length: ms / PACKET_MS }, (_, i) => i);

/** Someone speaks, `quieter` by so many decibels. */
export function talk(ms: number, quieter = 0): Trace {
  return packets(ms).map((i) => VOICE | Math.min(SYLLABLE[i % SYLLABLE.length]! + quieter, 127));
}

/** Somebody is silent, in a room that is not. */
export function pause(ms: number): Trace {
  return packets(ms).map((i) => BACKGROUND + (i % 3));
}

/** One level all the time. */
export function steady(ms: number, level: number, voice = VOICE): Trace {
  return packets(ms).map(() => voice | level);
}

/** Discontinuous transmission: in 400 ms one packet that is silent. */
export function dtx(ms: number): Trace {
  return packets(ms).map((i) => (i % 20 === 19 ? 127 : null));
}

export function inTurn(...traces: readonly Trace[]): Trace {
  return traces.flat();
}

export function repeat(times: number, trace: Trace): Trace {
  return Array.from({ length: times }, () => trace).flat();
}

export type SpeakersEvent = Extract<MediaEvent, { kind: "room.speakers" }>;

export class VoiceRoom {
  readonly events: MediaEvent[];
  readonly counters = createSharedCounters();
  readonly voices: RoomVoices;
  readonly tracks = new Map<string, UpTrack>();
  /** Names of those who held the floor, with the time at which they took it or it fell free. */
  readonly floor: { readonly atMs: number; readonly who: string | null }[] = [];
  nowUs = 1_000_000;
  readonly #startUs = this.nowUs;
  readonly #packet = new UpPacket();

  /** `piped`: those of them who publish in another thread. */
  constructor(names: readonly string[], piped: readonly string[] = []) {
    const context = createCoreContext(new TransmitRing(1), this.counters);
    this.events = context.events;
    this.voices = new RoomVoices("room" as RoomId, context);
    for (const name of names) this.enter(name, !piped.includes(name));
  }

  /** How long the room has been running. */
  get ms(): number {
    return (this.nowUs - this.#startUs) / MS;
  }

  get holder(): string | null {
    return this.voices.dominant.holder?.trackId ?? null;
  }

  get heldBack(): number {
    return this.counters[SLOT.downDropped_not_loudest]!;
  }

  enter(name: string, isOurs = true): void {
    const params: UpTrackParams = {
      trackId: name as TrackId,
      publisher: `PA_${name}` as ParticipantId,
      kind: "audio",
      mid: "0",
      payloads: [],
      rids: [],
      ssrcs: [],
      content: "voice",
    };
    const track = new UpTrack(params, new ExtensionMap({}));
    track.voice = this.voices.add(track, isOurs);
    this.tracks.set(name, track);
  }

  leave(name: string): void {
    this.voices.remove(this.tracks.get(name)!.voice!);
    this.tracks.delete(name);
  }

  mute(name: string): void {
    this.voices.fallSilent(this.tracks.get(name)!.voice!);
  }

  /** One packet of `name` now; without an octet it says no level. Returns whether it is forwarded. */
  say(name: string, octet: number | undefined): boolean {
    const packet = this.#packet;
    packet.extensions.clear();
    if (octet !== undefined) {
      packet.bytes = Uint8Array.of(octet);
      packet.extensions.at[EXTENSION.audioLevel] = 0;
      packet.extensions.bytes[EXTENSION.audioLevel] = 1;
    }
    packet.receivedUs = this.nowUs;
    return this.tracks.get(name)!.voice!.hear(packet);
  }

  /** Lets everybody say theirs, side by side; who has no more to say sends nothing. */
  run(traces: Readonly<Record<string, Trace>>): void {
    const length = Math.max(...Object.values(traces).map((trace) => trace.length));
    for (let i = 0; i < length; i++) {
      for (const [name, trace] of Object.entries(traces)) {
        const octet = trace[i];
        if (octet !== null && octet !== undefined) this.say(name, octet);
      }
      this.pass(PACKET_MS);
    }
  }

  /** Time goes on, in ticks of a media thread. */
  pass(ms: number): void {
    for (const endUs = this.nowUs + ms * MS; this.nowUs < endUs; ) {
      this.nowUs += 10 * MS;
      this.voices.tick(this.nowUs);
      if (this.floor.at(-1)?.who !== this.holder && (this.floor.length > 0 || this.holder !== null))
        this.floor.push({ atMs: this.ms, who: this.holder });
    }
  }

  get reports(): SpeakersEvent[] {
    return this.events.filter((event): event is SpeakersEvent => event.kind === "room.speakers");
  }
}
