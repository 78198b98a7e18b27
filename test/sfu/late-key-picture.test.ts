/**
 * Goal: a key picture whose first packet comes late is caught up with once: no number goes out twice, and nothing goes out
 * more often than for one such picture.
 * Method: VP9 of several spatial layers without descriptor, whose key pictures differ in how many there are; in
 * flexible mode, where no number in it is rewritten.
 */
import { expect, test, vi } from "vitest";
import { readU24 } from "../../src/base/bytes.ts";
import { SLOT } from "../../src/base/counters.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { absSendTime, EXTENSION } from "../../src/rtp/header-extensions.ts";
import { extensionMap } from "./packets.ts";
import { VP9 } from "./payloads.ts";
import { ReceivedTrack, type ReceivedTrackOptions } from "./received-track.ts";
import { L3T3_KEY_TEXT } from "./structures.ts";

/** Base frame of a key picture that says how many layers there are, upper frames of one, and of other pictures. */
const key = (layers: number): string => `3e00${((layers - 1) << 5).toString(16).padStart(2, "0")}aa`;
const keyUpper = (spatial: number): string => `3c${(2 * spatial + 1).toString(16).padStart(2, "0")}bb`;
const DELTA = "7c0002cc";
const PICTURE_TICKS = 3_000;

class Viewed extends ReceivedTrack {
  constructor(options?: ReceivedTrackOptions) {
    super("video", [VP9], VP9, options);
  }

  /** Packet `seq` of picture `picture`. */
  send(seq: number, picture: number, payload: string): void {
    this.publish({ payloadType: 98, seq, timestamp: picture * PICTURE_TICKS, payload, marker: true });
  }

  get seqs(): number[] {
    return this.packets.map(({ header }) => header.seq);
  }

  /** Payloads by number, from `seq` on. */
  inOrder(seq: number): string[] {
    const found = this.sent("numbered").map((text, i) => ({ text: text.split(" ")[2]!, seq: this.seqs[i]! }));
    return found
      .filter((packet) => packet.seq >= seq)
      .sort((a, b) => a.seq - b.seq)
      .map(({ text }) => text);
  }
}

test("one that comes after the next key picture changes nothing any more", () => {
  const viewed = new Viewed();
  for (const [i, payload] of [key(3), keyUpper(1), keyUpper(2)].entries()) viewed.send(1 + i, 1, payload);
  // Missing: 4, a key picture of two layers.
  viewed.send(5, 2, keyUpper(1));
  viewed.send(6, 3, key(1));
  viewed.send(7, 4, DELTA);
  viewed.send(8, 5, DELTA);
  viewed.send(4, 2, key(2));
  viewed.send(9, 6, DELTA);
  expect(viewed.seqs).toEqual([1, 2, 3, 5, 6, 7, 8, 4, 9]);
  expect(viewed.inOrder(4)).toEqual(["01", keyUpper(1), key(1), DELTA, DELTA, DELTA]);
});

test("another key picture among what is caught up with is passed once", () => {
  const viewed = new Viewed();
  viewed.downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, viewed.nowUs);
  // Missing: 1, a key picture of two layers.
  viewed.send(2, 1, keyUpper(1));
  viewed.send(3, 2, key(3));
  viewed.send(4, 2, keyUpper(1));
  viewed.send(5, 2, keyUpper(2));
  viewed.downTrack.setPreference(NO_PREFERENCE, viewed.nowUs);
  viewed.send(6, 3, DELTA);
  viewed.send(1, 1, key(2));
  viewed.send(7, 4, DELTA);
  expect(viewed.seqs).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(viewed.inOrder(1)).toEqual([key(2), keyUpper(1), key(3), keyUpper(1), keyUpper(2), DELTA, DELTA]);
  const times = viewed.packets.map(({ header }) => header.timestamp / PICTURE_TICKS);
  expect(times.map((time) => time - times[0]!)).toEqual([0, 0, 1, 1, 1, 2, 3]);
});

test("more of them in one gap do not have all that follows sent for each", () => {
  const viewed = new Viewed();
  const GAP = 20;
  viewed.send(1, 1, key(1));
  for (let i = 0; i < 50; i++) viewed.send(2 + GAP + i, 2 + GAP + i, DELTA);
  const before = viewed.packets.length;
  for (let i = 0; i < GAP; i++) viewed.send(2 + i, 2 + i, key(i % 2 === 0 ? 2 : 1));
  expect(new Set(viewed.seqs).size).toBe(viewed.seqs.length);
  expect(viewed.packets.length - before).toBeLessThan(50 + 3 * GAP);
});

