/**
 * The packet being forwarded, as every stage of one pass sees it: one reused view per media thread.
 *
 * Filled by `Transport` (header, extensions), completed by `UpStream` (numbers, frame facts), read by down tracks.
 */

import { FrameInfo } from "../rtp/frame-info.ts";
import { ExtensionView } from "../rtp/header-extensions.ts";
import { RtpHeader } from "../rtp/rtp-header.ts";

const NO_BYTES = new Uint8Array(0);

export class UpPacket {
  /** Plaintext of the hop in `bytes[0, length)`. */
  bytes: Uint8Array = NO_BYTES;
  length = 0;
  /** When it came to the server; 0 for one that is not to be counted as delayed by us. */
  receivedUs = 0;
  /** The present: later than `receivedUs` where it came through another thread, or waited. */
  nowUs = 0;
  readonly header = new RtpHeader();
  readonly extensions = new ExtensionView();
  /** `bytes` from the end of the header to the end of the payload, padding left out. */
  payload: Uint8Array = NO_BYTES;
  /** Index of the UpStream in its track. */
  encoding = 0;
  extSeq = 0;
  readonly frame = new FrameInfo();
  /** VP8 picture id with its rollovers counted, or -1 where the payload has none. */
  extPictureId = -1;
  /** VP8 TL0PICIDX, or -1. */
  tl0PicIdx = -1;

  /** Makes it a packet with neither extensions nor payload. */
  empty(nowUs: number): void {
    this.extensions.clear();
    this.payload = NO_BYTES;
    this.receivedUs = 0;
    this.nowUs = nowUs;
    this.clearFrameFacts();
  }

  /** The view is reused: what the packet before said of its frame must not be said of this one. */
  clearFrameFacts(): void {
    this.frame.reset();
    this.extPictureId = -1;
    this.tl0PicIdx = -1;
  }
}
