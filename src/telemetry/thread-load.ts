/** How busy the present thread is: CPU time, and how late its event loop runs. */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface ThreadLoadReading {
  /** CPU time since the thread started. */
  readonly cpuUs: number;
  /** Since the last reading. */
  readonly eventLoopDelayP50Us: number;
  readonly eventLoopDelayP99Us: number;
  readonly eventLoopDelayMaxUs: number;
}

/**
 * How often the monitor looks. Larger: short delays are missed. Smaller: each look wakes a thread that rests, and most of
 * what it needs has left the caches; a hundred a second cost as much as a tenth of forwarding to ten receivers.
 */
export const RESOLUTION_MS = 50;

export class ThreadLoad {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delay.enable();
  }

  read(): ThreadLoadReading {
    const { user, system } = process.threadCpuUsage();
    const reading = {
      cpuUs: user + system,
      eventLoopDelayP50Us: latenessUs(this.#delay.percentile(50)),
      eventLoopDelayP99Us: latenessUs(this.#delay.percentile(99)),
      eventLoopDelayMaxUs: latenessUs(this.#delay.max),
    };
    this.#delay.reset();
    return reading;
  }
}

/** Node measures from one look to the next, so a loop that is never late shows its resolution; no looks show 0. */
function latenessUs(intervalNs: number): number {
  return Math.max(0, intervalNs / 1_000 - RESOLUTION_MS * 1_000);
}
