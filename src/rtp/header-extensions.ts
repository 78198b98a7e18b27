/**
 * RTP header extensions in both forms (RFC 8285): read into a view by kind, and written with another peer's ids.
 *
 *   one-byte form, profile 0xBEDE            two-byte form, profile 0x1000 … 0x100F
 *   | ID 4 | L 4 |  data: L + 1 bytes        | ID 8 | L 8 |  data: L bytes
 */
import { writeU16 } from "../base/bytes.ts";
import type { RtpHeader } from "./rtp-header.ts";

/** Kinds of extension, small integers so that columns can be indexed by them. */
export const EXTENSION = {
  mid: 0,
  rid: 1,
  repairedRid: 2,
  audioLevel: 3,
  absSendTime: 4,
  transportCc: 5,
  dependencyDescriptor: 6,
  videoOrientation: 7,
  playoutDelay: 8,
  colorSpace: 9,
  absCaptureTime: 10,
  videoContentType: 11,
} as const;

export type ExtensionName = keyof typeof EXTENSION;
/** Three words of four ids: see `ExtensionMap.word0`. */
const KINDS = 12;

export const EXTENSION_URI: Readonly<Record<ExtensionName, string>> = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  repairedRid: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  audioLevel: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  absSendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  transportCc: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  dependencyDescriptor:
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
  videoOrientation: "urn:3gpp:video-orientation",
  playoutDelay: "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
  colorSpace: "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
  absCaptureTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
  videoContentType: "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
};

const NO_KIND = 0xff;
const ABSENT = -1;
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;
/** Id and length share a byte (§4.2); id 15 is reserved. */
const ONE_BYTE_MAX_ID = 14;
const ONE_BYTE_MAX_BYTES = 16;
const TWO_BYTE_MAX_BYTES = 255;
const PROFILE_HEADER_BYTES = 4;

/** The extension ids of one transport: bundled sections share one map (RFC 8843 §9.2). */
export class ExtensionMap {
  /** Id to kind, NO_KIND where nothing was negotiated. */
  readonly kindOf = new Uint8Array(256).fill(NO_KIND);
  /** Kind to id, 0 where it was not negotiated. */
  readonly idOf = new Uint8Array(KINDS);
  /** `idOf` again, four ids to a word: maps are compared by these for every packet. The third word is `word2`. */
  word0 = 0;
  word1 = 0;
  word2 = 0;
  /** Of `idOf`: equal for equal maps. */
  hash = 0;
  highestId = 0;
  /** Whether transport-wide sequence numbers were negotiated. */
  isNumbered = false;

  constructor(ids: Readonly<Record<string, number>>) {
    this.add(ids);
  }

  /** `ids`: URI to id, 1 to 255. */
  add(ids: Readonly<Record<string, number>>): void {
    for (const [name, kind] of Object.entries(EXTENSION)) {
      const id = ids[EXTENSION_URI[name as ExtensionName]];
      if (id === undefined) continue;
      this.kindOf[id] = kind;
      this.idOf[kind] = id;
      this.highestId = Math.max(this.highestId, id);
    }
    this.isNumbered = this.idOf[EXTENSION.transportCc] !== 0;
    const words = new Int32Array(this.idOf.buffer);
    this.word0 = words[0]!;
    this.word1 = words[1]!;
    this.word2 = words[2]!;
    this.hash = this.idOf.reduce((hash, id) => (hash * 31 + id) & 0xffff, 0);
  }
}

/** Where the extensions of one packet are, indexed by kind. */
export class ExtensionView {
  /** Offset of an element's data in the packet, or -1. */
  readonly at = new Int32Array(KINDS).fill(ABSENT);
  /** Bytes of its data. */
  readonly bytes = new Uint8Array(KINDS);
  /** Changes with each packet, so that what was derived from the view can be told to be stale. */
  version = 0;

