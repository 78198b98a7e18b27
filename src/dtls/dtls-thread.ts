/**
 * Entry of the DTLS thread (worker_threads): has a certificate, warms up, and wires ports to the service.
 *
 * An uncaught exception ends the thread, because its state cannot be trusted any more, and main starts another. An unhandled
 * rejection does not: it comes from a promise that werift left behind, which concerns one association only, so it is
 * reported and the thread goes on.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { DtlsThreadCommand } from "../contract/dtls.ts";
import { ThreadLoad } from "../telemetry/thread-load.ts";
import { DataService } from "./data-service.ts";
import { createDtlsCertificate } from "./dtls-certificate.ts";
import { DtlsService } from "./dtls-service.ts";
import type { DtlsThreadSettings, FromDtlsThread } from "./dtls-thread-messages.ts";
import { warmUp } from "./warm-up.ts";

/** Fine enough for retransmission timeouts of half a second. */
const TICK_INTERVAL_MS = 100;

const DATA_TICK_INTERVAL_MS = 500;

const LOAD_INTERVAL_MS = 1_000;

const main = parentPort!;
const tell = (message: FromDtlsThread): void => main.postMessage(message);
const nowUs = (): number => Math.round(performance.now() * 1000);

const settings = workerData as DtlsThreadSettings;
const certificate = settings.certificate ?? (await createDtlsCertificate());
await warmUp(certificate);

process.on("unhandledRejection", (reason) => {
  tell({ kind: "stray-rejection", message: reason instanceof Error ? reason.message : String(reason) });
});

const data = new DataService({
  nowUs,
  post: (batch) =>
    main.postMessage({ kind: "data", ...batch } satisfies FromDtlsThread, [batch.bytes.buffer]),
});
let ticking: NodeJS.Timeout | undefined;
const service = new DtlsService({
  certificate,
  srtpProfiles: settings.srtpProfiles,
  nowUs,
  report: tell,
  data,
  onPending: () => {
    ticking ??= setInterval(tick, TICK_INTERVAL_MS);
  },
});

/** Ticks only while handshakes are under way: a needless wake-up costs more than a packet. */
function tick(): void {
  service.tick();
  if (service.needsClock) return;
  clearInterval(ticking);
  ticking = undefined;
}
// SCTP's timeouts are a second long, and there may be thousands of associations.
setInterval(() => data.tick(), DATA_TICK_INTERVAL_MS);

const load = new ThreadLoad();
setInterval(() => {
  const { associations } = service;
  const counted = { associations, dataAssociations: data.associations, data: data.takeCounts() };
  tell({ kind: "load", ...load.read(), ...counted });
}, LOAD_INTERVAL_MS);

main.on("message", (command: DtlsThreadCommand) => {
  if (command.kind === "connect") service.connect(command.port);
  else data.receive(command);
});
tell({ kind: "ready", certificate });
