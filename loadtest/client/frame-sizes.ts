/**
 * Frame sizes of an encoder: the target rate on average; key frames are several times larger than delta frames, and the
 * frames after one are smaller to make up for it.
 */

/** A key frame of camera video is 3 to 8 delta frames. Larger: heavier bursts at joins. */
const KEY_FRAME_FACTOR = 4;
/** Share by which each frame after a key frame is smaller. Larger: the rate returns to its target sooner. */
const SAVED = 0.25;

/** Payload bytes of a packet: with headers, extensions and tag below 1,200, as in libwebrtc. */
const MAX_PAYLOAD_BYTES = 1_100;

export class FrameSizes {
  readonly #budgetBytes: number;
  #debtBytes = 0;

  constructor(bitrateBps: number, framesPerSecond: number) {
    this.#budgetBytes = bitrateBps / 8 / framesPerSecond;
  }

  next(isKeyframe: boolean): number {
    const budget = this.#budgetBytes;
    if (isKeyframe) {
      this.#debtBytes += (KEY_FRAME_FACTOR - 1) * budget;
      return Math.round(KEY_FRAME_FACTOR * budget);
    }
    const saved = Math.min(this.#debtBytes, SAVED * budget);
    this.#debtBytes -= saved;
    return Math.round(budget - saved);
  }
}

/**
 * Payload sizes of the packets of a frame: as few packets as possible, of equal sizes if possible (as in libwebrtc).
 */
export function packetSizes(frameBytes: number, leastBytes: number): number[] {
  const count = Math.max(1, Math.ceil(frameBytes / MAX_PAYLOAD_BYTES));
  return Array.from({ length: count }, (_, i) => {
    const share = Math.floor(frameBytes / count) + (i < frameBytes % count ? 1 : 0);
    return Math.max(share, leastBytes);
  });
}
