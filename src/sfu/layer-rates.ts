/**
 * What each layer set of a published stream costs on the wire: the bitrate of everything that a receiver of
 * (spatial, temporal) is sent, measured from the packets that came.
 *
 * With a Dependency Descriptor a set is a decode target, and a packet belongs to each target for which it is not "not
 * present": right for L1T3, where sets contain each other, and for L3T3_KEY, where they do not. Without one a set holds
 * all lower layers. Under simulcast each encoding is a stream of its own, with its own sets.
 *
 * The rate is that of a sliding window. A layer that starts is measured from its start, because a window that is still
 * half empty would make it look cheap; one that stops has left the window a second later.
 */
import { type DependencyStructure, DTI, MAX_TARGETS, type Resolution } from "../rtp/dependency-structure.ts";
import type { FrameInfo } from "../rtp/frame-info.ts";

/** IPv4 and UDP headers, and the tag of AEAD_AES_128_GCM (the other profile's is six bytes shorter). */
const OVERHEAD_BYTES = 28 + 16;

/**
 * Ten steps of a tenth of a second. A longer window follows a scene change later; in a shorter one the base layer, with
 * seven frames a second, would change its rate with each frame that enters or leaves. Finer steps cost memory.
 */
const BUCKETS = 10;
const BUCKET_US = 100_000;
const WINDOW_US = BUCKETS * BUCKET_US;

/**
 * A layer silent for this long starts anew with its next frame. Longer would measure a layer that returns over a mostly
 * empty window; shorter would take each frame of a slow screen share for a start.
 */
const START_AFTER_US = 1_500_000;

/** Shortest time over which a layer that has just started is measured: one frame is no rate. */
const MIN_MEASURED_US = 300_000;

/** Layer sets without structure, and layers of frames: 4 spatial times 8 temporal, as many as there are targets. */
const MAX_TEMPORAL = 8;

export class LayerRates {
  /** By spatial layer, from the latest structure that had them; empty where the publisher sends none. */
  resolutions: readonly Resolution[] = [];
  /** Highest layers that are sent at present; without a structure, the highest seen since. */
  maxSpatial = 0;
  maxTemporal = 0;
  /** Lowest spatial layer that is sent at present. */
  minSpatial = 0;
  #structure: DependencyStructure | null = null;
  /** A row of bits by layer set for each bucket; `#bits` is a ring of them. */
  readonly #bits = new Uint32Array(BUCKETS * MAX_TARGETS);
  /** Bits by layer set over all buckets. */
  readonly #sums = new Float64Array(MAX_TARGETS);
  /** When the measurement of a set began, if that is within the window. */
  readonly #sinceUs = new Float64Array(MAX_TARGETS).fill(Number.NEGATIVE_INFINITY);
  /** When a frame of exactly this (spatial, temporal) layer last came. */
  readonly #lastUs = new Float64Array(MAX_TARGETS).fill(Number.NEGATIVE_INFINITY);
  #bucket = 0;
  #bucketEndUs = 0;

  /** A packet of `bytes` in the clear, which belongs to `frame`. */
  add(frame: FrameInfo, bytes: number, nowUs: number): void {
    const { structure } = frame;
    // Its structure was lost, so nobody can be sent it.
    if (frame.isUnknown && this.#structure !== null) return;
    if (structure !== this.#structure) this.#onStructure(structure);
    this.#advance(nowUs);
    const layer = frame.spatial * MAX_TEMPORAL + frame.temporal;
    const starts = nowUs - this.#lastUs[layer]! > START_AFTER_US;
    this.#lastUs[layer] = nowUs;
    const bits = (bytes + OVERHEAD_BYTES) * 8;
    if (structure === null) return this.#addToSetsAbove(frame.spatial, frame.temporal, bits, starts, nowUs);
    this.maxSpatial = frame.maxSpatial;
    this.maxTemporal = frame.maxTemporal;
    this.minSpatial = frame.minSpatial;
    for (let target = 0; target < structure.targets; target++) {
      if (frame.dtis[target] !== DTI.notPresent) this.#count(target, bits, starts, nowUs);
    }
  }

  /** What a receiver of at most these layers is sent, bits per second on the wire. */
  bps(spatial: number, temporal: number, nowUs: number): number {
    this.#advance(nowUs);
    const set =
      this.#structure?.target(spatial, temporal) ??
      Math.min(spatial, this.maxSpatial) * MAX_TEMPORAL + Math.min(temporal, this.maxTemporal);
    const windowStartUs = this.#bucketEndUs - WINDOW_US;
    const measuredUs = Math.max(nowUs - Math.max(windowStartUs, this.#sinceUs[set]!), MIN_MEASURED_US);
    return Math.round((this.#sums[set]! * 1_000_000) / measuredUs);
  }

  /**
   * Each key frame brings a structure, mostly the same. Another number of targets means other targets; null, that the
   * stream continues in a codec without descriptor.
   */
  #onStructure(structure: DependencyStructure | null): void {
    if (this.#structure?.targets !== structure?.targets) {
      this.#lastUs.fill(Number.NEGATIVE_INFINITY);
      this.#bits.fill(0);
      this.#sums.fill(0);
    }
    this.#structure = structure;
    if (structure === null) {
      this.maxSpatial = 0;
      this.maxTemporal = 0;
      this.minSpatial = 0;
    } else if (structure.resolutions.length > 0) this.resolutions = structure.resolutions;
  }

  #addToSetsAbove(spatial: number, temporal: number, bits: number, starts: boolean, nowUs: number): void {
    if (spatial > this.maxSpatial) this.maxSpatial = spatial;
    if (temporal > this.maxTemporal) this.maxTemporal = temporal;
    for (let s = spatial; s <= this.maxSpatial; s++) {
      for (let t = temporal; t <= this.maxTemporal; t++) {
        this.#count(s * MAX_TEMPORAL + t, bits, starts, nowUs);
      }
    }
  }

  #count(set: number, bits: number, starts: boolean, nowUs: number): void {
    // The first frames of layers that start together come one after the other.
    if (starts && nowUs - this.#sinceUs[set]! > MIN_MEASURED_US) this.#restart(set, nowUs);
    this.#bits[this.#bucket * MAX_TARGETS + set]! += bits;
    this.#sums[set]! += bits;
  }

  /** A layer of the set has started: what came before tells nothing about its rate from here on. */
  #restart(set: number, nowUs: number): void {
    for (let at = set; at < this.#bits.length; at += MAX_TARGETS) this.#bits[at] = 0;
    this.#sums[set] = 0;
    this.#sinceUs[set] = nowUs;
  }

  /** Makes the bucket of `nowUs` the current one, and empties those that leave the window. */
  #advance(nowUs: number): void {
    if (nowUs < this.#bucketEndUs) return;
    const steps = Math.min(BUCKETS, 1 + Math.floor((nowUs - this.#bucketEndUs) / BUCKET_US));
    for (let step = 0; step < steps; step++) {
      this.#bucket = (this.#bucket + 1) % BUCKETS;
      const row = this.#bucket * MAX_TARGETS;
      for (let set = 0; set < MAX_TARGETS; set++) {
        this.#sums[set]! -= this.#bits[row + set]!;
        this.#bits[row + set] = 0;
      }
    }
    this.#bucketEndUs = (Math.floor(nowUs / BUCKET_US) + 1) * BUCKET_US;
  }
}
