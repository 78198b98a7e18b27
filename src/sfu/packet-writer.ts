/**
 * Writes one packet as one receiver is to get it: our numbers, the receiver's payload type and extension ids, the
 * publisher's payload. One copy, straight into the slot it is sent from.
 */

import { writeU16, writeU32 } from "../base/bytes.ts";
import type { Ssrc } from "../base/ids.ts";
import { absSendTime, type ExtensionMap } from "../rtp/header-extensions.ts";
import type { ExtensionNumbers } from "./extension-block.ts";
import type { SentNumbers } from "./sent-packets.ts";
import type { UpPacket } from "./up-packet.ts";

const FIXED_BYTES = 12;

const NO_MID = "";

/** The fixed header of an outgoing packet and the numbers rewritten in its extensions and its payload. */
export class OutgoingHeader implements ExtensionNumbers, SentNumbers {
  marker = false;
  payloadType = 0;
  seq = 0;
  timestamp = 0;
  ssrc = 0 as Ssrc;
  /** Whether to write the MID: a receiver that does not know the SSRC drops the packet without. */
  hasMid = true;
  frameNumber = -1;
  pictureId = -1;
  tl0PicIdx = -1;
  absSendTime = 0;
  transportSeq = -1;
  playoutDelayUs = -1;
  #sentUs = 0;

  /** Sets abs-send-time, which all packets of a turn share. */
  set sentUs(us: number) {
    if (us === this.#sentUs) return;
    this.#sentUs = us;
    this.absSendTime = absSendTime(us);
  }
}

export class PacketWriter {
  readonly #ids: ExtensionMap;
  readonly #mid: string;

  constructor(ids: ExtensionMap, mid: string) {
    this.#ids = ids;
    this.#mid = mid;
  }

  /**
   * Writes header and extensions at `out[at]`; `packet` is the publisher's. Returns the header's size, where the payload
   * goes next.
   */
  writeHeader(out: Uint8Array, at: number, header: OutgoingHeader, packet: UpPacket): number {
    out[at + 1] = (header.marker ? 0x80 : 0) | header.payloadType;
    writeU16(out, at + 2, header.seq);
    writeU32(out, at + 4, header.timestamp);
    writeU32(out, at + 8, header.ssrc);
    const mid = header.hasMid ? this.#mid : NO_MID;
    const block = packet.blocks.of(this.#ids);
    const { bytes, extensions } = packet;
    if (!block.isFor(this.#ids, mid, extensions, header))
      block.make(this.#ids, mid, bytes, extensions, header);
    const extensionBytes = block.write(out, at + FIXED_BYTES, header);
    out[at] = extensionBytes === 0 ? 0x80 : 0x90;
    return FIXED_BYTES + extensionBytes;
  }
}
