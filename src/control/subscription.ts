/**
 * One sending section (`m=`) towards a subscriber, which carries one track at a time.
 *
 *            carry(track)
 *    free ────────────────▶ carrying ─┐ carry(another track, or the same with another payload type)
 *     ▲                      │   ▲    │
 *     └───── carry(null) ────┘   └────┘
 *
 * Where the peer was told which track a section is for, it is reserved: it carries that one whenever it can, and no other.
 * The SSRC and its numbering live as long as this does, so a receiver never sees a track change as a new stream.
 */
import { isDeepStrictEqual } from "node:util";
import type { CodecName } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";
import {
  type AllotmentCause,
  type DownPayloads,
  type DownTrackParams,
  type LayerPreference,
  type Layers,
  NO_PREFERENCE,
  type PayloadParams,
} from "../contract/media.ts";
import { decodingDistance } from "../sdp/codecs.ts";
import type { Participant } from "./participant.ts";
import type { Track } from "./track.ts";
import type { Transport } from "./transport.ts";

interface Source extends DownPayloads {
  /** Of the track's streams, the one that the subscriber gets. */
  readonly rendition: Track;
}

/** `layers`: null for nothing. `reason`: a sentence for people. */
export interface Allotment {
  readonly layers: Layers | null;
  readonly cause: AllotmentCause;
  readonly reason: string;
}

export class Subscription {
  readonly subscriber: Participant;
  readonly section: DownTrackParams;
  /** Sections of one group are shown together (one sync source): they should carry tracks of one publisher. */
  readonly group: number;
  /** The only track that it may carry; null when any. */
  readonly reserved: Track | null;
  readonly #transport: Transport;
  #payloads: readonly PayloadParams[];
  #source: Source | null = null;
  #preference = NO_PREFERENCE;
  #current: Layers | null = null;
  #allotted: Allotment | null = null;
  readonly #allottedListeners: ((allotted: Allotment) => void)[] = [];

  /** `payloads`: what the peer has said that it takes; none before it has. */
  constructor(
    transport: Transport,
    section: DownTrackParams,
    group: number,
    payloads: readonly PayloadParams[],
    reserved: Track | null,
  ) {
    this.subscriber = transport.participant;
    this.section = section;
    this.group = group;
    this.reserved = reserved;
    this.#payloads = payloads;
    this.#transport = transport;
    transport.thread.route(section.subscriptionId, (event) => {
      if (event.kind === "down-track.layer") this.#current = event.current;
      else if (event.kind === "down-track.allotted") this.#onAllotted(event);
    });
  }

  get track(): Track | null {
    return this.#source?.rendition.primary ?? null;
  }

  get preference(): LayerPreference {
    return this.#preference;
  }

  /** The layer being sent; null while nothing is. */
  get current(): Layers | null {
    return this.#current;
  }

  /** What the receiver's bandwidth allows, and why; null until that was decided. */
  get allotted(): Allotment | null {
    return this.#allotted;
  }

  /** Calls `listener` when something else is allotted. */
  onAllotted(listener: (allotted: Allotment) => void): void {
    this.#allottedListeners.push(listener);
  }

