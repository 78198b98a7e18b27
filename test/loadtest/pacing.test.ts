/** Goal: what a load publisher sends has the shape and the rate of an encoder, and our own server's readers understand it. */
import { expect, test } from "vitest";
import { descriptorOf, L1T3, L3T3_KEY } from "../../loadtest/client/frame-layers.ts";
import { FrameSizes, packetSizes } from "../../loadtest/client/frame-sizes.ts";
import { type PacketStamp, readStamp, STAMP_BYTES, writeStamp } from "../../loadtest/client/packet-stamp.ts";
import { DependencyDescriptorReader } from "../../src/rtp/dependency-descriptor.ts";
import { FrameInfo } from "../../src/rtp/frame-info.ts";

test.each([
  { keyframeEvery: 1_000, bitrateBps: 150_000, framesPerSecond: 30 },
  { keyframeEvery: 100, bitrateBps: 1_700_000, framesPerSecond: 30 },
  { keyframeEvery: 30, bitrateBps: 500_000, framesPerSecond: 15 },
])("frames keep to $bitrateBps bit/s with a key frame every $keyframeEvery", (row) => {
  const sizes = new FrameSizes(row.bitrateBps, row.framesPerSecond);
  let bytes = 0;
  for (let frame = 0; frame < 600; frame++) bytes += sizes.next(frame % row.keyframeEvery === 0);
  const expected = (row.bitrateBps / 8 / row.framesPerSecond) * 600;
  expect(Math.abs(bytes / expected - 1)).toBeLessThan(0.01);
});

test("a key frame is four delta frames, which are then smaller until it is paid for", () => {
  const sizes = new FrameSizes(240_000, 30);
  expect(sizes.next(true)).toBe(4_000);
  expect(sizes.next(false)).toBe(750);
  for (let frame = 0; frame < 20; frame++) sizes.next(false);
  expect(sizes.next(false)).toBe(1_000);
});

test.each([
  { frame: 625, least: 26, sizes: [625] },
  { frame: 1_100, least: 26, sizes: [1_100] },
  { frame: 1_101, least: 26, sizes: [551, 550] },
  { frame: 7_083, least: 26, sizes: [1_012, 1_012, 1_012, 1_012, 1_012, 1_012, 1_011] },
  { frame: 5, least: 26, sizes: [26] },
])("a frame of $frame bytes is $sizes.length packets", ({ frame, least, sizes }) => {
  expect(packetSizes(frame, least)).toEqual(sizes);
});

test.each([
  { name: "L1T3", structure: L1T3, temporal: [0, 2, 1, 2], maxSpatial: 0 },
  { name: "L3T3_KEY", structure: L3T3_KEY, temporal: [0, 2, 1, 2], maxSpatial: 2 },
])("descriptors of $name say the layers to the server's reader", ({ structure, temporal, maxSpatial }) => {
  const reader = new DependencyDescriptorReader();
  const frame = new FrameInfo();
  let frameNumber = 65_534;
  for (let place = 0; place < 9; place++) {
    const isKeyPicture = place === 0;
    for (let spatial = 0; spatial <= maxSpatial; spatial++) {
      const at = { structure, spatial, place, isKeyPicture, frameNumber: frameNumber++ };
      const descriptor = descriptorOf({ ...at, startsFrame: true, endsFrame: false });
      expect(reader.read(descriptor, 0, descriptor.length, frame)).toBe(true);
      expect(frame).toMatchObject({
        spatial,
        temporal: temporal[place % 4],
        keyframe: isKeyPicture && spatial === 0,
        startsFrame: true,
        endsFrame: false,
        frameNumber: at.frameNumber & 0xffff,
        maxSpatial,
        maxTemporal: 2,
      });
      // The highest target needs every frame of the top layer, and the lower ones of key pictures alone.
      expect(frame.isPresentFor(maxSpatial, 2)).toBe(isKeyPicture || spatial === maxSpatial);
    }
  }
});

test("a stamp comes back as it was written, from the end of a packet", () => {
  const stamp = { sentUs: 9_007_199_254_740, publisher: 65_535, layer: 2, layers: 3, number: 2 ** 32 - 1 };
  const packet = new Uint8Array(60);
  writeStamp(packet, 50, stamp);
  const read: PacketStamp = { sentUs: 0, publisher: 0, layer: 0, layers: 0, number: 0 };
  expect(readStamp(packet, 50, read)).toBe(true);
  expect(read).toEqual(stamp);
  expect(readStamp(packet, 49, read)).toBe(false);
  expect(readStamp(packet, STAMP_BYTES - 1, read)).toBe(false);
});
