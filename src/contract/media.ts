/**
 * Messages between control (main thread) and a media thread: plain data, structured-cloneable.
 *
 * Commands go down, events come up; neither side ever calls the other. A media thread ignores a command that names something
 * unknown, because the thing may have ended while the command was under way.
 */
import type { CodecName, MediaContent, MediaKind } from "../base/codec.ts";
import type { ParticipantId, RoomId, Ssrc, SubscriptionId, TrackId, TransportId } from "../base/ids.ts";

export interface IceCredentials {
  /** 4 to 256 ice-chars (RFC 8839 §5.4). */
  readonly ufrag: string;
  readonly pwd: string;
}

/** `a=fingerprint` (RFC 8122): hash name in lower case, digest in upper-case colon-separated hex. */
export interface Fingerprint {
  readonly algorithm: "sha-256" | "sha-384" | "sha-512";
  readonly value: string;
}

/** One payload type of a media section, as negotiated with one peer. */
export interface PayloadParams {
  readonly payloadType: number;
  readonly codec: CodecName;
  readonly clockRate: number;
  /**
   * The part of `a=fmtp` that decides whether a peer can decode, normalised by `sdp/`: `profile-id=0` (VP9),
   * `packetization-mode=1;profile=42e0` (H264), `profile=0` (AV1); empty where a codec has only one form.
   */
  readonly profile: string;
  /** The payload type of its RFC 4588 retransmissions, when negotiated. */
  readonly rtxPayloadType?: number;
}

/** RTP header extension ids of one transport (RFC 8285): URI to id, 1 to 255. Bundled sections share one map. */
export type ExtensionIds = Readonly<Record<string, number>>;

/** A spatial and a temporal layer, both counted from 0 (lowest). */
export interface Layers {
  readonly spatial: number;
  readonly temporal: number;
}

/** The highest layers that a Dependency Descriptor can name: as a limit, no limit. */
export const HIGHEST_LAYERS: Layers = { spatial: 3, temporal: 7 };

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** What a subscriber wants of a video track. `preferred` is aimed at; `maximum` is never exceeded. */
export interface LayerPreference {
  readonly paused: boolean;
  readonly preferred: Layers;
  readonly maximum: Layers;
  /** The size at which it is shown, device pixels: a larger layer is of no use. Null: unknown, so any layer is. */
  readonly visible: PixelSize | null;
  /** Gets bandwidth before the others. */
  readonly pinned: boolean;
}

/** Holds until a subscriber says otherwise. */
export const NO_PREFERENCE: LayerPreference = {
  paused: false,
  preferred: HIGHEST_LAYERS,
  maximum: HIGHEST_LAYERS,
  visible: null,
  pinned: false,
};

/** Settings of a room that its media threads apply. `Infinity`: no limit. */
export interface RoomMediaOptions {
  /** Voices forwarded at a time: of those who were heard last. */
  readonly loudestAudios: number;
  /** Participants whose video is forwarded at a time: those who spoke last (last-n). */
  readonly lastVideos: number;
  /** Whether frames of tracks with a `trailer` are checked for encryption. */
  readonly guardsEncryption: boolean;
}

/** Formats of end-to-end encryption that can be told by the end of a frame: `rtp/payload/livekit-trailer.ts`. */
export type FrameTrailer = "livekit";

export interface UpTrackParams {
  readonly trackId: TrackId;
  /** Ties the tracks of one participant together. */
  readonly publisher: ParticipantId;
  readonly kind: MediaKind;
  /** `a=mid` of the publishing section. RTP is bound to the track by (MID, RID), or by SSRC where no MID is sent. */
  readonly mid: string;
  readonly payloads: readonly PayloadParams[];
  /** RIDs from the lowest encoding to the highest; empty without simulcast. Index = spatial layer. */
  readonly rids: readonly string[];
  /** Whether that order is the SDP's, since the RIDs do not tell it: the bitrates will. */
  readonly isOrderGuessed?: boolean;
  /** SSRCs announced in SDP, primary first, with their RTX partner (0 = none). May be empty. */
  readonly ssrcs: readonly { readonly ssrc: Ssrc; readonly rtxSsrc: Ssrc }[];
  /** Only `voice` tracks are ranked, as speakers and among the loudest. */
  readonly content: MediaContent;
  /** How its frames end if they are encrypted as declared; left out where that format is not known. */
  readonly trailer?: FrameTrailer;
  /** Declared to be end-to-end encrypted: its payloads must not be interpreted. */
  readonly isSealed?: boolean;
  /** A voice of a hidden participant: it takes no other's place and not the floor. */
  readonly isHidden?: boolean;
}