  prefer(change: Partial<LayerPreference>): void {
    this.#preference = { ...this.#preference, ...change };
    this.#transport.post({
      kind: "down-track.prefer",
      subscriptionId: this.section.subscriptionId,
      preference: this.#preference,
    });
  }

  /** The peer has answered, or has changed its mind. Takes effect when tracks are dealt next. */
  negotiated(payloads: readonly PayloadParams[]): void {
    this.#payloads = payloads;
  }

  /** The codec in which it gets its track; null while it carries none. */
  get codec(): CodecName | null {
    return this.#source?.payload.codec ?? null;
  }

  /** Whether the subscriber can decode what the track sends now. */
  accepts(track: Track): boolean {
    return this.#sourceFor(track) !== null;
  }

  /** Whether it is known that the subscriber can decode none of what is sent of the track. */
  refuses(track: Track): boolean {
    const isKnown = this.#payloads.length > 0 && track.payload !== null;
    return isKnown && track.section.kind === this.section.kind && !this.accepts(track);
  }

  /** Makes this section carry `track`, or nothing. Telling it what it does already costs nothing. */
  carry(track: Track | null): void {
    const source = track && this.#sourceFor(track);
    const former = this.#source;
    if (source !== null && former !== null && isSame(source, former)) {
      this.#source = source;
      return;
    }
    if (source === former) return;
    if (source?.rendition !== former?.rendition) {
      source?.rendition.retain(this, this.#transport.thread);
      former?.rendition.release(this, this.#transport.thread);
    }
    this.#source = source;
    if (source === null) {
      this.#current = null;
      this.#allotted = null;
    }
    const { subscriptionId } = this.section;
    this.#transport.post({ kind: "down-track.source", subscriptionId, source: source && told(source) });
  }

  /** Its section is going. */
  end(): void {
    const { thread } = this.#transport;
    thread.unroute(this.section.subscriptionId);
    this.#source?.rendition.release(this, thread);
    this.#source = null;
    this.#current = null;
  }

  #onAllotted({ layers, cause, reason }: Allotment): void {
    this.#allotted = { layers, cause, reason };
    for (const listener of this.#allottedListeners) listener(this.#allotted);
    const { subscriptionId } = this.section;
    this.subscriber.room.log.debug({ subscriptionId, layers, reason }, "bandwidth allotted");
  }

  #sourceFor(track: Track): Source | null {
    for (const rendition of track.renditions) {
      const payload = this.#payloadFor(rendition);
      if (payload === undefined) continue;
      const alternate = this.#alternateFor(rendition);
      const isAnother = alternate !== undefined && alternate !== payload;
      return { rendition, payload, ...(isAnother && { alternate }) };
    }
    return null;
  }

  /**
   * The track's codec in the subscriber's numbering. Opus with redundancy is taken apart for a subscriber that does not
   * know it, but never where the track is encrypted: what looks like RFC 2198 there is ciphertext.
   */
  #payloadFor(track: Track): PayloadParams | undefined {
    const sent = track.payload;
    if (sent === null || track.section.kind !== this.section.kind) return undefined;
    const same = this.#known(sent);
    if (same !== undefined || sent.codec !== "red" || track.section.encryption !== "none") return same;
    return this.#payloads.find(({ codec }) => codec === "opus");
  }

  /** Of Opus and Opus with redundancy the one that the track does not send at present, but may with the next packet. */
  #alternateFor({ payload: sent, section }: Track): PayloadParams | undefined {
    const codec = sent?.codec === "red" ? "opus" : "red";
    const other = section.payloads.find((payload) => payload.codec === codec);
    return section.kind === "audio" && other !== undefined ? this.#known(other) : undefined;
  }

  /** Of what the subscriber takes that which fits best, with the profile that comes. */
  #known(sent: PayloadParams): PayloadParams | undefined {
    let best: PayloadParams | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const known of this.#payloads) {
      const distance = decodingDistance(sent, known);
      if (distance === undefined || distance >= least) continue;
      best = known;
      least = distance;
      if (distance === 0) break;
    }
    return best === undefined || best.profile === sent.profile ? best : { ...best, profile: sent.profile };
  }
}

/**
 * Whether one goes on as the other, with the payloads the other way round perhaps. By what they say: each answer of a peer
 * names all its payloads again.
 */
function isSame(one: Source, other: Source): boolean {
  if (one.rendition !== other.rendition) return false;
  // Mostly nothing has been negotiated since.
  if (one.payload === other.payload && one.alternate === other.alternate) return true;
  const [payloads, others] = [one, other].map(({ payload, alternate }) => [payload, alternate]);
  return isDeepStrictEqual(payloads, others) || isDeepStrictEqual(payloads, others!.toReversed());
}

function told({ rendition, ...payloads }: Source): DownPayloads & { readonly trackId: TrackId } {
  return { trackId: rendition.id, ...payloads };
}
