/**
 * A film for Chromium's fake camera that costs an encoder what a person before a room does. Chromium's own test picture
 * is so plain that any number of lines of it pass any bottleneck worth a test.
 *
 * It is a texture that sways, with grain, as raw video (YUV4MPEG2): Chromium plays it over and over.
 */
import { open } from "node:fs/promises";
import { seededRandom } from "../../sim/seeded-random.ts";

/** The least that Chromium makes three encodings of. Rates are those of 720 lines, and two cores keep up more often. */
const WIDTH = 960;
export const HEIGHT = 540;
const FRAMES_PER_SECOND = 30;
/** One period of the sway, so that the end meets the beginning. Each takes 0.8 MB. */
const FRAMES = 48;
const SWAY_PIXELS = 24;
/** Texture on grids of these steps, coarse ones with the most contrast: plain walls and fine hair. */
const OCTAVES = [
  { step: 160, contrast: 90 },
  { step: 40, contrast: 50 },
  { step: 8, contrast: 22 },
] as const;
/** What a sensor adds to each frame anew; it can not be predicted, so it sets the rate. */
const GRAIN = 5;
const GREY = 128;

export async function writeFakeCamera(path: string): Promise<void> {
  const random = seededRandom(1);
  const texture = drawTexture(random);
  const grain = Int8Array.from({ length: 1 << 20 }, () => Math.round((2 * random() - 1) * GRAIN));
  const file = await open(path, "w");
  try {
    await file.write(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`);
    const frame = Buffer.alloc((WIDTH * HEIGHT * 3) / 2, GREY);
    for (let i = 0; i < FRAMES; i++) {
      drawFrame(frame, texture, grain, i, Math.floor(random() * grain.length));
      await file.write("FRAME\n");
      await file.write(frame);
    }
  } finally {
    await file.close();
  }
}

function drawFrame(
  frame: Uint8Array,
  texture: Uint8Array,
  grain: Int8Array,
  index: number,
  grainAt: number,
): void {
  const phase = (2 * Math.PI * index) / FRAMES;
  const across = SWAY_PIXELS + Math.round(SWAY_PIXELS * Math.sin(phase));
  const down = SWAY_PIXELS + Math.round((SWAY_PIXELS / 2) * Math.sin(2 * phase));
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    const row = (y + down) * STRIDE + across;
    for (let x = 0; x < WIDTH; x++, at++) {
      frame[at] = texture[row + x]! + grain[(grainAt + at) & (grain.length - 1)]!;
    }
  }
}

/** The texture is larger than the picture by what it sways. */
const STRIDE = WIDTH + 2 * SWAY_PIXELS;
const ROWS = HEIGHT + 2 * SWAY_PIXELS;

function drawTexture(random: () => number): Uint8Array {
  const texture = new Float32Array(STRIDE * ROWS).fill(GREY);
  for (const { step, contrast } of OCTAVES) {
    const columns = Math.ceil(STRIDE / step) + 2;
    const grid = Float32Array.from(
      { length: columns * (Math.ceil(ROWS / step) + 2) },
      () => (random() - 0.5) * contrast,
    );
    for (let y = 0; y < ROWS; y++) {
      for (let x = 0; x < STRIDE; x++) {
        texture[y * STRIDE + x]! += between(grid, columns, x / step, y / step);
      }
    }
  }
  return Uint8Array.from(texture, (value) => Math.max(GRAIN, Math.min(255 - GRAIN, value)));
}

/** Linear between the four points of the grid around (x, y). */
function between(grid: Float32Array, columns: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const at = top * columns + left;
  const [right, lower] = [x - left, y - top];
  const upper = grid[at]! * (1 - right) + grid[at + 1]! * right;
  const bottom = grid[at + columns]! * (1 - right) + grid[at + columns + 1]! * right;
  return upper * (1 - lower) + bottom * lower;
}
