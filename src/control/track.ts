/** One published audio or video track: what the publisher declared, and what its media thread has seen of it. */
import type { MediaKind } from "../base/codec.ts";
import type { Ssrc, TrackId } from "../base/ids.ts";
import type { PayloadParams } from "../contract/media.ts";
import type { TrackSource } from "./access-token.ts";
import type { MediaThread } from "./media-threads.ts";
import type { Participant } from "./participant.ts";

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
}

export class Track {
  readonly id: TrackId;
  readonly publisher: Participant;
  readonly section: PublishedSection;
  readonly #thread: MediaThread;
  #payload: PayloadParams | null = null;
  #muted = false;

  constructor(id: TrackId, publisher: Participant, section: PublishedSection, thread: MediaThread) {
    this.id = id;
    this.publisher = publisher;
    this.section = section;
    this.#thread = thread;
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
    this.#thread.post({ kind: "up-track.mute", trackId: this.id, muted });
  }

  /** The media thread saw this payload type. Returns whether that changes what subscribers have to be told. */
  onPayloadType(payloadType: number): boolean {
    const payload = this.section.payloads.find((candidate) => candidate.payloadType === payloadType);
    if (payload === undefined || payload === this.#payload) return false;
    this.#payload = payload;
    return true;
  }
}
