/**
 * What must not happen at any moment, however far behind rooms are with their work: that somebody is sent a track that is not
 * for them, that a muted track is forwarded, that somebody hears of a participant who is hidden. It keeps books of its own of
 * what publishers and moderators have said, and asks control for nothing but who is where.
 */
import { ParticipantInfo_State, type SignalResponse } from "@livekit/protocol";
import { expect } from "vitest";
import type { Audience } from "../../src/control/audience.ts";
import type { Participant } from "../../src/control/participant.ts";
import type { Rooms } from "../../src/control/rooms.ts";
import type { Track } from "../../src/control/track.ts";
import type { ThreadModel } from "./thread-model.ts";

type Message = NonNullable<SignalResponse["message"]>;

export interface Listener {
  readonly sid: string;
  readonly messages: readonly Message[];
}

export class Secrecy {
  readonly #audiences = new Map<Participant, Audience>();
  readonly #muted = new Set<Track>();
  readonly #heard = new WeakSet<Message>();

  setAudience(publisher: Participant, audience: Audience): void {
    this.#audiences.set(publisher, audience);
  }

  setMuted(track: Track, muted: boolean): void {
    if (muted) this.#muted.add(track);
    else this.#muted.delete(track);
  }

  check(rooms: Rooms, threads: readonly ThreadModel[], listeners: readonly Listener[]): void {
    const present = rooms.list.flatMap(({ participants }) => participants);
    const streams = new Map<string, Track>();
    const receivers = new Map<string, Participant>();
    for (const participant of present) {
      for (const { id } of participant.transports) receivers.set(id, participant);
      for (const track of participant.tracks) {
        streams.set(track.id, track);
        if (track.backup !== null) streams.set(track.backup.id, track);
      }
    }
    const hidden = present.filter(({ profile }) => profile.permission.hidden);
    const sids = new Set<string>(hidden.map(({ id }) => id));
    expect([
      ...threads.flatMap((thread) => this.#wronglySent(thread, streams, receivers)),
      ...threads.flatMap((thread) => this.#wronglyMuted(thread, streams)),
      ...listeners.flatMap((listener) => this.#wronglyTold(listener, sids)),
    ]).toEqual([]);
  }

  #wronglySent(
    { downs }: ThreadModel,
    streams: ReadonlyMap<string, Track>,
    receivers: ReadonlyMap<string, Participant>,
  ): string[] {
    return [...downs.values()].flatMap(({ transportId, source }) => {
      if (source === null) return [];
      const [receiver, track] = [receivers.get(transportId), streams.get(source)];
      const isFor = receiver !== undefined && track !== undefined && this.#isFor(receiver, track);
      return isFor ? [] : `${track?.publisher.identity} is sent to ${receiver?.identity}`;
    });
  }

  #wronglyMuted({ heard, piped, muted }: ThreadModel, streams: ReadonlyMap<string, Track>): string[] {
    return [...heard.keys(), ...piped.keys()].flatMap((id) => {
      const track = streams.get(id);
      if (track === undefined || muted.has(id) === this.#isMuted(track)) return [];
      return `${track.publisher.identity} is ${muted.has(id) ? "" : "not "}muted`;
    });
  }

  #isFor(receiver: Participant, track: Track): boolean {
    const { publisher, source } = track;
    const author = source?.publisher ?? publisher;
    const audience = this.#audiences.get(author) ?? "everybody";
    const listed = audience === "everybody" ? "all" : audience.get(receiver.identity);
    const isListed = listed === "all" || listed?.has((source ?? track).id) === true;
    const isSeen = !publisher.profile.permission.hidden;
    return publisher.room === receiver.room && isSeen && receiver.profile.permission.canSubscribe && isListed;
  }

  #isMuted(track: Track): boolean {
    return this.#muted.has(track) || (track.source !== null && this.#muted.has(track.source));
  }

  #wronglyTold({ sid: own, messages }: Listener, hidden: ReadonlySet<string>): string[] {
    return messages.flatMap((message) => {
      if (this.#heard.has(message)) return [];
      this.#heard.add(message);
      const named = sidsIn(message).filter((sid) => sid !== own && hidden.has(sid));
      return named.map((sid) => `${own} is told in ${message.case} of ${sid}, who is hidden`);
    });
  }
}

/** Who is said to be here. */
function sidsIn({ case: kind, value }: Message): string[] {
  switch (kind) {
    case "join":
    case "roomMoved":
      return value.otherParticipants.map(({ sid }) => sid);
    case "update":
      return value.participants.flatMap(({ sid, state }) =>
        state === ParticipantInfo_State.DISCONNECTED ? [] : sid,
      );
    case "speakersChanged":
      return value.speakers.flatMap(({ sid, active }) => (active ? sid : []));
    case "connectionQuality":
      return value.updates.map(({ participantSid }) => participantSid);
    default:
      return [];
  }
}
