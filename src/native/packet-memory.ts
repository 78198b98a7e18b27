/**
 * The memory that OpenSSL reads and writes apart from the slab of the transmit ring: packets outside that slab are
 * copied in, processed, and copied out.
 *
 *   0                      65,536                       66,560
 *   | packet, its tag behind | room for tag and padding   | IV, associated data, key, state of a hash |
 *
 * So native code holds no pointer to memory that may move, shrink or be collected, packets may be in any kind of
 * buffer, and a packet that fails leaves its buffer unchanged.
 */
import { getRawPointer } from "node:ffi";
import { SLOT_BYTES } from "../base/transmit-ring.ts";
import { PacketSlab } from "./packet-slab.ts";

/** The largest UDP datagram. A larger packet is refused. */
const MAX_PACKET_BYTES = 65_536;
/** Behind the packet: tag, index, rollover counter, and the padding of SHA-1, at most 72 bytes. */
const ROOM_BYTES = 1024;

export const IV_AT = MAX_PACKET_BYTES + ROOM_BYTES;
export const AAD_AT = IV_AT + 16;
const KEY_AT = AAD_AT + 16;
export const SIZE_AT = KEY_AT + 16;
export const SHA1_STATE_AT = SIZE_AT + 16;
export const SHA1_BLOCK_AT = SHA1_STATE_AT + 96;
export const TAG_NAME_AT = SHA1_BLOCK_AT + 64;
export const TAG_PARAMETER_AT = TAG_NAME_AT + 8;
const MEMORY_BYTES = TAG_PARAMETER_AT + 80;

/** One for each thread, for its lifetime: all calls are synchronous, so at most one packet is being processed. */
export const memory = new Uint8Array(new ArrayBuffer(MEMORY_BYTES));
/** The same, for the packet in it. */
export const scratch = new PacketSlab(memory);

const base = getRawPointer(memory);
const pointers = new Array<bigint | undefined>(MEMORY_BYTES);
const views = new Array<Uint8Array | undefined>(SLOT_BYTES + 1);

/** The address of `memory[at]`, cached after its first use: making a BigInt costs 50 ns and more. */
export function pointerTo(at: number): bigint {
  const known = pointers[at];
  if (known !== undefined) return known;
  const pointer = base + BigInt(at);
  pointers[at] = pointer;
  return pointer;
}

/**
 * Copies the packet `buf[at, at + bytes)` to the start of the memory. Returns false, with nothing copied, when the
 * sizes are inconsistent: this check keeps native code within the memory.
 */
export function loadPacket(buf: Uint8Array, at: number, clearBytes: number, bytes: number): boolean {
  const fits = at >= 0 && clearBytes >= 0 && clearBytes <= bytes && bytes <= MAX_PACKET_BYTES;
  if (!fits || at + bytes > buf.length) return false;
  // The whole slot, beyond the end of the packet: a view of just the packet would have to be allocated each time.
  const isSlot = at === 0 && buf.length <= SLOT_BYTES;
  memory.set(isSlot ? buf : buf.subarray(at, at + bytes));
  return true;
}

/** Copies `memory[0, bytes)` back to where the packet began, at `at`; throws where `buf` has no room. */
export function storePacket(buf: Uint8Array, at: number, bytes: number): void {
  buf.set(bytes <= SLOT_BYTES ? packetView(bytes) : memory.subarray(0, bytes), at);
}

/** A view of the packet for each size, cached after its first use. */
function packetView(bytes: number): Uint8Array {
  const known = views[bytes];
  if (known !== undefined) return known;
  const view = memory.subarray(0, bytes);
  views[bytes] = view;
  return view;
}

/** Calls `use` with a pointer to a copy of `key`, which is erased afterwards. */
export function withKey<T>(key: Uint8Array, use: (pointer: bigint) => T): T {
  memory.set(key, KEY_AT);
  try {
    return use(pointerTo(KEY_AT));
  } finally {
    memory.fill(0, KEY_AT, KEY_AT + key.length);
  }
}
