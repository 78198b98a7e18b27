/** Sums over all clients of one process; drained once a second. */
import { DELAY_BUCKETS, DelayHistogram } from "./delay-histogram.ts";

/** Audio, then the video layers from the lowest up. */
export const LAYER_NAMES = ["audio", "video 0", "video 1", "video 2"] as const;
export const AUDIO_LAYER = 0;
export const FIRST_VIDEO_LAYER = 1;

/** Counts of an interval. */
export interface Sample {
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  /** RTP bytes by layer, as in LAYER_NAMES. */
  readonly receivedBytes: number[];
  /** Changes in the number of gaps, and of filled gaps. */
  gaps: number;
  filled: number;
  duplicates: number;
  /** Pictures that were due and skipped, because the process was late by more than one. */
  skippedPictures: number;
  /** One-way delay, from encryption to decryption, including retransmissions. */
  delayBuckets: Float64Array;
}

export function emptySample(): Sample {
  return {
    sentPackets: 0,
    sentBytes: 0,
    receivedPackets: 0,
    receivedBytes: LAYER_NAMES.map(() => 0),
    gaps: 0,
    filled: 0,
    duplicates: 0,
    skippedPictures: 0,
    delayBuckets: new Float64Array(DELAY_BUCKETS),
  };
}

export class Meter {
  sample = emptySample();
  delays = new DelayHistogram(this.sample.delayBuckets);

  /** Returns the counts since the last call, and resets them. */
  drain(): Sample {
    const drained = this.sample;
    this.sample = emptySample();
    this.delays = new DelayHistogram(this.sample.delayBuckets);
    return drained;
  }
}

/** Adds `from` to `to`. */
export function addSample(to: Sample, from: Sample): void {
  to.sentPackets += from.sentPackets;
  to.sentBytes += from.sentBytes;
  to.receivedPackets += from.receivedPackets;
  from.receivedBytes.forEach((bytes, layer) => {
    to.receivedBytes[layer]! += bytes;
  });
  to.gaps += from.gaps;
  to.filled += from.filled;
  to.duplicates += from.duplicates;
  to.skippedPictures += from.skippedPictures;
  new DelayHistogram(to.delayBuckets).merge(new DelayHistogram(from.delayBuckets));
}
