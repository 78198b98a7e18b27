/** Entry of a worker: the server's own media thread, with a probe beside it. */
import { type MessagePort, workerData } from "node:worker_threads";
import { CLOCKED_PARTS } from "./clocked-parts.ts";
import { leaveEstimatingOut } from "./left-out-parts.ts";
import type { Estimating } from "./load.ts";
import { PartClock } from "./part-clock.ts";
import { answerProbes } from "./thread-probe.ts";

interface ThreadData {
  readonly probe: MessagePort;
  /** Timing its parts costs some time itself. */
  readonly estimating: Estimating;
}

const { probe, estimating } = workerData as ThreadData;
const clock = new PartClock(estimating === "clocked" ? CLOCKED_PARTS : []);
if (estimating === "left-out") leaveEstimatingOut();
answerProbes(probe, () => clock.read());
await import("../../src/worker/media-thread.ts");
