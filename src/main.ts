/** Entry: reads the configuration, starts the server, prints where it is, drains it on SIGTERM or SIGINT. */
import { loadConfig } from "./config/load-config.ts";
import { startServer } from "./server.ts";
import { createLogger } from "./telemetry/logger.ts";

/** Exit codes of sysexits.h, which service managers show. */
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;

const USAGE = `Usage: npm start -- [--config path]

Settings come from that file, or from BLINDFOLD_CONFIG=path, and from variables of the environment, which win.
config/default.yaml has all of them, with what they mean.
`;

if (process.argv.includes("--help")) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const loaded = loadConfig(process.argv.slice(2), process.env);
if (!loaded.ok) {
  for (const line of loaded.lines) console.error(`configuration: ${line}`);
  process.exit(EX_CONFIG);
}

const { config } = loaded;
// A disk that is full, or a reader that has gone: neither is a reason to end.
process.stdout.on("error", () => {});
const log = createLogger(config.log.level);
const starting = startServer(config, log);

let stopping = false;
/** Registered before the server is up: as the first process of a container, nobody else would hear a signal. */
async function stop(signal: string): Promise<void> {
  // A second signal means that somebody will not wait.
  if (stopping) process.exit(1);
  stopping = true;
  log.info({ signal }, "draining");
  await (await starting).drain();
  process.exit(0);
}
process.on("SIGTERM", (signal) => void stop(signal));
process.on("SIGINT", (signal) => void stop(signal));

try {
  const { url } = await starting;
  console.log(
    config.development
      ? `\n  Blindfold is ready. Open the test call in two tabs:  ${url}/\n`
      : `Blindfold is ready: ${url}/v1, API documentation at ${url}/docs`,
  );
} catch (error) {
  console.error(`Blindfold could not start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(EX_UNAVAILABLE);
}