test("one that comes later than is remembered has nobody search for more than that", () => {
  const viewed = new Viewed();
  const LATE = 30_000;
  viewed.send(1, 1, key(1));
  viewed.send(3 + LATE, 3, DELTA);
  viewed.send(4 + LATE, 4, DELTA);
  const stream = viewed.track.streams[0]!;
  const recall = vi.spyOn(stream, "recall");
  viewed.send(2, 2, key(2));
  expect(recall.mock.calls.length).toBeLessThanOrEqual(stream.history.rows);
  expect(viewed.inOrder(4)).toEqual([key(2), DELTA, DELTA]);
});

test("what is caught up with leaves now, also where it came through a pipe", () => {
  const viewed = new Viewed({ map: extensionMap({ absSendTime: 3 }), spacingUs: 1_000, pipeUs: 20_000 });
  viewed.send(1, 1, key(1));
  viewed.send(3, 3, DELTA);
  viewed.send(4, 4, DELTA);
  viewed.send(2, 2, key(2));
  const times = viewed.packets.map(({ bytes, extensions }) =>
    readU24(bytes, extensions.at[EXTENSION.absSendTime]!),
  );
  expect(viewed.inOrder(5)).toEqual([key(2), DELTA, DELTA]);
  expect(times.slice(-3)).toEqual(Array(3).fill(absSendTime(viewed.nowUs)));
});

test.each([
  ["is caught up with", 200, true],
  ["waits for the next", 400, false],
])("one with a hundred packets behind it %s in a room of %i", (_what, receivers, isFollowed) => {
  const BEHIND = 100;
  const viewed = new Viewed();
  viewed.send(1, 1, key(1));
  // The others only count.
  for (let n = 1; n < receivers; n++) viewed.track.downTracks.push({ write: () => {} } as never);
  for (let i = 0; i < BEHIND; i++) viewed.send(3 + i, 3 + i, DELTA);
  const before = viewed.packets.length;
  viewed.send(2, 2, key(2));
  expect(viewed.packets.length - before).toBe(isFollowed ? 2 + BEHIND : 1);
  // Instead of the key picture an empty packet goes out under its number.
  expect(viewed.sent().includes(`98 ${key(2)}`)).toBe(isFollowed);
  expect(viewed.context.counters[SLOT.downDropped_late]).toBe(isFollowed ? 0 : 1);
});

test("an encoding is not begun at one with much behind it", () => {
  const viewed = new Viewed();
  viewed.downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, viewed.nowUs);
  for (let n = 1; n < 400; n++)
    viewed.track.downTracks.push({ write: () => {}, onPayload: () => {} } as never);
  for (let i = 0; i < 100; i++) viewed.send(3 + i, 3 + i, DELTA);
  viewed.downTrack.setPreference(NO_PREFERENCE, viewed.nowUs);
  viewed.send(2, 2, key(1));
  expect(viewed.packets).toEqual([]);
  viewed.send(200, 200, key(1));
  viewed.send(201, 201, DELTA);
  expect(viewed.inOrder(0)).toEqual([key(1), DELTA]);
});

test("structures in each packet are not read anew for each receiver", () => {
  const ONE_LAYER = "8002044eaaaf2860414d34538a0940404fc02cc0";
  // Without the targets that were active: all are.
  const THREE = `80${L3T3_KEY_TEXT.slice(8)}`;
  const viewed = new Viewed({ map: extensionMap({ dependencyDescriptor: 7 }) });
  const describe = (seq: number, flags: string, structure: string): void => {
    const data = `${flags}${seq.toString(16).padStart(4, "0")}${structure}`;
    const block = `07${(data.length / 2).toString(16).padStart(2, "0")}${data}`;
    const padded = block.padEnd(8 * Math.ceil(block.length / 8), "0");
    const extensions = `1000${(padded.length / 8).toString(16).padStart(4, "0")}${padded}`;
    viewed.publish({ payloadType: 98, seq, timestamp: seq * PICTURE_TICKS, payload: DELTA, extensions });
  };
  describe(1, "c0", ONE_LAYER);
  for (let i = 0; i < 60; i++) describe(3 + i, "00", ONE_LAYER);
  const read = vi.spyOn(viewed.track.streams[0]!, "readFrame");
  describe(2, "c0", THREE);
  expect(read.mock.calls.length).toBeGreaterThan(2);
  expect(read.mock.calls.length).toBeLessThan(20);
});
