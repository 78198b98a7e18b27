/** Goal: nobody is sent a picture larger than the frame it is shown in, and nobody one that is too small for it. */
import { expect, test } from "vitest";
import { HIGHEST_LAYERS, NO_PREFERENCE, type PixelSize } from "../../src/contract/media.ts";
import { type LayerSizes, wantedSpatial, wantedTemporal } from "../../src/sfu/layer-preference.ts";
import { NO_LAYER } from "../../src/sfu/layer-selector.ts";

const size = (text: string): PixelSize => {
  const [width, height] = text.split("x").map(Number) as [number, number];
  return { width, height };
};

/** Sizes from the lowest layer up; "?" where the publisher does not say. */
const layers = (text: string): LayerSizes => {
  const known = text.split(" ").map((one) => (one === "?" ? undefined : size(one)));
  return { resolution: (spatial) => known[spatial] };
};

test.each([
  ["1280x720 in a large frame", "320x180 640x360 1280x720", "1280x720", 2],
  ["in one of half the size", "320x180 640x360 1280x720", "640x360", 1],
  ["in a thumbnail", "320x180 640x360 1280x720", "160x90", 0],
  ["a border more is no reason for four times the pixels", "320x180 640x360 1280x720", "660x372", 1],
  ["a little more than that is", "320x180 640x360 1280x720", "720x405", 2],
  ["both sides have to be covered: a tall frame shows a part", "320x180 640x360 1280x720", "300x600", 2],
  ["a frame larger than everything", "320x180 640x360", "1920x1080", 3],
  ["only the highest known: the others by halving", "? ? 1280x720", "320x180", 0],
  ["only the highest known, a medium frame", "? ? 1280x720", "600x330", 1],
  ["only the lowest known: the others by doubling", "320x180 ? ?", "600x330", 1],
  ["only the lowest known, a large frame", "320x180 ? ?", "1280x720", 2],
  ["odd steps, as they are", "320x180 960x540", "640x360", 1],
  ["three layers of one size: the sharpest", "1280x720 1280x720 1280x720", "640x360", 2],
  ["two of one size below a larger one", "640x360 640x360 1280x720", "640x360", 1],
  ["no size known", "? ? ?", "10x10", 3],
  ["not shown at all", "320x180 640x360", "0x0", 0],
])("%s", (_, known, frame, expected) => {
  const preference = { ...NO_PREFERENCE, visible: size(frame) };
  expect(wantedSpatial(preference, layers(known))).toBe(expected);
});

test("the lowest of what is preferred, allowed and covered; none when paused", () => {
  const sizes = layers("320x180 640x360 1280x720");
  const visible = size("640x360");
  const limit = (spatial: number) => ({ spatial, temporal: 7 });
  expect(wantedSpatial(NO_PREFERENCE, sizes)).toBe(HIGHEST_LAYERS.spatial);
  expect(wantedSpatial({ ...NO_PREFERENCE, visible, preferred: limit(0) }, sizes)).toBe(0);
  expect(wantedSpatial({ ...NO_PREFERENCE, visible, maximum: limit(0) }, sizes)).toBe(0);
  expect(wantedSpatial({ ...NO_PREFERENCE, visible, preferred: limit(2) }, sizes)).toBe(1);
  expect(wantedSpatial({ ...NO_PREFERENCE, visible, paused: true }, sizes)).toBe(NO_LAYER);
  const frames = { preferred: { spatial: 3, temporal: 2 }, maximum: { spatial: 3, temporal: 1 } };
  expect(wantedTemporal({ ...NO_PREFERENCE, ...frames })).toBe(1);
});
