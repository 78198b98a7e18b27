/** Entry of a worker: the server's own media thread, with a probe beside it. */
import { type MessagePort, workerData } from "node:worker_threads";
import { CLOCKED_PARTS } from "./clocked-parts.ts";
import { PartClock } from "./part-clock.ts";
import { answerProbes } from "./thread-probe.ts";

interface ThreadData {
  readonly probe: MessagePort;
  /** Whether to time the parts of its work, which costs some time itself. */
  readonly clocked: boolean;
}

const { probe, clocked } = workerData as ThreadData;
const clock = new PartClock(clocked ? CLOCKED_PARTS : []);
answerProbes(probe, () => clock.read());
await import("../../src/worker/media-thread.ts");
