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
import {
  type AllotmentCause,
  type DownTrackParams,
  type LayerPreference,
  type Layers,
  NO_PREFERENCE,
  type PayloadParams,
} from "../contract/media.ts";
import type { Participant } from "./participant.ts";
import type { Track } from "./track.ts";
import type { Transport } from "./transport.ts";

interface Source {
  readonly track: Track;
  /** The track's codec in the subscriber's numbering. */
  readonly payload: PayloadParams;
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
    return this.#source?.track ?? null;
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

  /** Whether the subscriber can decode what the track sends now. */
  accepts(track: Track): boolean {
    return this.#payloadFor(track) !== undefined;
  }

  /** Makes this section carry `track`, or nothing. Telling it what it does already costs nothing. */
  carry(track: Track | null): void {
    const payload = track === null ? undefined : this.#payloadFor(track);
    const source = track !== null && payload !== undefined ? { track, payload } : null;
    if (source?.track === this.#source?.track && source?.payload === this.#source?.payload) return;
    source?.track.retain(this.#transport.thread);
    this.#source?.track.release(this.#transport.thread);
    this.#source = source;
    if (source === null) {
      this.#current = null;
      this.#allotted = null;
    }
    this.#transport.post({
      kind: "down-track.source",
      subscriptionId: this.section.subscriptionId,
      source: source && { trackId: source.track.id, payload: source.payload },
    });
  }

  /** Its section is going. */
  end(): void {
    const { thread } = this.#transport;
    thread.unroute(this.section.subscriptionId);
    this.#source?.track.release(thread);
    this.#source = null;
    this.#current = null;
  }

  #onAllotted({ layers, cause, reason }: Allotment): void {
    this.#allotted = { layers, cause, reason };
    for (const listener of this.#allottedListeners) listener(this.#allotted);
    const { subscriptionId } = this.section;
    this.subscriber.room.log.debug({ subscriptionId, layers, reason }, "bandwidth allotted");
  }

  /**
   * The track's codec in the subscriber's numbering. Opus with redundancy is taken apart for a subscriber that does not
   * know it, but never where the track is encrypted: what looks like RFC 2198 there is ciphertext.
   */
  #payloadFor(track: Track): PayloadParams | undefined {
    const sent = track.payload;
    if (sent === null || track.section.kind !== this.section.kind) return undefined;
    const same = this.#payloads.find(
      (offered) =>
        offered.codec === sent.codec &&
        offered.profile === sent.profile &&
        offered.clockRate === sent.clockRate,
    );
    if (same !== undefined || sent.codec !== "red" || track.section.encryption !== "none") return same;
    return this.#payloads.find(({ codec }) => codec === "opus");
  }
}
