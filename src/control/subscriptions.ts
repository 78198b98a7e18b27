/** The sending sections of one transport, and the rule by which tracks are dealt out to them. */
import type { MediaKind } from "../base/codec.ts";
import { asSsrc, type Ssrc, type SubscriptionId, type TransportId } from "../base/ids.ts";
import type { DownTrackParams, PayloadParams } from "../contract/media.ts";
import type { MediaThread } from "./media-threads.ts";
import type { Participant } from "./participant.ts";
import { randomId, randomSsrc } from "./random.ts";
import { Subscription } from "./subscription.ts";
import type { Track } from "./track.ts";

/** A media section (`m=`) on which a peer receives, as negotiated. */
export interface ReceivingSection {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly payloads: readonly PayloadParams[];
}

export class Subscriptions {
  readonly #transportId: TransportId;
  readonly #subscriber: Participant;
  readonly #thread: MediaThread;
  readonly #list: Subscription[] = [];

  constructor(transportId: TransportId, subscriber: Participant, thread: MediaThread) {
    this.#transportId = transportId;
    this.#subscriber = subscriber;
    this.#thread = thread;
  }

  get list(): readonly Subscription[] {
    return this.#list;
  }

  /**
   * The n-th audio and the n-th video section form a group with one CNAME: a receiver syncs them (RFC 3550 §6.5.1).
   * SSRCs are drawn outside `taken`, which then holds them.
   */
  add(offered: ReceivingSection, taken: Set<Ssrc>): DownTrackParams {
    const group = this.#list.filter(({ section }) => section.kind === offered.kind).length;
    const hasRtx = offered.payloads.some(({ rtxPayloadType }) => rtxPayloadType !== undefined);
    const section: DownTrackParams = {
      subscriptionId: randomId<SubscriptionId>("SU"),
      kind: offered.kind,
      mid: offered.mid,
      ssrc: randomSsrc(taken),
      rtxSsrc: hasRtx ? randomSsrc(taken) : asSsrc(0),
      cname: `${this.#transportId}-${group}`,
    };
    this.#list.push(new Subscription(this.#subscriber, section, group, offered.payloads, this.#thread));
    this.#thread.post({ kind: "down-track.add", transportId: this.#transportId, downTrack: section });
    return section;
  }

  /** Deals `wanted` out: frees sections whose track is gone or changed codec, then fills free sections in order. */
  deal(wanted: readonly Track[]): void {
    for (const subscription of this.#list) {
      const { track } = subscription;
      if (track !== null) subscription.carry(wanted.includes(track) ? track : null);
    }
    for (const track of wanted) {
      if (this.#list.some((subscription) => subscription.track === track)) continue;
      this.#sectionFor(track)?.carry(track);
    }
  }

  end(): void {
    for (const subscription of this.#list) subscription.end();
    this.#list.length = 0;
  }

  /** Best beside a track of the same publisher, next in a group of its own, else wherever the codec fits. */
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
