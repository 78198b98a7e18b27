/** Entry: reads the configuration, starts the server, prints where it is, drains it on SIGTERM or SIGINT. */
import { loadConfig } from "./config/load-config.ts";
import { startServer } from "./server.ts";
import { createLogger } from "./telemetry/logger.ts";

/** Exit codes of sysexits.h, which service managers show. */
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;

const loaded = loadConfig(process.argv.slice(2), process.env);
if (!loaded.ok) {
  for (const line of loaded.lines) console.error(`configuration: ${line}`);
  process.exit(EX_CONFIG);
}

const { config } = loaded;
const log = createLogger(config.log.level);

try {
  const server = await startServer(config, log);
  console.log(
    config.development
      ? `\n  Blindfold is ready. Open the test call in two tabs:  ${server.url}/\n`
      : `Blindfold is ready: ${server.url}/v1, API documentation at ${server.url}/docs`,
  );
  let stopping = false;
  const stop = (signal: string): void => {
    // A second signal means that somebody will not wait.
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "draining");
    server.drain().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "shutdown failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
} catch (error) {
  console.error(`Blindfold could not start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(EX_UNAVAILABLE);
}