/** One section that sends to a subscriber. Its SSRC and numbering live as long as it does; its source may change. */
export interface DownTrackParams {
  readonly subscriptionId: SubscriptionId;
  readonly kind: MediaKind;
  readonly mid: string;
  readonly ssrc: Ssrc;
  /** 0 when RTX was not negotiated. */
  readonly rtxSsrc: Ssrc;
  /** CNAME in SDES; equal for tracks of one participant, so that receivers synchronise them (RFC 3550 §6.5.1). */
  readonly cname: string;
}

/** A track's codec and profile under the payload type that the subscriber has negotiated for it. */
export interface DownPayloads {
  readonly payload: PayloadParams;
  /**
   * The other of Opus and RED (RFC 2198), where the subscriber has negotiated both: publishers turn redundancy on and off
   * from packet to packet.
   */
  readonly alternate?: PayloadParams;
}

export type MediaCommand =
  | {
      /** Sent to a thread before the room's first transport there, and again when the options change. */
      readonly kind: "room.options";
      readonly roomId: RoomId;
      readonly options: RoomMediaOptions;
    }
  /** No participant of the room is in this thread any more, or ever came. */
  | { readonly kind: "room.close"; readonly roomId: RoomId }
  | {
      readonly kind: "transport.open";
      readonly transportId: TransportId;
      readonly roomId: RoomId;
      readonly localIce: IceCredentials;
      readonly remoteIce: IceCredentials;
      readonly fingerprints: readonly Fingerprint[];
      readonly extensions: ExtensionIds;
    }
  | {
      /** New credentials; the old pair stays valid until the first check that uses the new one (RFC 8445 §2.4). */
      readonly kind: "transport.restart-ice";
      readonly transportId: TransportId;
      readonly localIce: IceCredentials;
      readonly remoteIce: IceCredentials;
    }
  | {
      /** To another room, with its tracks. Neither they nor its sending sections are connected to anything. */
      readonly kind: "transport.move";
      readonly transportId: TransportId;
      readonly roomId: RoomId;
    }
  | {
      /** The peer has named further header extensions; those that it had named keep their ids. */
      readonly kind: "transport.extensions";
      readonly transportId: TransportId;
      readonly extensions: ExtensionIds;
    }
  | {
      /** The peer's tracks are to take no more than this together, bits per second; null: as much as its path carries. */
      readonly kind: "transport.limit";
      readonly transportId: TransportId;
      readonly limitBps: number | null;
    }
  | { readonly kind: "transport.close"; readonly transportId: TransportId }
  | { readonly kind: "up-track.add"; readonly transportId: TransportId; readonly track: UpTrackParams }
  | { readonly kind: "up-track.mute"; readonly trackId: TrackId; readonly muted: boolean }
  /** The publisher of a voice became hidden, or visible again. */
  | { readonly kind: "up-track.hide"; readonly trackId: TrackId; readonly hidden: boolean }
  | { readonly kind: "up-track.remove"; readonly trackId: TrackId }
  /** Receivers in another thread need a key frame. */
  | { readonly kind: "up-track.keyframe"; readonly trackId: TrackId; readonly encoding: number }
  | {
      /** From now on the track's packets go to the thread `to` as well, under a `channel` number of its own in that pipe. */
      readonly kind: "up-track.pipe";
      readonly trackId: TrackId;
      readonly to: number;
      readonly channel: number;
    }
  | {
      readonly kind: "up-track.unpipe";
      readonly trackId: TrackId;
      readonly to: number;
      readonly channel: number;
    }
  | {
      /** A track that is published in the thread `from`: packets of `channel` in its pipe are forwarded here. */
      readonly kind: "piped-track.add";
      readonly roomId: RoomId;
      readonly track: UpTrackParams;
      /** Header extension ids of the publisher. */
      readonly extensions: ExtensionIds;
      readonly from: number;
      readonly channel: number;
    }
  | { readonly kind: "piped-track.remove"; readonly trackId: TrackId }
  | {
      readonly kind: "down-track.add";
      readonly transportId: TransportId;
      readonly downTrack: DownTrackParams;
    }
  | {
      /** Connects the section to a track of the same room, or to none. */
      readonly kind: "down-track.source";
      readonly subscriptionId: SubscriptionId;
      readonly source: (DownPayloads & { readonly trackId: TrackId }) | null;
    }
  | {
      readonly kind: "down-track.prefer";
      readonly subscriptionId: SubscriptionId;
      readonly preference: LayerPreference;
    }
  | { readonly kind: "down-track.remove"; readonly subscriptionId: SubscriptionId }
  | { readonly kind: "stats"; readonly requestId: number; readonly roomId: RoomId };

