/**
 * The slab of the transmit ring as OpenSSL sees it: a packet is sealed where it is sent from.
 *
 *   | header 12…  payload  room for the tag | next slot …        at = row × SLOT_BYTES
 *
 * An address is a BigInt, and making one costs 50 ns and memory, so they are cached: for the start of each slot and for
 * each size of header in it. They are stored by size, the order in which a pass over the ring reads them.
 */
import { getRawPointer } from "node:ffi";
import { SLOT_BYTES } from "../base/transmit-ring.ts";

/**
 * Addresses are cached for headers shorter than this, in whole words as RTP's are; for others they are made each time.
 */
const KEPT_BYTES = 256;
const WORD_BYTES = 4;

export class PacketSlab {
  /** Referenced, because its memory must outlive its addresses. It is neither resized nor transferred. */
  readonly bytes: Uint8Array;
  readonly #base: bigint;
  readonly #address: number;
  /** By offset in the slot, in words, then by slot. */
  readonly #pointers: readonly (bigint | undefined)[][];

  /** `bytes`: more than 64, so that V8 keeps them outside its heap, where nothing moves. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#base = getRawPointer(bytes);
    this.#address = Number(this.#base);
    const slots = Math.ceil(bytes.length / SLOT_BYTES);
    // Not one array for all: V8 turns one that large into a hash table.
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

  /** The same as a number, for writing it into memory. */
  addressOf(at: number): number {
    return this.#address + at;
  }
}

/** Room behind a packet in its slot: for the tag, and for what an HMAC appends to hash it. */
const ROOM_BYTES = 128;

/** One for each thread, which has one ring. */
let ring: PacketSlab | null = null;

/**
 * The slab that holds the packet `bytes[at, at + size)` with room behind it; null for a packet that is elsewhere, or
 * does not fit: this check keeps native code within the slot.
 */
export function slabOf(bytes: Uint8Array, at: number, clearBytes: number, size: number): PacketSlab | null {
  if (bytes !== ring?.bytes) {
    if (bytes.length < SLOT_BYTES || bytes.length % SLOT_BYTES !== 0) return null;
    ring = new PacketSlab(bytes);
  }
  const fits = at >= 0 && clearBytes >= 0 && clearBytes <= size && at + size <= bytes.length;
  return fits && (at % SLOT_BYTES) + size + ROOM_BYTES <= SLOT_BYTES ? ring : null;
}
