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
    // Before the answer, RTX may yet be negotiated for video; it never is for audio.
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
    for (const track of wanted) {
      if (this.#list.some((subscription) => subscription.track === track)) continue;
      this.#sectionFor(track)?.carry(track);
    }
    this.#need(wanted.filter((track) => this.#isRefused(track)));
  }

  end(): void {
    this.#need([]);
    for (const subscription of this.#list) subscription.end();
    this.#list.length = 0;
  }

  #isReserved(track: Track): boolean {
    return this.#list.some(({ reserved }) => reserved === track);
  }

  /** Whether there are sections of its kind, but none of them can carry it. */
  #isRefused(track: Track): boolean {
    const sections = this.#list.filter(({ section }) => section.kind === track.section.kind);
    return sections.length > 0 && sections.every((subscription) => subscription.refuses(track));
  }

  #need(tracks: readonly Track[]): void {
    const before = this.#needed;
    this.#needed = new Set(tracks);
    for (const track of before) if (!this.#needed.has(track)) track.onNeed(this, false);
    for (const track of this.#needed) track.onNeed(this, true);
  }

  /** Prefers a group with a track of the same publisher, then an empty group, then any section whose codecs fit. */
  #sectionFor(track: Track): Subscription | undefined {
    const free = this.#list.filter(
      (subscription) => subscription.track === null && subscription.accepts(track),
    );
    const carriedBeside = ({ group }: Subscription): Track | null =>
      this.#list.find((other) => other.group === group && other.track !== null)?.track ?? null;
    return (
      free.find((subscription) => carriedBeside(subscription)?.publisher === track.publisher) ??
      free.find((subscription) => carriedBeside(subscription) === null) ??
      free[0]
    );
  }
}
