/**
 * A session description of WebRTC (RFC 8866, RFC 9429), reduced to what an SFU acts upon.
 *
 * Attributes that are allowed at both levels are resolved: a section has its own value or the session's.
 */
import type { MediaKind } from "../base/codec.ts";
import type { Ssrc } from "../base/ids.ts";
import type { Fingerprint, IceCredentials } from "../contract/media.ts";

export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** `a=setup` (RFC 4145 §4, RFC 8842 §5). */
export type Setup = "actpass" | "active" | "passive" | "holdconn";

export interface SessionDescription {
  readonly sections: readonly MediaSection[];
  /** MIDs of the first BUNDLE group; empty without one. The first is the tagged section (RFC 9143 §7). */
  readonly bundle: readonly string[];
}

/** One `m=` line and its attributes. */
export interface MediaSection {
  /** The `<media>` field; `kind` is null unless it is audio or video. */
  readonly media: string;
  readonly kind: MediaKind | null;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Port 0, and not because it is `bundle-only`. */
  readonly rejected: boolean;
  /** Empty when the section has none. */
  readonly mid: string;
  readonly direction: Direction;
  readonly ice: IceCredentials | null;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: Setup | null;
  readonly rtcpMux: boolean;
  readonly rtcpRsize: boolean;
  /** One-byte and two-byte header extensions may be mixed in one stream (RFC 8285 §6). */
  readonly extmapAllowMixed: boolean;
  /** In order of preference. Payload types without `a=rtpmap` are left out. */
  readonly codecs: readonly OfferedCodec[];
  readonly extensions: readonly OfferedExtension[];
  readonly rids: readonly Rid[];
  /** What the peer sends by `a=simulcast`: one list of alternatives for each stream (RFC 8853 §5.1). */
  readonly simulcast: readonly (readonly SimulcastRid[])[];
  /** In order of appearance; the members of a group FID are one entry (RFC 5576, RFC 4588 §8.8). */
  readonly ssrcs: readonly SsrcPair[];
  readonly msid: Msid | null;
  /** SCTP port of data channels (RFC 8841 §5); null where none is named. */
  readonly sctpPort: number | null;
  /** The largest message that the peer takes (RFC 8841 §6); 0 for any. */
  readonly maxMessageBytes: number;
}

export interface OfferedCodec {
  readonly payloadType: number;
  /** As written; case-insensitive. */
  readonly name: string;
  readonly clockRate: number;
  /** 1 when `a=rtpmap` says nothing. */
  readonly channels: number;
  /** The value of `a=fmtp` as written; empty without one. */
  readonly fmtp: string;
  /** Values of `a=rtcp-fb`, those for `*` included. */
  readonly feedback: ReadonlySet<string>;
}

export interface OfferedExtension {
  readonly id: number;
  readonly uri: string;
  readonly direction: Direction;
}

/** A restriction on an RTP stream (RFC 8851). */
export interface Rid {
  readonly id: string;
  readonly direction: "send" | "recv";
  /** `pt=…` and the like as written, without semicolons. */
  readonly restrictions: readonly string[];
}

export interface SimulcastRid {
  readonly rid: string;
  /** Marked `~`: nothing is sent at first. */
  readonly paused: boolean;
}

/** `rtxSsrc` is 0 when retransmissions have no stream of their own. */
export interface SsrcPair {
  readonly ssrc: Ssrc;
  readonly rtxSsrc: Ssrc;
}

export interface Msid {
  readonly streamId: string;
  /** Empty when only the stream is named. */
  readonly trackId: string;
}
