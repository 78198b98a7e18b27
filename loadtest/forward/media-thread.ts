/** Entry of a worker: the server's own media thread, with a probe beside it. */
import { type MessagePort, workerData } from "node:worker_threads";
import { answerProbes } from "./thread-probe.ts";

answerProbes((workerData as { readonly probe: MessagePort }).probe);
await import("../../src/worker/media-thread.ts");
