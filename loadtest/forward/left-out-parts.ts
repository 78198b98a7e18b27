/**
 * A media thread without bandwidth estimation, pacing and allocation: everybody is taken to have a path for all. What remains
 * is that packets are numbered, and that feedback is received and opened. What such a thread takes less is what those parts
 * cost, with all that they push out of the caches.
 */
import { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { Pacer } from "../../src/cc/pacer.ts";
import { SentPacketLog, UNKNOWN_PACKET } from "../../src/cc/sent-packet-log.ts";
import { BandwidthAllocation } from "../../src/sfu/bandwidth-allocation.ts";

/** The most that is estimated. */
const PLENTY_BPS = 20_000_000;

/** Allocations until everything has been allotted, and its rates are known. */
const FIRST_TICKS = 100;

/** To be called before the thread starts. */
export function leaveEstimatingOut(): void {
  const nothing = (): void => {};
  const estimator = {
    targetBps: { get: () => PLENTY_BPS },
    keepBps: { get: () => PLENTY_BPS },
    isProbing: { get: () => false },
    paceBps: { value: () => PLENTY_BPS },
    tick: { value: nothing },
    onReport: { value: nothing },
    onFeedback: { value: () => true },
    probeBytesDue: { value: () => 0 },
    nextLost: { value: () => UNKNOWN_PACKET },
  };
  Object.defineProperties(BandwidthEstimator.prototype, estimator);
  SentPacketLog.prototype.onSent = function (): void {
    this.nextExtSeq += 1;
  };
  Object.defineProperties(Pacer.prototype, {
    maySend: { value: () => true },
    onSent: { value: nothing },
    setRate: { value: nothing },
  });
  leaveAllocationsOut();
}

function leaveAllocationsOut(): void {
  const { tick } = BandwidthAllocation.prototype;
  const done = new WeakMap<BandwidthAllocation, number>();
  BandwidthAllocation.prototype.tick = function (...args: Parameters<typeof tick>): void {
    const ticks = done.get(this) ?? 0;
    if (ticks >= FIRST_TICKS) return;
    done.set(this, ticks + 1);
    tick.apply(this, args);
  };
}
