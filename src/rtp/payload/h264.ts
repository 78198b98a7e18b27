/**
 * H.264 NAL unit types (RFC 6184 §5.2), where a publisher sends no Dependency Descriptor. A key frame starts with a
 * sequence parameter set, or with an IDR slice where the sets do not come with each: without them it cannot be decoded.
 */
import { readU16 } from "../../base/bytes.ts";
import type { FrameInfo } from "../frame-info.ts";

const IDR = 5;
const SPS = 7;
const STAP_A = 24;
const FU_A = 28;
const TYPE_MASK = 0x1f;
const FU_START = 0x80;

/** Reads the payloads of one stream. */
export class H264Reader {
  /** Timestamp of the latest key frame, and whether a parameter set has come with it, and came with the one before. */
  #timestamp = -1;
  #hasSets = false;
  #hadSets = false;

  /** Reads the NAL headers of the payload `packet[at, at + length)`. Returns false when it is cut short. */
  read(
    packet: Uint8Array,
    at: number,
    length: number,
    timestamp: number,
    marker: boolean,
    out: FrameInfo,
  ): boolean {
    if (length < 1) return false;
    out.reset();
    out.endsFrame = marker;
    const type = packet[at]! & TYPE_MASK;
    if (type === STAP_A) return this.#readAggregate(packet, at + 1, at + length, timestamp, out);
    if (type === FU_A) {
      if (length < 2) return false;
      const header = packet[at + 1]!;
      out.keyframe = this.#isKey(header & TYPE_MASK, timestamp);
      out.startsFrame = (header & FU_START) !== 0;
      return true;
    }
    out.keyframe = this.#isKey(type, timestamp);
    out.startsFrame = true;
    return true;
  }

  /** STAP-A (§5.7.1): at least one NAL unit, each after its 16-bit size. */
  #readAggregate(packet: Uint8Array, start: number, end: number, timestamp: number, out: FrameInfo): boolean {
    if (start === end) return false;
    out.startsFrame = true;
    for (let at = start; at < end; ) {
      if (at + 3 > end) return false;
      const bytes = readU16(packet, at);
      if (bytes === 0 || at + 2 + bytes > end) return false;
      if (this.#isKey(packet[at + 2]! & TYPE_MASK, timestamp)) out.keyframe = true;
      at += 2 + bytes;
    }
    return true;
  }

  /** An IDR slice is none if sets came with the key frame before: its own have been lost, and may yet be repaired. */
  #isKey(type: number, timestamp: number): boolean {
    if (type !== IDR && type !== SPS) return false;
    if (timestamp !== this.#timestamp) {
      this.#timestamp = timestamp;
      this.#hadSets = this.#hasSets;
      this.#hasSets = false;
    }
    if (type === SPS) this.#hasSets = true;
    return type === SPS || !this.#hadSets;
  }
}
