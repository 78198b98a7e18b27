/**
 * The slab of the transmit ring as OpenSSL sees it: a packet is sealed where it is sent from.
 *
 *   | header 12…  payload  room for the tag | next slot …        at = row × SLOT_BYTES
 *
 * An address is a BigInt, and one anew costs 50 ns and memory: each is made once, for the start of each slot and for each
 * size of header in it. They are kept size by size, for a pass over the ring reads them in that order.
 */
import { getRawPointer } from "node:ffi";
import { SLOT_BYTES } from "../base/transmit-ring.ts";

/** Headers of so many bytes have addresses kept, if whole words: RTP's are. A longer one has its address made each time. */
const KEPT_BYTES = 256;
const WORD_BYTES = 4;

export class PacketSlab {
  /** Referenced, for its memory must outlive its addresses. It is neither resized nor transferred. */
  readonly bytes: Uint8Array;
  readonly #base: bigint;
  readonly #address: number;
  /** By bytes from the start of the slot, in words, then by slot. */
  readonly #pointers: readonly (bigint | undefined)[][];

  /** `bytes`: of a size that V8 keeps outside its heap, where nothing moves: more than 64. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#base = getRawPointer(bytes);
    this.#address = Number(this.#base);
    const slots = Math.ceil(bytes.length / SLOT_BYTES);
    // Not one for all: V8 makes a hash table of an array so large.
    this.#pointers = Array.from({ length: KEPT_BYTES / WORD_BYTES }, () => new Array(slots));
  }

  /** The address of `bytes[at]`. */
  pointerTo(at: number): bigint {
    const offset = at % SLOT_BYTES;
    if (offset >= KEPT_BYTES || offset % WORD_BYTES !== 0) return this.#base + BigInt(at);
    const pointers = this.#pointers[offset / WORD_BYTES]!;
    const slot = Math.floor(at / SLOT_BYTES);
    const known = pointers[slot];
    if (known !== undefined) return known;
    const pointer = this.#base + BigInt(at);
    pointers[slot] = pointer;
    return pointer;
  }

  /** The same as a number, for who writes it into memory. */
  addressOf(at: number): number {
    return this.#address + at;
  }
}

/** What a slot has room for behind a packet: the tag, and what an HMAC appends to hash it. */
const ROOM_BYTES = 128;

/** One of this thread: it has one ring. */
let ring: PacketSlab | null = null;

/**
 * The slab that `bytes[at, at + size)` is a packet of, with room behind it; null for a packet that is elsewhere, or does not
 * fit: behind this check native code can not leave the slot.
 */
export function slabOf(bytes: Uint8Array, at: number, clearBytes: number, size: number): PacketSlab | null {
  if (bytes !== ring?.bytes) {
    if (bytes.length < SLOT_BYTES || bytes.length % SLOT_BYTES !== 0) return null;
    ring = new PacketSlab(bytes);
  }
  const fits = at >= 0 && clearBytes >= 0 && clearBytes <= size && at + size <= bytes.length;
  return fits && (at % SLOT_BYTES) + size + ROOM_BYTES <= SLOT_BYTES ? ring : null;
}
