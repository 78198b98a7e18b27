/**
 * Goal: what the allocator is told of a layer set is what a receiver of it would be sent, also while layers come and go.
 * Method: a source of known frames over the structures that Chromium sends; the truth is counted beside it.
 */
import { describe, expect, test } from "vitest";
import { DependencyStructure } from "../../src/rtp/dependency-structure.ts";
import { FrameInfo } from "../../src/rtp/frame-info.ts";
import { LayerRates } from "../../src/sfu/layer-rates.ts";
import { L3T3, L3T3_KEY, VP8_L1T3 } from "./structures.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;
const FRAME_US = 33_333;
/** IP, UDP and the SRTP tag. */
const OVERHEAD_BYTES = 44;

/** Indexes of templates by spatial layer: of the key picture, and of the pattern T0 T2 T1 T2. */
interface Layers {
  readonly structure: DependencyStructure | null;
  readonly key: readonly number[];
  readonly pattern: readonly (readonly number[])[];
}
const STREAMS: Record<string, Layers> = {
  L1T3: { structure: VP8_L1T3, key: [0], pattern: [[1, 5, 4, 5]] },
  L3T3: {
    structure: L3T3,
    key: [0, 4, 8],
    pattern: [
      [1, 3, 2, 3],
      [5, 7, 6, 7],
      [8, 10, 9, 10],
    ],
  },
  L3T3_KEY: {
    structure: L3T3_KEY,
    key: [0, 5, 10],
    pattern: [
      [1, 3, 2, 4],
      [6, 8, 7, 9],
      [11, 13, 12, 14],
    ],
  },
  "L3T3 without descriptor": { structure: null, key: [0, 0, 0], pattern: [[0], [0], [0]] },
};
const PATTERN_TEMPORAL = [0, 2, 1, 2];
/** Bytes of a frame by spatial layer, and how much more the base frames have. */
const FRAME_BYTES = [700, 2_000, 6_000];
const BASE_FACTOR = 2;
const PACKET_BYTES = 1_100;

interface Sent {
  readonly atUs: number;
  readonly bits: number;
  readonly frame: FrameInfo;
}

/** Sends pictures and keeps what it sent. */
class Source {
  readonly rates = new LayerRates();
  readonly sent: Sent[] = [];
  spatials: number;
  nowUs = 50 * SECOND_US;
  #picture = 0;
  readonly #layers: Layers;

  constructor(layers: Layers) {
    this.#layers = layers;
    this.spatials = layers.key.length;
  }

  /** `each` is called after every picture. */
  run(durationUs: number, each: () => void = () => {}): void {
    for (const endUs = this.nowUs + durationUs; this.nowUs < endUs; this.nowUs += FRAME_US) {
      for (let spatial = 0; spatial < this.spatials; spatial++) this.#send(spatial);
      this.#picture += 1;
      each();
    }
  }

  /** A layer joins or leaves at a key picture. */
  setSpatials(spatials: number): void {
    this.spatials = spatials;
    this.#picture = 0;
  }

  /** Bits of a second that a receiver of these layers needed, over the last `durationUs`. */
  truthBps(spatial: number, temporal: number, durationUs: number): number {
    const needed = this.sent.filter(
      ({ atUs, frame }) => atUs > this.nowUs - durationUs && frame.isPresentFor(spatial, temporal),
    );
    return (needed.reduce((sum, { bits }) => sum + bits, 0) * SECOND_US) / durationUs;
  }

  bps(spatial: number, temporal: number): number {
    return this.rates.bps(spatial, temporal, this.nowUs);
  }

