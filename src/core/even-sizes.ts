/**
 * Makes packets of a turn for one receiver equal in size, by RTP padding (RFC 3550 §5.1), where they differ by little.
 *
 * An encoder splits a frame into packets as equal as can be, hence by one byte different; the kernel segments a message
 * into datagrams of one size, of which only the last may be shorter. With the bytes that are missing, a frame goes out in
 * one message where it took two: 1.2 times the packets for each second of CPU time, in bursts of 2, 4 or 8.
 *
 *   | header, P set | payload | zeros | how many bytes are padding |
 */
import { NO_ROW, NO_SESSION, SLOT_BYTES, type TransmitRing } from "../base/transmit-ring.ts";

/**
 * Larger would also pad packets whose header extensions differ, and send more bytes to everyone; smaller joins fewer
 * packets.
 */
const MAX_PADDING_BYTES = 4;
const PADDING_BIT = 0x20;

/** For the plaintext rows of a ring, before they are sealed. */
export function evenSizes(ring: TransmitRing): void {
  for (let chain = 0; chain < ring.chains; chain++) {
    for (let row = ring.firstRows[chain]!; row !== NO_ROW; ) row = evenRun(ring, row);
  }
}

/** Pads the longest run that begins at `first`. Returns the row after it in the chain. */
function evenRun(ring: TransmitRing, first: number): number {
  if (!canPad(ring, first)) return ring.nextRow[first]!;
  let least = ring.bytes[first]!;
  let most = least;
  let last = first;
  for (let row = ring.nextRow[first]!; row !== NO_ROW && canPad(ring, row); row = ring.nextRow[row]!) {
    const bytes = ring.bytes[row]!;
    if (Math.max(most, bytes) - Math.min(least, bytes) > MAX_PADDING_BYTES) break;
    least = Math.min(least, bytes);
    most = Math.max(most, bytes);
    last = row;
  }
  // The last packet of a run may be shorter.
  if (least < most) for (let row = first; row !== last; row = ring.nextRow[row]!) pad(ring, row, most);
  return ring.nextRow[last]!;
}

/** Whether a row is RTP that is still to be sealed and has no padding yet. */
function canPad(ring: TransmitRing, row: number): boolean {
  return ring.session[row] !== NO_SESSION && (ring.slab[row * SLOT_BYTES]! & PADDING_BIT) === 0;
}

function pad(ring: TransmitRing, row: number, toBytes: number): void {
  const bytes = ring.bytes[row]!;
  if (bytes === toBytes) return;
  const { slab } = ring;
  const at = row * SLOT_BYTES;
  slab[at]! |= PADDING_BIT;
  for (let i = bytes; i < toBytes - 1; i++) slab[at + i] = 0;
  slab[at + toBytes - 1] = toBytes - bytes;
  ring.bytes[row] = toBytes;
}
