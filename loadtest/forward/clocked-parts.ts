/** The parts of a media thread that are timed: bandwidth estimation, pacing and allocation. */
import { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { Pacer } from "../../src/cc/pacer.ts";
import { BandwidthAllocation } from "../../src/sfu/bandwidth-allocation.ts";
import type { ClockedClass } from "./part-clock.ts";

export const CLOCKED_PARTS: readonly ClockedClass[] = [
  {
    part: "packets sent",
    prototype: BandwidthEstimator.prototype,
    methods: ["onSent", "onSentUnnumbered"],
  },
  { part: "packets sent", prototype: Pacer.prototype, methods: ["maySend", "onSent", "setRate"] },
  {
    part: "feedback",
    prototype: BandwidthEstimator.prototype,
    methods: ["onFeedback", "onReport", "nextLost"],
  },
  {
    part: "ticks of the estimator",
    prototype: BandwidthEstimator.prototype,
    methods: ["tick", "probeBytesDue"],
  },
  { part: "dealing out", prototype: BandwidthAllocation.prototype, methods: ["tick"] },
];
