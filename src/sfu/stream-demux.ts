/**
 * Finds the UpStream of a packet (RFC 8843 §9.2, RFC 8852): by SSRC once it is known, else by MID and RID in header
 * extensions, by SSRCs announced in SDP, or by a payload type that only one track has.
 */
import { readU16 } from "../base/bytes.ts";
import type { Ssrc } from "../base/ids.ts";
import { EXTENSION } from "../rtp/header-extensions.ts";
import { OSN_BYTES, type UpPacket } from "./up-packet.ts";
import type { UpStream } from "./up-stream.ts";
import type { UpTrack } from "./up-track.ts";

/**
 * SSRCs of one publisher: three encodings and their RTX on ten videos fit. More only lets an attacker take more memory,
 * fewer would reject a participant with many tracks.
 */
const MAX_SSRCS = 64;

/**
 * For how long an SSRC that was replaced cannot take its place back. Longer keeps out a publisher that returns to it;
 * shorter lets a packet that was under way, or its retransmission (NACKs go on for a second), end the stream that replaced
 * it.
 */
const REPLACED_US = 2_000_000;

/**
 * Least time between two restarts of an encoding; the first is followed at once. Each takes a history, and a key frame from
 * the encoder: longer keeps receivers of an honest publisher waiting, shorter lets a hostile one cause them all the time.
 */
const RESTART_US = 1_000_000;

/** What the packets of one SSRC belong to. `rtx`: they are retransmissions for `stream`. */
export interface StreamBinding {
  readonly track: UpTrack;
  readonly stream: UpStream;
  readonly rtx: boolean;
}

/** The encoding that an SSRC had, and when another SSRC replaced it. */
interface FormerPlace {
  readonly track: UpTrack;
  readonly encoding: number;
  readonly leftUs: number;
}

export type DemuxFailure = "unknown_stream" | "unknown_payload_type" | "stream_limit";

export class StreamDemux {
  readonly tracks: UpTrack[] = [];
  readonly #bySsrc = new Map<number, StreamBinding>();
  /** By SSRC, retransmissions as well. */
  readonly #replaced = new Map<number, FormerPlace>();

  /** All streams that have been received. */
  *streams(): Generator<UpStream> {
    for (const track of this.tracks)
      for (const stream of track.streams) if (stream !== undefined) yield stream;
  }

  add(track: UpTrack): void {
    this.tracks.push(track);
  }

