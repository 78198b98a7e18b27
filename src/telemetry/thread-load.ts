/** Load of the current thread: CPU time, and the delay of its event loop. */
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
 * Sampling period of the monitor. Larger: short delays are missed. Smaller: each sample wakes an idle thread, with cold
 * caches; a hundred a second cost as much as a tenth of forwarding to ten receivers.
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

/** Node measures from one sample to the next, so a loop that is never late shows the resolution; without samples, 0. */
function latenessUs(intervalNs: number): number {
  return Math.max(0, intervalNs / 1_000 - RESOLUTION_MS * 1_000);
}
