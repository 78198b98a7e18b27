/** The sending sections of one transport, and the rules by which tracks are assigned to them. */
import type { MediaKind } from "../base/codec.ts";
import { asSsrc, type SubscriptionId } from "../base/ids.ts";
import type { DownTrackParams, PayloadParams } from "../contract/media.ts";
import { randomId } from "./random.ts";
import type { Ssrcs } from "./ssrcs.ts";
import { Subscription } from "./subscription.ts";
import type { Track } from "./track.ts";
import type { Transport } from "./transport.ts";

/** A media section (`m=`) on which a peer receives, as negotiated. */
export interface ReceivingSection {
  readonly kind: MediaKind;
  readonly mid: string;
  /** None while the peer has not answered. */
  readonly payloads: readonly PayloadParams[];
  /** The only track that it is for, where signalling has bound it to one; otherwise it is for any. */
  readonly reserved?: Track;
}

export class Subscriptions {
  readonly #transport: Transport;
  readonly #list: Subscription[] = [];
  /** Tracks that the peer wants and cannot decode, so that they need a backup. */
  #needed = new Set<Track>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get list(): readonly Subscription[] {
    return this.#list;
  }

  /**
   * Sections that are to be played in sync share a CNAME (RFC 3550 §6.5.1): the n-th audio and the n-th video section,
   * or where sections are reserved, those of one publisher. `ssrcs`: the transport's.
   */
  add({ kind, mid, payloads, reserved }: ReceivingSection, ssrcs: Ssrcs): Subscription {
    const { id: transportId } = this.#transport;
    const group = this.#list.filter(({ section }) => section.kind === kind).length;
    // Until a client has answered an offer of ours, RTX may yet be negotiated for video; we offer none for audio.
    const hasRtx =
      payloads.length === 0
        ? kind === "video"
        : payloads.some(({ rtxPayloadType }) => rtxPayloadType !== undefined);
    const section: DownTrackParams = {
      subscriptionId: randomId<SubscriptionId>("SU"),
      kind,
      mid,
      ssrc: ssrcs.next(),
      rtxSsrc: hasRtx ? ssrcs.next() : asSsrc(0),
      cname: reserved?.publisher.id ?? `${transportId}-${group}`,
    };
    const subscription = new Subscription(this.#transport, section, group, payloads, reserved ?? null);
    this.#list.push(subscription);
    this.#transport.post({ kind: "down-track.add", transportId, downTrack: section });
    return subscription;
  }

  /** Ends one section while the transport stays. One that has ended already is ignored. */
  remove(subscription: Subscription): void {
    const at = this.#list.indexOf(subscription);
    if (at === -1) return;
    this.#list.splice(at, 1);
    subscription.end();
    const { subscriptionId } = subscription.section;
    this.#transport.post({ kind: "down-track.remove", subscriptionId });
    if (subscription.reserved !== null)
      this.#need([...this.#needed].filter((track) => this.#isReserved(track)));
  }

  /** Frees sections whose track is not among `tracks` or has changed its codec; reserved ones get their track. */
  serve(tracks: readonly Track[]): void {
    const all = new Set(tracks);
    const needed: Track[] = [];
    for (const subscription of this.#list) {
      const track = subscription.reserved ?? subscription.track;
      const present = track !== null && all.has(track) ? track : null;
      subscription.carry(present);
      if (present !== null && subscription.refuses(present)) needed.push(present);
    }
    this.#need(needed);
  }

  /** Assigns `wanted` to the sections in order. */
  deal(wanted: readonly Track[]): void {
    this.serve(wanted);
    const carried = new Set(this.#list.map(({ track }) => track));
    const free = new FreeSections(this.#list);
    for (const track of wanted) if (!carried.has(track)) free.give(track);
    const byKind = Map.groupBy(this.#list, ({ section }) => section.kind);
    // Where there are sections of its kind, but none of them can carry it.
    this.#need(
      wanted.filter((track) => byKind.get(track.section.kind)?.every((one) => one.refuses(track)) === true),
    );
  }

  end(): void {
    this.#need([]);
    for (const subscription of this.#list) subscription.end();
    this.#list.length = 0;
  }

  #isReserved(track: Track): boolean {
    return this.#list.some(({ reserved }) => reserved === track);
  }

  #need(tracks: readonly Track[]): void {
    const before = this.#needed;
    this.#needed = new Set(tracks);
    for (const track of before) if (!this.#needed.has(track)) track.onNeed(this, false);
    for (const track of this.#needed) track.onNeed(this, true);
  }
}

/** Sections that carry nothing, while tracks are dealt out. */
class FreeSections {
  readonly #free: Subscription[];
  /** By group, a track that one of its sections carries. */
  readonly #carried = new Map<number, Track>();

  constructor(all: readonly Subscription[]) {
    this.#free = all.filter(({ track }) => track === null);
    for (const { group, track } of all) if (track !== null) this.#note(group, track);
  }

  /** Prefers a group with a track of the same publisher, then an empty group, then any section whose codecs fit. */
  give(track: Track): void {
    const section =
      this.#find(track, (beside) => beside?.publisher === track.publisher) ??
      this.#find(track, (beside) => beside === undefined) ??
      this.#find(track, () => true);
    if (section === undefined) return;
    this.#free.splice(this.#free.indexOf(section), 1);
    section.carry(track);
    this.#note(section.group, track);
  }

  /** The first section that can carry `track` and whose group `isFit`, by what is carried there. */
  #find(track: Track, isFit: (beside: Track | undefined) => boolean): Subscription | undefined {
    return this.#free.find((section) => isFit(this.#carried.get(section.group)) && section.accepts(track));
  }

  #note(group: number, track: Track): void {
    if (!this.#carried.has(group)) this.#carried.set(group, track);
  }
}