  #send(spatial: number): void {
    const { structure, key, pattern } = this.#layers;
    const place = this.#picture % 4;
    const frame = new FrameInfo();
    frame.spatial = spatial;
    frame.temporal = PATTERN_TEMPORAL[place]!;
    frame.structure = structure;
    if (structure !== null) {
      const template = structure.templates[this.#picture === 0 ? key[spatial]! : pattern[spatial]![place]!]!;
      frame.dtis = template.dtis;
      expect([template.spatial, template.temporal]).toEqual([spatial, frame.temporal]);
    }
    let left = FRAME_BYTES[spatial]! * (frame.temporal === 0 ? BASE_FACTOR : 1);
    for (; left > 0; left -= PACKET_BYTES) {
      const bytes = Math.min(left, PACKET_BYTES);
      this.sent.push({ atUs: this.nowUs, bits: (bytes + OVERHEAD_BYTES) * 8, frame });
      this.rates.add(frame, bytes, this.nowUs);
    }
  }
}

describe.each(Object.entries(STREAMS))("%s", (_, layers) => {
  const spatials = [...layers.key.keys()];

  test("every layer set has its rate, at any moment", () => {
    const source = new Source(layers);
    source.run(2 * SECOND_US);
    source.run(2 * SECOND_US, () => {
      for (const spatial of spatials) {
        for (const temporal of [0, 1, 2]) {
          const off = source.bps(spatial, temporal) / source.truthBps(spatial, temporal, 2 * SECOND_US);
          // One base frame of seven or eight may be in the window or out of it.
          expect(Math.abs(off - 1), `${spatial}.${temporal}`).toBeLessThan(0.16);
        }
      }
    });
  });

  test("300 ms after its start a stream looks like what it is", () => {
    const source = new Source(layers);
    source.run(300 * MS);
    for (const spatial of spatials) {
      const early = source.bps(spatial, 2);
      source.run(2 * SECOND_US);
      const off = early / source.truthBps(spatial, 2, 2 * SECOND_US);
      expect(off, `${spatial}.2`).toBeGreaterThan(0.9);
      expect(off, `${spatial}.2`).toBeLessThan(1.4);
      source.nowUs += 3 * SECOND_US;
      source.setSpatials(spatials.length);
      source.run(300 * MS);
    }
  });

  test("nothing is left a second after the last packet", () => {
    const source = new Source(layers);
    source.run(2 * SECOND_US);
    source.nowUs += SECOND_US;
    expect(spatials.flatMap((spatial) => [0, 1, 2].map((temporal) => source.bps(spatial, temporal)))).toEqual(
      spatials.flatMap(() => [0, 0, 0]),
    );
  });

  test("layers above those that exist cost what the highest costs", () => {
    const source = new Source(layers);
    source.run(2 * SECOND_US);
    expect(source.bps(3, 7)).toBe(source.bps(spatials.length - 1, 2));
  });
});

describe.each(["L3T3", "L3T3_KEY", "L3T3 without descriptor"])("%s", (name) => {
  test("a spatial layer that starts has its rate after 300 ms, and those below keep theirs", () => {
    const source = new Source(STREAMS[name]!);
    source.setSpatials(2);
    source.run(3 * SECOND_US);
    const below = source.bps(1, 2);
    source.setSpatials(3);
    source.run(300 * MS);
    const [early, belowThen] = [source.bps(2, 2), source.bps(1, 2)];
    source.run(2 * SECOND_US);
    const truth = source.truthBps(2, 2, 2 * SECOND_US);
    // The lower frames of its first picture came before it.
    expect(early / truth).toBeGreaterThan(0.85);
    expect(early / truth).toBeLessThan(1.4);
    expect(Math.abs(belowThen / below - 1)).toBeLessThan(0.16);
  });

  test("one that stops is out of the sums a second later", () => {
    const source = new Source(STREAMS[name]!);
    source.run(3 * SECOND_US);
    const before = source.bps(2, 2);
    source.spatials = 2;
    source.run(1_100 * MS);
    expect(source.bps(2, 2)).toBeLessThan(before / 2);
    expect(Math.abs(source.bps(2, 2) / source.truthBps(2, 2, SECOND_US) - 1 || 0)).toBeLessThan(0.16);
  });
});