  /**
   * Reads the extension block that `header` describes. Returns false when an element runs over its end. Unknown ids are
   * skipped; of a repeated element the first counts.
   */
  parse(packet: Uint8Array, header: RtpHeader, map: ExtensionMap): boolean {
    this.clear();
    const end = header.extensionAt + header.extensionBytes;
    if (header.extensionProfile === ONE_BYTE_PROFILE)
      return this.#parseOneByte(packet, header.extensionAt, end, map);
    if ((header.extensionProfile & 0xfff0) === TWO_BYTE_PROFILE) {
      return this.#parseTwoByte(packet, header.extensionAt, end, map);
    }
    return true;
  }

  clear(): void {
    this.version += 1;
    this.at.fill(ABSENT);
  }

  #parseOneByte(packet: Uint8Array, start: number, end: number, map: ExtensionMap): boolean {
    let at = start;
    while (at < end) {
      const first = packet[at++]!;
      const id = first >> 4;
      if (first === 0) continue;
      // Id 0 with a length, and id 15, end the block: what came before still counts (§4.1.2, §4.2).
      if (id === 0 || id > ONE_BYTE_MAX_ID) return true;
      const bytes = (first & 0x0f) + 1;
      if (at + bytes > end) return false;
      this.#add(map.kindOf[id]!, at, bytes);
      at += bytes;
    }
    return true;
  }

  #parseTwoByte(packet: Uint8Array, start: number, end: number, map: ExtensionMap): boolean {
    let at = start;
    while (at < end) {
      const id = packet[at++]!;
      if (id === 0) continue;
      if (at >= end) return false;
      const bytes = packet[at++]!;
      if (at + bytes > end) return false;
      this.#add(map.kindOf[id]!, at, bytes);
      at += bytes;
    }
    return true;
  }

  #add(kind: number, at: number, bytes: number): void {
    if (kind === NO_KIND || this.at[kind] !== ABSENT) return;
    this.at[kind] = at;
    this.bytes[kind] = bytes;
  }
}

/** Writes one extension block, element by element. */
export class ExtensionWriter {
  #out: Uint8Array = new Uint8Array(0);
  #start = 0;
  #at = 0;
  #twoByte = false;

  /**
   * Starts a block at `out[at]`. The one-byte form holds elements of 1 to 16 bytes with ids 1 to 14, the two-byte form
   * up to 255 bytes with ids up to 255.
   */
  begin(out: Uint8Array, at: number, twoByte: boolean): void {
    this.#out = out;
    this.#start = at;
    this.#at = at + PROFILE_HEADER_BYTES;
    this.#twoByte = twoByte;
  }

  /**
   * Adds `source[sourceAt, sourceAt + bytes)`. Returns the offset of its data in `out`, or -1 when the form cannot hold it:
   * the publisher chooses sizes, and an element with a wrong length would garble all that follow.
   */
  add(id: number, source: Uint8Array, sourceAt: number, bytes: number): number {
    const out = this.#out;
    if (this.#twoByte) {
      if (bytes > TWO_BYTE_MAX_BYTES) return ABSENT;
      out[this.#at++] = id;
      out[this.#at++] = bytes;
    } else {
      if (id > ONE_BYTE_MAX_ID || bytes === 0 || bytes > ONE_BYTE_MAX_BYTES) return ABSENT;
      out[this.#at++] = (id << 4) | (bytes - 1);
    }
    const put = this.#at;
    for (let i = 0; i < bytes; i++) out[put + i] = source[sourceAt + i]!;
    this.#at += bytes;
    return put;
  }

  /** Pads to whole words and writes the block's header. Returns the bytes of the block; 0 when nothing was added. */
  end(): number {
    const out = this.#out;
    if (this.#at === this.#start + PROFILE_HEADER_BYTES) return 0;
    while (((this.#at - this.#start) & 3) !== 0) out[this.#at++] = 0;
    const bytes = this.#at - this.#start;
    writeU16(out, this.#start, this.#twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
    writeU16(out, this.#start + 2, bytes / 4 - 1);
    return bytes;
  }
}

/** abs-send-time of an instant: seconds as 6.18 fixed point, 24 bits, wrapping every 64 s. */
export function absSendTime(us: number): number {
  return Math.floor((us * 0x40000) / 1_000_000) % 0x1000000;
}
