/** One published audio or video track: what the publisher declared, and what its media thread has seen of it. */
import type { MediaContent, MediaKind } from "../base/codec.ts";
import type { Ssrc, TrackId } from "../base/ids.ts";
import type { PayloadParams, UpTrackParams } from "../contract/media.ts";
import type { TrackSource } from "./access-token.ts";
import type { MediaThread } from "./media-threads.ts";
import type { Participant } from "./participant.ts";
import type { Transport } from "./transport.ts";

/** Who can read the media: everyone on the way (`none`), or only holders of the participants' keys. */
export type TrackEncryption = "none" | "gcm" | "custom";

/** A media section (`m=`) on which a peer sends, as negotiated. */
export interface PublishedSection {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly payloads: readonly PayloadParams[];
  /** From the lowest encoding to the highest; empty without simulcast. */
  readonly rids: readonly string[];
  /** Announced in SDP, primary first, with its RTX partner (0 = none). May be empty. */
  readonly ssrcs: readonly { readonly ssrc: Ssrc; readonly rtxSsrc: Ssrc }[];
  readonly source: TrackSource;
  readonly encryption: TrackEncryption;
  /** What its publisher's protocol says of it beyond this. Control keeps it for others of that protocol, unread. */
  readonly note?: unknown;
}

export class Track {
  readonly id: TrackId;
  readonly publisher: Participant;
  readonly section: PublishedSection;
  /** `section.note`, or what has taken its place. */
  note: unknown;
  readonly #transport: Transport;
  /** Other threads that it is piped to, with how many subscriptions carry it there. */
  readonly #pipes = new Map<MediaThread, number>();
  /** By thread, the highest spatial layer that is wanted there; none yet where that is not known. */
  readonly #wantedIn = new Map<MediaThread, number>();
  readonly #wantedListeners: ((wanted: number | null) => void)[] = [];
  #payload: PayloadParams | null = null;
  #muted = false;

  /** `transport`: that which its publisher sends it on. */
  constructor(id: TrackId, transport: Transport, section: PublishedSection) {
    this.id = id;
    this.publisher = transport.participant;
    this.section = section;
    this.note = section.note;
    this.#transport = transport;
  }

  get params(): UpTrackParams {
    const { kind, mid, payloads, rids, ssrcs } = this.section;
    return {
      trackId: this.id,
      publisher: this.publisher.id,
      kind,
      mid,
      payloads,
      rids,
      ssrcs,
      content: contentOf(this.section),
    };
  }

  /** What a screen plays is heard by all, and nobody's voice. */
  get isVoice(): boolean {
    return contentOf(this.section) === "voice";
  }

  /** Where its publisher is heard. */
  get #thread(): MediaThread {
    return this.#transport.thread;
  }

  /** The payload type in use, in the publisher's numbering; null until media has arrived. */
  get payload(): PayloadParams | null {
    return this.#payload;
  }

  /** Muted by the server: packets arrive and are dropped. */
  get muted(): boolean {
    return this.#muted;
  }

  setMuted(muted: boolean): void {
    if (muted === this.#muted) return;
    this.#muted = muted;
    for (const thread of [this.#thread, ...this.#pipes.keys()]) {
      thread.post({ kind: "up-track.mute", trackId: this.id, muted });
    }
    this.publisher.tell({ kind: "track.muted", track: this });
  }

  /** The highest spatial layer that anybody would have; -1 for none, null while not known: send everything. */
  get wanted(): number | null {
    if (!this.#wantedIn.has(this.#thread)) return null;
    return Math.max(...this.#wantedIn.values());
  }

  /** Calls `listener` when `wanted` has changed. */
  onWantedChanged(listener: (wanted: number | null) => void): void {
    this.#wantedListeners.push(listener);
  }

  /** Receivers in `thread` want layers up to this one; null when there are none any more. */
  onWantedIn(thread: MediaThread, spatial: number | null): void {
    const before = this.wanted;
    if (spatial === null) this.#wantedIn.delete(thread);
    else this.#wantedIn.set(thread, spatial);
    const { wanted } = this;
    if (wanted !== before) for (const listener of this.#wantedListeners) listener(wanted);
  }

  /** A subscription in `thread` is going to carry it: has it piped there, unless it is. */
  retain(thread: MediaThread): void {
    if (thread === this.#thread) return;
    const carriers = this.#pipes.get(thread) ?? 0;
    this.#pipes.set(thread, carriers + 1);
    if (carriers === 0) this.#startPipe(thread);
  }

  /** The reverse of `retain`. */
  release(thread: MediaThread): void {
    const carriers = this.#pipes.get(thread);
    if (carriers === undefined) return;
    if (carriers > 1) this.#pipes.set(thread, carriers - 1);
    else this.#endPipe(thread);
  }

  /** It is published no more; its own thread has been told. */
  end(): void {
    this.#wantedListeners.length = 0;
    for (const thread of [...this.#pipes.keys()]) this.#endPipe(thread);
  }

  #startPipe(thread: MediaThread): void {
    const { id: trackId, params: track } = this;
    const { extensions } = this.#transport;
    const roomId = this.publisher.room.id;
    const channel = this.#thread.pipe(trackId, thread);
    const from = this.#thread.index;
    thread.route(trackId, (event) => {
      if (event.kind === "up-track.wanted") this.onWantedIn(thread, event.spatial);
      if (event.kind !== "piped-track.keyframe") return;
      this.#thread.post({ kind: "up-track.keyframe", trackId, encoding: event.encoding });
    });
    thread.post({ kind: "piped-track.add", roomId, track, extensions, from, channel });
    if (this.#muted) thread.post({ kind: "up-track.mute", trackId, muted: true });
  }

  #endPipe(thread: MediaThread): void {
    const { id: trackId } = this;
    this.#pipes.delete(thread);
    thread.unroute(trackId);
    thread.post({ kind: "piped-track.remove", trackId });
    this.#thread.post({ kind: "up-track.unpipe", trackId, to: thread.index });
    this.onWantedIn(thread, null);
  }

  /** The media thread saw this payload type. Returns whether that changes what subscribers have to be told. */
  onPayloadType(payloadType: number): boolean {
    const payload = this.section.payloads.find((candidate) => candidate.payloadType === payloadType);
    if (payload === undefined || payload === this.#payload) return false;
    this.#payload = payload;
    return true;
  }
}

function contentOf({ kind, source }: PublishedSection): MediaContent {
  if (source === "screen_share") return "screen";
  if (source === "screen_share_audio") return "other";
  return kind === "audio" ? "voice" : "camera";
}
