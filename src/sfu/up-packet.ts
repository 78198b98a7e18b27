/**
 * The packet being forwarded, as every stage of one pass sees it: one reused view per media thread.
 *
 * Filled by `Transport` (header, extensions), completed by `UpStream` (numbers, frame facts), read by down tracks.
 */

import { SLOT_BYTES } from "../base/transmit-ring.ts";
import { FrameInfo } from "../rtp/frame-info.ts";
import { ExtensionView } from "../rtp/header-extensions.ts";
import { RtpHeader } from "../rtp/rtp-header.ts";

/** The original sequence number in front of a retransmitted payload (RFC 4588 §4). */
export const OSN_BYTES = 2;

const NO_BYTES = new Uint8Array(0);

/**
 * The packet at hand is copied here so that its payload always begins at the same offset: views are then made once per
 * size, not per packet. One packet at a time, for the whole thread.
 */
const PAYLOAD_AT = SLOT_BYTES;
const passing = new Uint8Array(PAYLOAD_AT + SLOT_BYTES);
const payloads = new Array<Uint8Array | undefined>(SLOT_BYTES + 1);

export class UpPacket {
  /** Plaintext of the hop in `bytes[0, length)`. */
  bytes: Uint8Array = NO_BYTES;
  length = 0;
  /** When it came to this machine: measurements of its path use this time. */
  arrivedUs = 0;
  /** When it was read; 0 for a packet that is left out of the forwarding delay. */
  receivedUs = 0;
  /** The current time: later than `receivedUs` if the packet came through another thread, or waited. */
  nowUs = 0;
  readonly header = new RtpHeader();
  readonly extensions = new ExtensionView();
  /** View of the payload in `bytes`, without padding. */
  payload: Uint8Array = NO_BYTES;
  /** Index of the UpStream in its track. */
  encoding = 0;
  extSeq = 0;
  readonly frame = new FrameInfo();
  /** VP8 picture id with its rollovers counted, or -1 where the payload has none. */
  extPictureId = -1;
  /** VP8 TL0PICIDX, or -1. */
  tl0PicIdx = -1;

  /** Fills `payload` of a received packet; valid until the next call. */
  takePayload(): void {
    const { bytes } = this;
    const { headerBytes, payloadBytes } = this.header;
    if (bytes.length > SLOT_BYTES) {
      this.payload = bytes.subarray(headerBytes, headerBytes + payloadBytes);
      return;
    }
    passing.set(bytes, PAYLOAD_AT - headerBytes);
    this.payload = passingPayload(payloadBytes);
  }

  /** Makes it a packet with neither extensions nor payload. */
  empty(nowUs: number): void {
    this.extensions.clear();
    this.payload = NO_BYTES;
    this.receivedUs = 0;
    this.nowUs = nowUs;
    this.clearFrameFacts();
  }

  /** Clears what the previous packet said of its frame, because the view is reused. */
  clearFrameFacts(): void {
    this.frame.reset();
    this.extPictureId = -1;
    this.tl0PicIdx = -1;
  }
}

function passingPayload(bytes: number): Uint8Array {
  const known = payloads[bytes];
  if (known !== undefined) return known;
  const made = passing.subarray(PAYLOAD_AT, PAYLOAD_AT + bytes);
  payloads[bytes] = made;
  return made;
}
