/** Writes rows of a transmit ring into one chunk of a TCP stream, each preceded by its length (RFC 4571 §2). */
import { NO_ROW, SLOT_BYTES, type TransmitRing } from "../../base/transmit-ring.ts";
import { LENGTH_BYTES } from "./frame-reader.ts";

export class FrameWriter {
  /** Of the last `write`: packets that did not fit, and their bytes with the length fields. */
  droppedPackets = 0;
  droppedBytes = 0;
  #slab: Uint8Array | null = null;
  /** The slab as a Buffer, whose `copy` needs no view. */
  #source: Buffer = Buffer.alloc(0);

  /**
   * Removes the rows of the chain that begins at `firstRow` from the ring, and returns as many as fit `roomBytes`. The
   * result is a copy: it may still wait to be sent when the ring is reused.
   */
  write(ring: TransmitRing, firstRow: number, roomBytes: number): Buffer {
    if (ring.slab !== this.#slab) {
      this.#slab = ring.slab;
      this.#source = Buffer.from(ring.slab.buffer, ring.slab.byteOffset, ring.slab.length);
    }
    this.droppedPackets = 0;
    this.droppedBytes = 0;
    const frames = Buffer.allocUnsafe(this.#fitting(ring, firstRow, roomBytes));
    let at = 0;
    for (let row = firstRow; row !== NO_ROW; row = ring.nextRow[row]!) {
      const bytes = ring.bytes[row]!;
      if (bytes === 0) continue;
      ring.bytes[row] = 0;
      if (at + LENGTH_BYTES + bytes > frames.length) {
        this.droppedPackets += 1;
        this.droppedBytes += LENGTH_BYTES + bytes;
        continue;
      }
      frames[at] = bytes >> 8;
      frames[at + 1] = bytes;
      this.#source.copy(frames, at + LENGTH_BYTES, row * SLOT_BYTES, row * SLOT_BYTES + bytes);
      at += LENGTH_BYTES + bytes;
    }
    return frames;
  }

  /** Total bytes of the leading rows that fit. */
  #fitting(ring: TransmitRing, firstRow: number, roomBytes: number): number {
    let fitting = 0;
    for (let row = firstRow; row !== NO_ROW; row = ring.nextRow[row]!) {
      const bytes = ring.bytes[row]!;
      if (bytes === 0) continue;
      if (fitting + LENGTH_BYTES + bytes > roomBytes) break;
      fitting += LENGTH_BYTES + bytes;
    }
    return fitting;
  }
}
