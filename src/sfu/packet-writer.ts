/**
 * Writes one packet as one receiver is to get it: our numbers, the receiver's payload type and extension ids, the
 * publisher's payload. One copy, straight into the slot it is sent from.
 */

import { writeU16, writeU24, writeU32 } from "../base/bytes.ts";
import type { Ssrc } from "../base/ids.ts";
import { writeFrameNumber } from "../rtp/dependency-descriptor.ts";
import {
  EXTENSION,
  type ExtensionMap,
  type ExtensionView,
  ExtensionWriter,
} from "../rtp/header-extensions.ts";

const FIXED_BYTES = 12;

/** What a publisher says about a frame and a receiver wants to hear, passed on as it is. */
const PASSED = [
  EXTENSION.audioLevel,
  EXTENSION.videoOrientation,
  EXTENSION.playoutDelay,
  EXTENSION.colorSpace,
  EXTENSION.absCaptureTime,
  EXTENSION.videoContentType,
] as const;

/** One-byte elements hold 1 to 16 bytes under ids 1 to 14 (RFC 8285 §4.2). */
const ONE_BYTE_MAX_BYTES = 16;
const ONE_BYTE_MAX_ID = 14;

/** playout-delay: least and most in units of 10 ms, 12 bits each. */
const PLAYOUT_DELAY_BYTES = 3;
const PLAYOUT_DELAY_UNIT_US = 10_000;
/** What libwebrtc itself allows. A small one would turn off its smoothing. */
const MOST_PLAYOUT_DELAY = 1_000;

/** The fixed header of an outgoing packet and the numbers rewritten in its extensions. */
export class OutgoingHeader {
  marker = false;
  payloadType = 0;
  seq = 0;
  timestamp = 0;
  ssrc = 0 as Ssrc;
  /** DD frame number to write, or -1 to leave the descriptor as it is. */
  frameNumber = -1;
  /** abs-send-time of this turn: seconds as 6.18 fixed point, 24 bits. */
  absSendTime = 0;
  /** Transport-wide sequence number, or -1 to write none. */
  transportSeq = -1;
  /** Least delay until a picture is shown, microseconds, or -1 to say nothing of it. A publisher's own word goes first. */
  playoutDelayUs = -1;
}

export class PacketWriter {
  readonly #ids: ExtensionMap;
  readonly #mid: Uint8Array;
  readonly #extensions = new ExtensionWriter();
  readonly #scratch = new Uint8Array(PLAYOUT_DELAY_BYTES);
  /** Sent until the receiver has shown that it knows the SSRC (RFC 8843 §9.2 asks for a few packets only). */
  sendsMid = true;

  constructor(ids: ExtensionMap, mid: string) {
    this.#ids = ids;
    // MIDs are tokens, so ASCII (RFC 5888 §4).
    this.#mid = Uint8Array.from(mid, (char) => char.charCodeAt(0));
  }

  /**
   * Writes header and extensions at `out[at]`; `source` and `view` are the publisher's packet. Returns the header's
   * size, where the payload goes next.
   */
  writeHeader(
    out: Uint8Array,
    at: number,
    header: OutgoingHeader,
    source: Uint8Array,
    view: ExtensionView,
  ): number {
    out[at + 1] = (header.marker ? 0x80 : 0) | header.payloadType;
    writeU16(out, at + 2, header.seq);
    writeU32(out, at + 4, header.timestamp);
    writeU32(out, at + 8, header.ssrc);
    const extensionBytes = this.#writeExtensions(out, at + FIXED_BYTES, header, source, view);
    out[at] = extensionBytes === 0 ? 0x80 : 0x90;
    return FIXED_BYTES + extensionBytes;
  }

  #writeExtensions(
    out: Uint8Array,
    at: number,
    header: OutgoingHeader,
    source: Uint8Array,
    view: ExtensionView,
  ): number {
    const ids = this.#ids.idOf;
    const writer = this.#extensions;
    writer.begin(out, at, this.#needsTwoByteForm(view));

    const midId = ids[EXTENSION.mid]!;
    if (this.sendsMid && midId !== 0) writer.add(midId, this.#mid, 0, this.#mid.length);

    const sendTimeId = ids[EXTENSION.absSendTime]!;
    if (sendTimeId !== 0) {
      writeU24(this.#scratch, 0, header.absSendTime);
      writer.add(sendTimeId, this.#scratch, 0, 3);
    }
    if (header.transportSeq >= 0) {
      writeU16(this.#scratch, 0, header.transportSeq);
      writer.add(ids[EXTENSION.transportCc]!, this.#scratch, 0, 2);
    }
    for (let i = 0; i < PASSED.length; i++) {
      const kind = PASSED[i]!;
      const id = ids[kind]!;
      if (id !== 0 && view.at[kind]! >= 0) writer.add(id, source, view.at[kind]!, view.bytes[kind]!);
    }
    const delayId = ids[EXTENSION.playoutDelay]!;
    if (header.playoutDelayUs >= 0 && delayId !== 0 && view.at[EXTENSION.playoutDelay]! < 0) {
      const least = Math.round(header.playoutDelayUs / PLAYOUT_DELAY_UNIT_US);
      writeU24(this.#scratch, 0, (least << 12) | MOST_PLAYOUT_DELAY);
      writer.add(delayId, this.#scratch, 0, PLAYOUT_DELAY_BYTES);
    }
    const descriptor = EXTENSION.dependencyDescriptor;
    const descriptorId = ids[descriptor]!;
    if (descriptorId !== 0 && view.at[descriptor]! >= 0) {
      const put = writer.add(descriptorId, source, view.at[descriptor]!, view.bytes[descriptor]!);
      if (header.frameNumber >= 0) writeFrameNumber(out, put, header.frameNumber);
    }
    return writer.end();
  }

  #needsTwoByteForm(view: ExtensionView): boolean {
    const ids = this.#ids.idOf;
    if (this.#ids.highestId > ONE_BYTE_MAX_ID) return true;
    if (this.sendsMid && ids[EXTENSION.mid] !== 0 && this.#mid.length > ONE_BYTE_MAX_BYTES) return true;
    for (let kind = 0; kind < view.at.length; kind++) {
      if (view.bytes[kind]! > ONE_BYTE_MAX_BYTES && view.at[kind]! >= 0 && ids[kind] !== 0) return true;
    }
    return false;
  }
}
