import { expect, test } from "vitest";
import { NOT_STORED, PacketHistory } from "../../src/sfu/packet-history.ts";

const packetOf = (extSeq: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(extSeq & 0xff);

function read(history: PacketHistory, extSeq: number): Uint8Array | undefined {
  const row = history.find(extSeq);
  if (row === NOT_STORED) return undefined;
  const at = history.at(row);
  return history.slab.slice(at, at + history.bytes(row));
}

test("gives back what was put, late packets too", () => {
  const history = new PacketHistory(4096, 4096);
  for (const extSeq of [10, 12, 11]) history.put(extSeq, packetOf(extSeq, 100), 100, 0);
  for (const extSeq of [10, 11, 12]) expect(read(history, extSeq)).toEqual(packetOf(extSeq, 100));
  expect(history.find(13)).toBe(NOT_STORED);
  expect(history.find(12 + 512)).toBe(NOT_STORED);
});

/** In a buffer that ends with the packet, in slots with something behind it, and in both by turns. */
const BUFFERS: { name: string; behind: (extSeq: number) => number }[] = [
  { name: "buffers of its size", behind: () => 0 },
  { name: "slots", behind: () => 1000 },
  { name: "both", behind: (extSeq) => (extSeq % 3 === 0 ? 1000 : 0) },
];

test.each(BUFFERS)(
  "never gives back a packet that was overwritten, whole or in part: $name",
  ({ behind }) => {
    const history = new PacketHistory(4096, 4096);
    for (let extSeq = 0; extSeq < 300; extSeq++) {
      const bytes = 1 + ((extSeq * 37) % 400);
      const buffer = new Uint8Array(bytes + behind(extSeq)).fill(0xee);
      buffer.set(packetOf(extSeq, bytes));
      history.put(extSeq, buffer, bytes, extSeq * 2_000_000);
      for (let back = Math.max(0, extSeq - 40); back <= extSeq; back++) {
        const found = read(history, back);
        if (found !== undefined) expect(found).toEqual(packetOf(back, 1 + ((back * 37) % 400)));
      }
      expect(read(history, extSeq)).toBeDefined();
    }
  },
);

test("grows until it holds a second of packets, and keeps them while it does", () => {
  const history = new PacketHistory(4096, 65_536);
  // 1,000 bytes every 20 ms: 50 kB a second. Each in a slot.
  for (let extSeq = 0; extSeq < 200; extSeq++)
    history.put(extSeq, packetOf(extSeq, 2048), 1000, extSeq * 20_000);
  expect(history.slab.length).toBe(65_536);
  for (let extSeq = 151; extSeq < 200; extSeq++)
    expect(read(history, extSeq)).toEqual(packetOf(extSeq, 1000));
});

test("stops growing at its limit", () => {
  const history = new PacketHistory(4096, 8192);
  for (let extSeq = 0; extSeq < 100; extSeq++) history.put(extSeq, packetOf(extSeq, 1000), 1000, extSeq);
  expect(history.slab.length).toBe(8192);
  expect(read(history, 99)).toEqual(packetOf(99, 1000));
});

test("keeps all that it held when it grows, wherever on its tape it is", () => {
  const sizeOf = (extSeq: number): number => 100 + ((extSeq * 37) % 700);
  for (let lap = 0; lap < 60; lap++) {
    const history = new PacketHistory(4096, 65_536);
    const put = (extSeq: number, nowUs: number): void =>
      history.put(extSeq, packetOf(extSeq, 2048), sizeOf(extSeq), nowUs);
    const isTrue = (extSeq: number): boolean => {
      const found = read(history, extSeq);
      return found === undefined || Buffer.compare(found, packetOf(extSeq, sizeOf(extSeq))) === 0;
    };
    // Slowly at first, so that the slab is written over and over; then it doubles, four times.
    for (let extSeq = 0; extSeq < lap; extSeq++) put(extSeq, extSeq * 1_000_000);
    const slowUs = lap * 1_000_000;
    let size = history.slab.length;
    for (let extSeq = lap; extSeq < lap + 120; extSeq++) {
      const held = Array.from({ length: extSeq }, (_, i) => i).filter((i) => history.find(i) !== NOT_STORED);
      put(extSeq, slowUs + (extSeq - lap) * 1_000);
      const grew = history.slab.length > size;
      size = history.slab.length;
      if (grew) expect(held.filter((i) => history.find(i) === NOT_STORED)).toEqual([]);
      expect(held.filter((i) => !isTrue(i))).toEqual([]);
      expect(read(history, extSeq)).toEqual(packetOf(extSeq, sizeOf(extSeq)));
    }
    expect(size).toBe(65_536);
  }
});

test("hands its memory on when it is freed, and nothing of what it held", () => {
  const former = new PacketHistory(4096, 8192);
  for (let extSeq = 0; extSeq < 100; extSeq++) former.put(extSeq, packetOf(extSeq, 1000), 1000, extSeq);
  const { slab } = former;
  former.free();
  expect(former.find(99)).toBe(NOT_STORED);
  const next = new PacketHistory(8192, 8192);
  expect(next.slab).toBe(slab);
  for (let extSeq = 0; extSeq < 100; extSeq++) expect(next.find(extSeq)).toBe(NOT_STORED);
  // A retransmission may claim a place before the first packet.
  expect(next.find(-1)).toBe(NOT_STORED);
  next.put(7, packetOf(7, 100), 100, 0);
  expect(read(next, 7)).toEqual(packetOf(7, 100));
  former.free();
  expect(new PacketHistory(8192, 8192).slab).not.toBe(slab);
});
