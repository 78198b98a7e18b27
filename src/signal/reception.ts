/**
 * What one client receives: the plan of its sections joined to control's subscriptions, on whichever transport has them.
 */
import type { MediaKind } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";
import type { LayerPreference } from "../contract/media.ts";
import type { Allotment, Subscription } from "../control/subscription.ts";
import type { ReceivingSection } from "../control/subscriptions.ts";
import type { Track } from "../control/track.ts";
import type { Transport } from "../control/transport.ts";
import type { Sender } from "../sdp/write-section.ts";
import type { SectionCounts } from "./section-demand.ts";
import { SectionPlan } from "./section-plan.ts";

/** How the client wants a track; null for all that there is of it. */
export type PreferenceOf = (track: Track) => LayerPreference | null;

/** What the client has to know of the tracks that it receives. */
export interface ReceptionHost {
  readonly preferenceOf: PreferenceOf;
  /** A description says that it gets a track. */
  onReceived(track: Track): void;
  /** A track is held back because there is too little bandwidth, or not any more. */
  onHeldBack(track: Track, heldBack: boolean): void;
}

export class Reception {
  readonly plan = new SectionPlan();
  readonly #host: ReceptionHost;
  readonly #heldBack = new Set<TrackId>();
  readonly #slots = new Map<string, Subscription>();
  #transport: Transport | null = null;
  #wanted = new Map<TrackId, Track>();

  constructor(host: ReceptionHost) {
    this.#host = host;
  }

  get wanted(): Iterable<Track> {
    return this.#wanted.values();
  }

  /** The tracks that the client is to receive from now on; those that are not among them fall silent at once. */
  want(tracks: readonly Track[]): void {
    this.#wanted = new Map(tracks.map((track) => [track.id, track]));
    const wanted = tracks.map(({ id, section }) => ({ id, kind: section.kind }));
    for (const mid of this.plan.want(wanted)) this.#slots.get(mid)?.reserve(null);
    for (const id of this.#heldBack) if (!this.#wanted.has(id)) this.#heldBack.delete(id);
    this.#deal();
  }

  /** The subscription that carries a track, or will as soon as it has media. */
  subscriptionOf(id: TrackId): Subscription | undefined {
    const mid = this.plan.midOf(id);
    return mid === undefined ? undefined : this.#slots.get(mid);
  }

  /** What each section carries, by MID: how clients with one PeerConnection know. */
  trackIds(): Record<string, TrackId> {
    return Object.fromEntries(this.plan.carried());
  }

  /** How many sections of each kind there are. */
  counts(): SectionCounts {
    const count = (kind: MediaKind): number =>
      [...this.#slots.values()].filter(({ section }) => section.kind === kind).length;
    return { audio: count("audio"), video: count("video") };
  }

  /** All sections on which the client receives, as it has just offered them. */
  setSections(transport: Transport, sections: readonly ReceivingSection[]): void {
    this.#transport = transport;
    const taken = sections.filter((section) => this.#take(transport, section));
    const mids = new Set(taken.map(({ mid }) => mid));
    for (const [mid, slot] of this.#slots) {
      if (mids.has(mid)) continue;
      transport.removeSlot(slot);
      this.#slots.delete(mid);
    }
    this.plan.setSections(taken);
  }

  /** A section of ours, which the client has yet to see. Returns whether there may be one more. */
  addSection(transport: Transport, section: ReceivingSection): boolean {
    this.#transport = transport;
    if (!this.#take(transport, section)) return false;
    this.plan.add(section);
    return true;
  }

  /** The client has said what it takes of a section of ours. */
  negotiated({ mid, payloads }: ReceivingSection): void {
    this.#slots.get(mid)?.negotiated(payloads);
  }

  /** What the description that is being written says that we send, by MID. */
  describe(): ReadonlyMap<string, Sender> {
    const senders = new Map<string, Sender>();
    for (const [mid, id] of this.plan.describe()) {
      const track = this.#wanted.get(id);
      const slot = this.#slots.get(mid);
      if (track === undefined || slot === undefined) continue;
      if (slot.reserved !== track) {
        slot.reserve(track);
        const preference = this.#host.preferenceOf(track);
        if (preference !== null) slot.prefer(preference);
        this.#host.onReceived(track);
      }
      const { ssrc, rtxSsrc, cname } = slot.section;
      const streamId = `${track.publisher.id}|${track.id}`;
      senders.set(mid, { ssrc, rtxSsrc, cname, msid: { streamId, trackId: track.id } });
    }
    return senders;
  }

  /** The client knows, or will in a moment, what it gets: send it. */
  start(): void {
    this.#deal();
  }

  #take(transport: Transport, section: ReceivingSection): boolean {
    const known = this.#slots.get(section.mid);
    if (known !== undefined) {
      known.negotiated(section.payloads);
      return true;
    }
    const slot = transport.addSlot(section);
    if (!slot.ok) return false;
    this.#slots.set(section.mid, slot.value);
    slot.value.onAllotted((allotted) => this.#onAllotted(slot.value, allotted));
    return true;
  }

  #onAllotted({ reserved }: Subscription, { layers, cause }: Allotment): void {
    if (reserved === null) return;
    const heldBack = layers === null && cause !== "not_wanted" && cause !== "absent";
    if (heldBack === this.#heldBack.has(reserved.id)) return;
    if (heldBack) this.#heldBack.add(reserved.id);
    else this.#heldBack.delete(reserved.id);
    this.#host.onHeldBack(reserved, heldBack);
  }

  #deal(): void {
    const transport = this.#transport;
    transport?.deal(transport.participant.room.tracks());
  }
}
