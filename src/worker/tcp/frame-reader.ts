/**
 * Reads packets from a TCP stream, each preceded by its length (RFC 4571 §2, as RFC 6544 §10.1 uses it for ICE):
 *
 *   0                   1
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 ---------------
 *  |             LENGTH            |  packet ...   |
 *
 * Holds one frame at most, however the stream is split. A frame of length zero is a null packet and ignored.
 */
import { SLOT_BYTES } from "../../base/transmit-ring.ts";

/** As for datagrams: more than Ethernet carries. Larger: a garbage length makes the reader hold more of the stream. */
export const MAX_FRAME_BYTES = SLOT_BYTES;

export const LENGTH_BYTES = 2;

export class FrameReader {
  readonly #onPacket: (bytes: Uint8Array, length: number) => void;
  /** Not a Buffer: slices of Buffers are not copies. */
  readonly #packet = new Uint8Array(MAX_FRAME_BYTES);
  #lengthBytes = 0;
  #length = 0;
  #have = 0;

  /** `onPacket`: one packet in `bytes[0, length)`, writable, and valid only during the call. */
  constructor(onPacket: (bytes: Uint8Array, length: number) => void) {
    this.#onPacket = onPacket;
  }

  /** Reads the next bytes of the stream. False when a frame is too long: the stream cannot be resynchronised. */
  read(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#lengthBytes < LENGTH_BYTES) {
        this.#length = (this.#length << 8) | chunk[at++]!;
        this.#lengthBytes += 1;
        if (this.#lengthBytes < LENGTH_BYTES) continue;
        if (this.#length > MAX_FRAME_BYTES) return false;
      }
      const end = Math.min(chunk.length, at + this.#length - this.#have);
      chunk.copy(this.#packet, this.#have, at, end);
      this.#have += end - at;
      at = end;
      if (this.#have === this.#length) this.#endFrame();
    }
    return true;
  }

  #endFrame(): void {
    const length = this.#length;
    this.#lengthBytes = 0;
    this.#length = 0;
    this.#have = 0;
    if (length > 0) this.#onPacket(this.#packet, length);
  }
}
