import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PathId } from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import { evenSizes } from "../../src/core/even-sizes.ts";
import { parseRtpHeader, RtpHeader, readPadding } from "../../src/rtp/rtp-header.ts";

const HEADER_BYTES = 12;
const SESSION = 3;

type Row = { path: number; bytes: number; isRtp?: boolean; padding?: number };

/** Slots hold what earlier turns left there. */
function ringOf(rows: readonly Row[]): TransmitRing {
  const ring = new TransmitRing(rows.length);
  ring.slab.fill(0xee);
  for (const [i, { path, bytes, isRtp = true, padding = 0 }] of rows.entries()) {
    const slot = ring.slab
      .subarray(ring.reserve())
      .fill(i + 1, 0, bytes)
      .fill(0, 1, HEADER_BYTES);
    slot[0] = padding > 0 ? 0xa0 : 0x80;
    if (padding > 0) slot[bytes - 1] = padding;
    if (isRtp) ring.commitRtp(bytes, path as PathId, SESSION, HEADER_BYTES, i, 1);
    else ring.commitRaw(bytes, path as PathId);
  }
  return ring;
}

const sizesOf = (ring: TransmitRing): number[] => [...ring.bytes.subarray(0, ring.count)];

const rtp = (...sizes: number[]): Row[] => sizes.map((bytes) => ({ path: 7, bytes }));

describe("sizes of a turn", () => {
  test.each<{ name: string; rows: Row[]; sizes: number[] }>([
    {
      name: "a frame whose last packets are a byte longer",
      rows: rtp(99, 99, 100, 100),
      sizes: [100, 100, 100, 100],
    },
    { name: "one whose last packet is shorter", rows: rtp(100, 100, 99), sizes: [100, 100, 99] },
    { name: "as far apart as may be", rows: rtp(96, 100, 98), sizes: [100, 100, 98] },
    { name: "further apart", rows: rtp(95, 100), sizes: [95, 100] },
    { name: "two frames", rows: rtp(99, 100, 50, 51), sizes: [100, 100, 51, 51] },
    {
      name: "receivers by turns",
      rows: [99, 100].flatMap((bytes) => [1, 2].map((path) => ({ path, bytes: bytes + path }))),
      sizes: [101, 102, 101, 102],
    },
    {
      name: "around what is no RTP",
      rows: [...rtp(99), { path: 7, bytes: 100, isRtp: false }, ...rtp(98, 100)],
      sizes: [99, 100, 100, 100],
    },
    {
      name: "around what is padded",
      rows: [...rtp(99), { path: 7, bytes: 100, padding: 2 }, ...rtp(98, 100)],
      sizes: [99, 100, 100, 100],
    },
    { name: "none", rows: [], sizes: [] },
  ])("$name", ({ rows, sizes }) => {
    const ring = ringOf(rows);
    evenSizes(ring);
    expect(sizesOf(ring)).toEqual(sizes);
  });
});

test("every packet keeps its header and payload, and gets four bytes at most", () => {
  const row = fc.record({
    path: fc.nat({ max: 2 }),
    bytes: fc.integer({ min: 30, max: 45 }),
    isRtp: fc.constantFrom(true, true, true, false),
    padding: fc.constantFrom(0, 0, 0, 5),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      const ring = ringOf(rows);
      const before = ring.slab.slice();
      evenSizes(ring);
      const header = new RtpHeader();
      for (const [i, { bytes, isRtp, padding }] of rows.entries()) {
        const at = i * SLOT_BYTES;
        const added = ring.bytes[i]! - bytes;
        expect(added).toBeGreaterThanOrEqual(0);
        expect(added).toBeLessThanOrEqual(isRtp && padding === 0 ? 4 : 0);
        const packet = ring.slab.subarray(at, at + ring.bytes[i]!);
        expect(parseRtpHeader(packet, packet.length, header)).toBe(true);
        expect(readPadding(packet, packet.length, header)).toBe(true);
        expect(header.payloadBytes).toBe(bytes - HEADER_BYTES - padding);
        expect(packet.subarray(1, bytes)).toEqual(before.subarray(at + 1, at + bytes));
        expect(packet[0]! & ~0x20).toBe(before[at]! & ~0x20);
      }
    }),
  );
});