test("a share of a picture a second is not taken for a stream that starts again and again", () => {
  const [rates, frame] = [new LayerRates(), new FrameInfo()];
  const bits = 40 * (PACKET_BYTES + OVERHEAD_BYTES) * 8;
  let highest = 0;
  for (let picture = 0; picture < 10; picture++) {
    const nowUs = picture * 1_001 * MS;
    for (let i = 0; i < 40; i++) rates.add(frame, PACKET_BYTES, nowUs);
    if (picture > 0) highest = Math.max(highest, rates.bps(0, 0, nowUs + 1));
  }
  expect(highest).toBeLessThanOrEqual(bits * 1.12);
  expect(highest).toBeGreaterThanOrEqual(bits);
});

test("a window that is not yet full, at 0 on the clock", () => {
  const [rates, frame] = [new LayerRates(), new FrameInfo()];
  for (let nowUs = 0; nowUs <= 500 * MS; nowUs += 10 * MS) rates.add(frame, 81, nowUs);
  expect(rates.bps(0, 0, 500 * MS)).toBe(51 * 125 * 8 * 2);
});

test("packets of a structure that was lost count for nobody, and another structure starts anew", () => {
  const [rates, frame] = [new LayerRates(), new FrameInfo()];
  frame.structure = L3T3;
  frame.dtis = L3T3.templates[0]!.dtis;
  rates.add(frame, 1_000, 0);
  const before = rates.bps(2, 2, 1);
  const lost = new FrameInfo();
  lost.frameNumber = 7;
  rates.add(lost, 1_000, 2);
  expect(rates.bps(2, 2, 3)).toBe(before);
  frame.structure = VP8_L1T3;
  frame.dtis = VP8_L1T3.templates[0]!.dtis;
  rates.add(frame, 500, 4);
  expect(rates.bps(2, 2, 5)).toBe(Math.round(((500 + OVERHEAD_BYTES) * 8) / 0.3));
});

test("a stream that goes on in a codec without descriptor is measured by what it has now, and back", () => {
  const [rates, frame] = [new LayerRates(), new FrameInfo()];
  const expected = (PACKET_BYTES + OVERHEAD_BYTES) * 8 * 30;
  let nowUs = 0;
  const run = (durationUs: number): void => {
    for (const endUs = nowUs + durationUs; nowUs < endUs; nowUs += FRAME_US)
      rates.add(frame, PACKET_BYTES, nowUs);
  };
  const describe = (structure: DependencyStructure | null): void => {
    frame.reset();
    frame.structure = structure;
    frame.dtis = structure?.templates[0]?.dtis ?? new Uint8Array(0);
    frame.maxSpatial = structure === null ? 0 : 2;
    frame.maxTemporal = structure === null ? 0 : 2;
  };
  for (const structure of [L3T3, null, L3T3]) {
    describe(structure);
    run(300 * MS);
    expect(rates.bps(0, 0, nowUs) / expected).toBeCloseTo(1, 0);
    run(2 * SECOND_US);
    expect(Math.abs(rates.bps(2, 2, nowUs) / expected - 1)).toBeLessThan(0.1);
    expect([rates.maxSpatial, rates.maxTemporal]).toEqual([frame.maxSpatial, frame.maxTemporal]);
  }
});

test("resolutions stay known when a later structure leaves them out", () => {
  const [rates, frame] = [new LayerRates(), new FrameInfo()];
  expect(rates.resolutions).toEqual([]);
  frame.structure = VP8_L1T3;
  frame.dtis = VP8_L1T3.templates[0]!.dtis;
  rates.add(frame, 1, 0);
  expect(rates.resolutions).toEqual([{ width: 320, height: 180 }]);
  frame.structure = new DependencyStructure(0, 3, VP8_L1T3.templates, 0, []);
  rates.add(frame, 1, 1);
  expect(rates.resolutions).toEqual([{ width: 320, height: 180 }]);
});
