/**
 * How large the frames of an encoder are: of the target rate on average, key frames several times a delta frame, whose
 * surplus the frames after it save again.
 */

/** A key frame of camera video is 3 to 8 delta frames. Larger: heavier bursts at joins. */
const KEY_FRAME_FACTOR = 4;
/** Of each frame after a key frame. Larger: the rate returns to its target sooner. */
const SAVED = 0.25;

/** Payload bytes of a packet: with headers, extensions and tag under 1,200 as libwebrtc has it. */
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

/** Payload sizes of the packets of a frame: as few as can be, and as equal (libwebrtc's packetizers do so). */
export function packetSizes(frameBytes: number, leastBytes: number): number[] {
  const count = Math.max(1, Math.ceil(frameBytes / MAX_PAYLOAD_BYTES));
  return Array.from({ length: count }, (_, i) => {
    const share = Math.floor(frameBytes / count) + (i < frameBytes % count ? 1 : 0);
    return Math.max(share, leastBytes);
  });
}
