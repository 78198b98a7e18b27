/** Measurements of a thread under test from inside: CPU time, bytes allocated, time in garbage collection. */
import { readFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import type { PartTimes } from "./part-clock.ts";

export interface ProbeReading {
  readonly cpuUs: number;
  /** Time in which it was ready to run while others had the cores; NaN where the kernel does not report it. */
  readonly waitedUs: number;
  /** Allocated on the thread's JavaScript heap since it started. */
  readonly allocatedBytes: number;
  readonly gcUs: number;
  /** The longest single collection since the last reading. */
  readonly longestGcUs: number;
  readonly parts: PartTimes;
}

/** Answers each message on `port` with a `ProbeReading`. `parts`: for a thread whose methods are timed. */
export function answerProbes(port: MessagePort, parts: () => PartTimes = () => ({})): void {
  let gcUs = 0;
  let longestGcUs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcUs += duration * 1_000;
      longestGcUs = Math.max(longestGcUs, duration * 1_000);
    }
  }).observe({ entryTypes: ["gc"] });
  const read = (): ProbeReading => {
    const { user, system } = process.threadCpuUsage();
    // The type of Node's statistics does not have this field yet.
    const { total_allocated_bytes } = getHeapStatistics() as unknown as { total_allocated_bytes: number };
    const reading: ProbeReading = {
      cpuUs: user + system,
      waitedUs: waitedUs(),
      allocatedBytes: total_allocated_bytes,
      gcUs,
      longestGcUs,
      parts: parts(),
    };
    longestGcUs = 0;
    return reading;
  };
  port.on("message", () => port.postMessage(read()));
}

/** Reads schedstat: nanoseconds on a core, nanoseconds waiting for one, number of time slices (Linux, sched-stats). */
function waitedUs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[1]) / 1_000;
  } catch {
    return Number.NaN;
  }
}
