/**
 * The arrival of a probe, and the rate that it got through at.
 *
 *   sent     │▮▮▮      │▮▮▮      │▮▮▮      │▮▮▮
 *   arrived       ▮ ▮ ▮│  ▮ ▮ ▮    ▮ ▮ ▮     ▮ ▮ ▮│
 *                      └──────────────────────────┘     bytes after the first burst over this time
 *
 * The lower of the two rates counts, as in libwebrtc's ProbeBitrateEstimator, which takes single packets for bursts.
 */
import type { Acknowledgements } from "./acknowledgements.ts";
import type { ProbeCluster } from "./probe-cluster.ts";

/** With less of it reported, the missing packets would look like a low rate. */
const MIN_REPORTED_SHARE = 0.8;
/** An arrival rate so far above the sending rate means that a radio link delivered held packets at once: it is no rate. */
const MAX_RATIO = 2;
/** Below this share of the sending rate the link was full, and a little less than it carried is the right rate. */
const FULL_RATIO = 0.9;
const FULL_UTILIZATION = 0.95;

const NEVER = Number.NEGATIVE_INFINITY;

export class ProbeMeasurement {
  /** Whether the probe was faster than the link. */
  full = false;
  #firstArrivalUs = NEVER;
  #lastArrivalUs = NEVER;
  #bytes = 0;

  start(): void {
    this.full = false;
    this.#firstArrivalUs = NEVER;
    this.#lastArrivalUs = NEVER;
    this.#bytes = 0;
  }

  onReceived({ sentUs, arrivalUs, bytes, unreportedBytes }: Acknowledgements, cluster: ProbeCluster): void {
    if (sentUs === cluster.firstUs) {
      if (arrivalUs > this.#firstArrivalUs) this.#firstArrivalUs = arrivalUs;
      return;
    }
    this.#bytes += bytes + unreportedBytes;
    if (arrivalUs > this.#lastArrivalUs) this.#lastArrivalUs = arrivalUs;
  }

  /**
   * The rate in bits per second, or 0 when the probe tells nothing. `lostBytes`, dropped by a short queue, show a limit as
   * late packets do, except the share `inherentLoss`, which is lost at any rate.
   */
  resultBps(
    { bytesAfterFirst, firstUs, lastUs }: ProbeCluster,
    lostBytes: number,
    inherentLoss: number,
  ): number {
    const arrivedUs = this.#lastArrivalUs - this.#firstArrivalUs;
    if (this.#bytes + lostBytes < MIN_REPORTED_SHARE * bytesAfterFirst || lastUs === firstUs) return 0;
    if (!(arrivedUs > 0 && arrivedUs < Number.POSITIVE_INFINITY)) return 0;
    const sentBps = (bytesAfterFirst * 8_000_000) / (lastUs - firstUs);
    const receivedBps = (this.#bytes * 8_000_000) / arrivedUs / (1 - inherentLoss);
    if (receivedBps > MAX_RATIO * sentBps) return 0;
    this.full = receivedBps < FULL_RATIO * sentBps;
    return this.full ? FULL_UTILIZATION * receivedBps : Math.min(sentBps, receivedBps);
  }
}
