/**
 * A packet being forwarded, as every stage of one pass sees it: a view that is used again, one of few in a media thread.
 *
 * Filled by `UpInlet` or `PipedTrack` (header, extensions), completed by `UpStream` (numbers, frame facts), read by down tracks.
 */

import type { CodecName } from "../base/codec.ts";
import { SLOT_BYTES } from "../base/transmit-ring.ts";
import { FrameInfo } from "../rtp/frame-info.ts";
import { ExtensionView } from "../rtp/header-extensions.ts";
import { RtpHeader } from "../rtp/rtp-header.ts";
import { ExtensionBlocks } from "./extension-block.ts";

/** The original sequence number in front of a retransmitted payload (RFC 4588 §4). */
export const OSN_BYTES = 2;

const NO_BYTES = new Uint8Array(0);

export class UpPacket {
  /** Plaintext of the hop in `bytes[0, length)`: where it was received, until it is kept. */
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
  /** Of the stream when the packet came: above `extSeq` if others have overtaken it. */
  highestExtSeq = 0;
  readonly frame = new FrameInfo();
  /** Of the payload type that its publisher uses: says what is in the payload. */
  codec: CodecName = "opus";
  /** Picture id of VP8 or VP9 with its rollovers counted, or -1 where the payload has none. */
  extPictureId = -1;
  /** TL0PICIDX of VP8 or VP9, or -1. */
  tl0PicIdx = -1;
  /** Its extensions as they go out. */
  readonly blocks = new ExtensionBlocks();
  /** Null until there is something to keep. */
  #keeper: PacketKeeper | null = null;

  /** Copies a received packet whose header has been read, as the buffer that it came in may be used again; fills `payload`. */
  keep(): void {
    const { bytes } = this;
    const { headerBytes, payloadBytes } = this.header;
    if (bytes.length > SLOT_BYTES) {
      // The slice of a Buffer would be a view.
      this.bytes = new Uint8Array(bytes.subarray(0, this.length));
      this.payload = this.bytes.subarray(headerBytes, headerBytes + payloadBytes);
      return;
    }
    this.#keeper ??= new PacketKeeper();
    this.bytes = this.#keeper.put(bytes, headerBytes);
    this.payload = this.#keeper.payload(payloadBytes);
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

/** Where the payload of a kept packet begins, whatever the size of its header. */
const PAYLOAD_AT = SLOT_BYTES;

/** Holds one packet. Views of it are made once for each size, not for each packet. */
class PacketKeeper {
  readonly #slab = new Uint8Array(PAYLOAD_AT + SLOT_BYTES);
  /** By the size of the header, and of the payload. */
  readonly #packets = new Array<Uint8Array | undefined>(SLOT_BYTES + 1);
  readonly #payloads = new Array<Uint8Array | undefined>(SLOT_BYTES + 1);

  /** Copies what begins with a header of `headerBytes`. Returns the copy, at least as long; valid until the next call. */
  put(bytes: Uint8Array, headerBytes: number): Uint8Array {
    const at = PAYLOAD_AT - headerBytes;
    this.#slab.set(bytes, at);
    const known = this.#packets[headerBytes];
    if (known !== undefined) return known;
    const made = this.#slab.subarray(at, at + SLOT_BYTES);
    this.#packets[headerBytes] = made;
    return made;
  }

  payload(bytes: number): Uint8Array {
    const known = this.#payloads[bytes];
    if (known !== undefined) return known;
    const made = this.#slab.subarray(PAYLOAD_AT, PAYLOAD_AT + bytes);
    this.#payloads[bytes] = made;
    return made;
  }
}