/** ICE and DTLS together, as RTCPeerConnectionState (W3C webrtc-pc). */
export type TransportState = "new" | "connecting" | "connected" | "disconnected" | "failed";

/** Measured state of one encoding or spatial layer of a published track. */
export interface UpLayerStats {
  readonly spatial: number;
  readonly rid: string;
  readonly active: boolean;
  readonly bitrateBps: number;
  readonly packets: number;
  readonly packetsLost: number;
  readonly maxTemporal: number;
}

export interface UpTrackStats {
  readonly trackId: TrackId;
  readonly codec: CodecName | null;
  readonly layers: readonly UpLayerStats[];
  /** Whether packets carry the Dependency Descriptor; without it layers are read from the codec's payload descriptor. */
  readonly dependencyDescriptor: boolean;
}

export interface DownTrackStats {
  readonly subscriptionId: SubscriptionId;
  /** Layers being sent; null while nothing is. */
  readonly current: Layers | null;
  readonly bitrateBps: number;
  readonly packets: number;
  readonly retransmitted: number;
  /** The receiver's latest report block: share lost in [0, 1] and round-trip time, microseconds (0 = unknown). */
  readonly fractionLost: number;
  readonly rttUs: number;
}

/** The path to one peer, by its feedback. */
export interface TransportStats {
  readonly transportId: TransportId;
  /** Bandwidth estimate, bits per second with all headers; null while nothing limits it. */
  readonly estimateBps: number | null;
  /** The part of it that was last allotted to tracks, bits per second. */
  readonly allottedBps: number;
  /** Latest round-trip time, microseconds; 0 while unknown. */
  readonly rttUs: number;
  /** Share of recently sent packets that was lost, in [0, 1]. */
  readonly fractionLost: number;
}

/** An audio track whose publisher speaks now. */
export interface SpeakingTrack {
  readonly trackId: TrackId;
  /** Mean amplitude of the last sounds, in [0, 1], in steps of 3 dB. */
  readonly level: number;
}

/**
 * Why a receiver gets what it gets of a track: all that it wants (`complete`); as much as its bandwidth (`held`: for the
 * moment) or the room's `lastVideos` allows; or nothing, because it wants nothing or nothing is sent (`absent`).
 */
export type AllotmentCause = "complete" | "bandwidth" | "held" | "last_n" | "not_wanted" | "absent";

export type MediaEvent =
  | {
      readonly kind: "transport.state";
      readonly transportId: TransportId;
      readonly state: TransportState;
      /** Why, for `failed`: `ice_timeout`, `dtls_<reason>`. */
      readonly reason?: string;
    }
  | {
      /** The first media of a track, or a change of its codec. At most once a second for each track. */
      readonly kind: "up-track.codec";
      readonly trackId: TrackId;
      readonly codec: CodecName;
      readonly payloadType: number;
    }
  | {
      /**
       * The highest spatial layer of a video that receivers in this thread want, whatever their paths allow; -1 for none. An
       * increase is reported at once, a decrease when it has lasted. Not reported before anybody in this thread has wanted
       * the track, or nobody has for a while.
       */
      readonly kind: "up-track.wanted";
      readonly trackId: TrackId;
      readonly spatial: number;
    }
  /** A track that is declared to be encrypted does not look so, or does again. At most every few seconds. */
  | { readonly kind: "up-track.suspect"; readonly trackId: TrackId; readonly suspect: boolean }
  | {
      /**
       * On change, at most four times a second except for changes of the floor and mutes. `speakers`: among the tracks that
       * are published in this thread, loudest first; `dominant`: among all that are heard in it, piped ones too.
       */
      readonly kind: "room.speakers";
      readonly roomId: RoomId;
      readonly speakers: readonly SpeakingTrack[];
      readonly dominant: TrackId | null;
    }
  /** A piped track's receivers need a key frame, which only the thread that hears the publisher can ask for. */
  | { readonly kind: "piped-track.keyframe"; readonly trackId: TrackId; readonly encoding: number }
  | {
      readonly kind: "down-track.layer";
      readonly subscriptionId: SubscriptionId;
      readonly current: Layers | null;
    }
  | {
      /** The allotment of a track has changed; null: nothing is allotted. */
      readonly kind: "down-track.allotted";
      readonly subscriptionId: SubscriptionId;
      readonly layers: Layers | null;
      readonly cause: AllotmentCause;
      /** A sentence for people. */
      readonly reason: string;
    }
  | {
      readonly kind: "stats";
      readonly requestId: number;
      readonly upTracks: readonly UpTrackStats[];
      readonly downTracks: readonly DownTrackStats[];
      readonly transports: readonly TransportStats[];
    };
