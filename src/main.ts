/**
 * Entry point: reads the configuration, starts the server, prints its URL, drains it on SIGTERM or SIGINT.
 *
 * Everything is imported after the signal handlers are installed: loading all modules takes a good part of a second, in
 * which PID 1 of a container would ignore a signal, and any other process would be killed by it.
 */
import type { Logger } from "pino";
import type { Server } from "./server.ts";

/** Exit statuses of sysexits.h, which service managers show. */
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;

const USAGE = `Usage: npm start -- [--config path]

Settings come from that file, or from BLINDFOLD_CONFIG=path, and from variables of the environment, which win.
config/default.yaml has all of them, with what they mean.
`;

/**
 * Signals within this time are one: Ctrl-C comes from the terminal and once more from `npm start`, which passes it on. Larger:
 * a second one that is meant has to be repeated. Smaller: on a busy machine Ctrl-C ends the server without a drain.
 */
const ONE_SIGNAL_MS = 500;

/** What `stop` has to drain; undefined before the server starts. */
let running: { readonly log: Logger; readonly starting: Promise<Server> } | undefined;
let firstSignalMs: number | undefined;

async function stop(signal: string): Promise<void> {
  if (firstSignalMs !== undefined) {
    // The operator does not want to wait.
    if (performance.now() - firstSignalMs > ONE_SIGNAL_MS) process.exit(1);
    return;
  }
  firstSignalMs = performance.now();
  if (running === undefined) process.exit(0);
  const { log, starting } = running;
  log.info({ signal }, "draining");
  await (await starting).drain();
  process.exit(0);
}
process.on("SIGTERM", (signal) => void stop(signal));
process.on("SIGINT", (signal) => void stop(signal));
// Node would open its inspector, to whoever has an account on this machine, and the watchdog would rest from then on. Other
// servers open their log files anew at this signal, so operators send it.
process.on("SIGUSR1", () => {});

if (process.argv.includes("--help")) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const { loadConfig } = await import("./config/load-config.ts");
const loaded = loadConfig(process.argv.slice(2), process.env);
if (!loaded.ok) {
  for (const line of loaded.lines) console.error(`configuration: ${line}`);
  process.exit(EX_CONFIG);
}

const { config } = loaded;
const [{ createLogger }, { startServer }, { describeStartFailure }] = await Promise.all([
  import("./telemetry/logger.ts"),
  import("./server.ts"),
  import("./start-failure.ts"),
]);
// A full disk or a closed pipe is no reason to end.
for (const output of [process.stdout, process.stderr]) output.on("error", () => {});
const log = createLogger(config.log.level);
const starting = startServer(config, log);
running = { log, starting };

try {
  const { url } = await starting;
  console.log(
    config.development
      ? `\n  Blindfold is ready. Open the test call in two tabs:  ${url}/\n`
      : `Blindfold is ready: ${url}/v1, API documentation at ${url}/docs`,
  );
} catch (error) {
  console.error(`Blindfold could not start: ${describeStartFailure(error)}`);
  process.exit(EX_UNAVAILABLE);
}
