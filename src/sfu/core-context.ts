/** What every part of one media thread writes to. One instance per thread; nothing here decides. */
import type { Counters } from "../base/counters.ts";
import type { TransmitRing } from "../base/transmit-ring.ts";
import type { MediaEvent } from "../contract/media.ts";
import { PacketRun } from "./packet-run.ts";
import { RestTimes } from "./rest-times.ts";

export interface CoreContext {
  readonly ring: TransmitRing;
  readonly counters: Counters;
  readonly rests: RestTimes;
  /** Received packets on their way to receivers. */
  readonly run: PacketRun;
  /** Drained by `worker/` after each turn. */
  readonly events: MediaEvent[];
  /** The latest packet of a video was not the last of its frame. */
  isInFrame: boolean;
}

export function createCoreContext(ring: TransmitRing, counters: Counters): CoreContext {
  return { ring, counters, rests: new RestTimes(), run: new PacketRun(ring), events: [], isInFrame: false };
}