  remove(track: UpTrack): void {
    this.tracks.splice(this.tracks.indexOf(track), 1);
    for (const [ssrc, binding] of this.#bySsrc) if (binding.track === track) this.#bySsrc.delete(ssrc);
    for (const [ssrc, former] of this.#replaced) if (former.track === track) this.#replaced.delete(ssrc);
  }

  /** The stream of an SSRC and its track; undefined for retransmissions, which have none of their own. */
  binding(ssrc: Ssrc): StreamBinding | undefined {
    const binding = this.#bySsrc.get(ssrc);
    return binding?.rtx === false ? binding : undefined;
  }

  /** The binding of a packet whose header and extensions are parsed. */
  find(packet: UpPacket): StreamBinding | DemuxFailure {
    return this.#bySsrc.get(packet.header.ssrc) ?? this.#bind(packet);
  }

  /** The first packet of an SSRC. */
  #bind(packet: UpPacket): StreamBinding | DemuxFailure {
    const { ssrc, payloadType } = packet.header;
    const nowUs = packet.receivedUs;
    const former = this.#replaced.get(ssrc);
    if (former !== undefined) {
      if (repairsPresent(packet, former)) return this.#bindAgain(ssrc, former);
      if (nowUs - former.leftUs < REPLACED_US) return "unknown_stream";
    }
    const track = this.#trackOf(packet);
    if (track === undefined) return "unknown_stream";
    const primary = track.payload(payloadType);
    const payload = primary ?? track.payloadOfRtx(payloadType);
    if (payload === undefined) return "unknown_payload_type";
    const encoding = encodingOf(track, packet);
    if (encoding === -1) return "unknown_stream";
    const rtx = primary === undefined;
    // A restart of an encoding frees the SSRC that it replaces.
    const restarts = !rtx && track.streams[encoding] !== undefined;
    if (restarts ? this.#hasRestarted(track, encoding, nowUs) : this.#bySsrc.size >= MAX_SSRCS)
      return "stream_limit";

    if (restarts) this.#retire(track, encoding, nowUs);
    const stream = rtx ? track.streams[encoding] : track.startStream(ssrc, encoding, payload);
    // RTX before its primary stream (Chromium probes that way) has nothing to repair yet.
    if (stream === undefined) return "unknown_stream";
    const binding: StreamBinding = { track, stream, rtx };
    this.#bySsrc.set(ssrc, binding);
    return binding;
  }

  /** A publisher that gives an encoding another SSRC may keep its RTX stream. */
  #bindAgain(ssrc: Ssrc, { track, encoding }: FormerPlace): StreamBinding | DemuxFailure {
    if (this.#bySsrc.size >= MAX_SSRCS) return "stream_limit";
    const binding: StreamBinding = { track, stream: track.streams[encoding]!, rtx: true };
    this.#replaced.delete(ssrc);
    this.#bySsrc.set(ssrc, binding);
    return binding;
  }

  /** Whether the encoding changed its SSRC within RESTART_US. */
  #hasRestarted(track: UpTrack, encoding: number, nowUs: number): boolean {
    for (const former of this.#replaced.values()) {
      if (former.track !== track || former.encoding !== encoding) continue;
      if (nowUs - former.leftUs < RESTART_US) return true;
    }
    return false;
  }

  /** Unbinds the SSRCs of an encoding, and remembers for a while that they were its. */
  #retire(track: UpTrack, encoding: number, nowUs: number): void {
    for (const [ssrc, { leftUs }] of this.#replaced)
      if (nowUs - leftUs >= REPLACED_US) this.#replaced.delete(ssrc);
    const old = track.streams[encoding];
    for (const [ssrc, binding] of this.#bySsrc) {
      if (binding.stream !== old) continue;
      this.#bySsrc.delete(ssrc);
      this.#replaced.set(ssrc, { track, encoding, leftUs: nowUs });
    }
  }

  #trackOf(packet: UpPacket): UpTrack | undefined {
    const mid = extensionText(packet, EXTENSION.mid);
    if (mid !== "") return this.tracks.find((track) => track.params.mid === mid);
    const { ssrc, payloadType } = packet.header;
    const announced = this.tracks.find((track) => ssrcIndex(track, ssrc) !== -1);
    if (announced !== undefined) return announced;
    const candidates = this.tracks.filter(
      (track) => track.payload(payloadType) !== undefined || track.payloadOfRtx(payloadType) !== undefined,
    );
    return candidates.length === 1 ? candidates[0] : undefined;
  }
}

/**
 * Whether the packet is a retransmission (RFC 4588 §4) for the encoding's current stream: its original number is one that
 * the stream has passed. Retransmissions for the former stream, which may still be under way, have such a number only by
 * chance.
 */
function repairsPresent({ header, bytes }: UpPacket, { track, encoding }: FormerPlace): boolean {
  if (track.payloadOfRtx(header.payloadType) === undefined || header.payloadBytes < OSN_BYTES) return false;
  return track.streams[encoding]?.hasPassed(readU16(bytes, header.headerBytes)) === true;
}

function encodingOf(track: UpTrack, packet: UpPacket): number {
  const { rids } = track.params;
  const rid = extensionText(packet, EXTENSION.rid) || extensionText(packet, EXTENSION.repairedRid);
  if (rids.length === 0 || (rids.length === 1 && rid === "")) return 0;
  if (rid !== "") return rids.indexOf(rid);
  // Simulcast is announced by SSRC, lowest first.
  return ssrcIndex(track, packet.header.ssrc);
}

function ssrcIndex(track: UpTrack, ssrc: Ssrc): number {
  return track.params.ssrcs.findIndex(
    (pair) => pair.ssrc === ssrc || (pair.rtxSsrc !== 0 && pair.rtxSsrc === ssrc),
  );
}

/** A MID (a token, RFC 5888 §4) or RID (alphanumeric, RFC 8851 §4) from its extension, or "" when absent. */
function extensionText(packet: UpPacket, kind: number): string {
  const at = packet.extensions.at[kind]!;
  if (at < 0) return "";
  return String.fromCharCode(...packet.bytes.subarray(at, at + packet.extensions.bytes[kind]!));
}
