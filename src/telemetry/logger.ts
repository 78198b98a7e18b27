/**
 * The one logger: JSON lines on standard output. Tokens never reach it; client addresses do from `debug` on.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from "pino";
import { standardOutput } from "./log-output.ts";

/** Requests as they may be logged. */
interface LoggedRequest {
  readonly method: string;
  readonly url: string;
  readonly ip?: string;
}

/** As a precaution: no log line of ours has these fields, one of a library might. */
const SECRET_FIELDS = ["authorization", "token", "secret", "access_token", "pwd", "sdp"];

/** `destination` is standard output unless given. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const showsAddresses = level === "debug" || level === "trace";
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "[redacted]",
    },
    serializers: {
      ip: (address: string) => (showsAddresses ? address : undefined),
      req: ({ method, url, ip }: LoggedRequest) => ({
        method,
        url: withoutQuery(url),
        ...(showsAddresses && { ip }),
      }),
    },
  };
  if (destination !== undefined) return pino(options, destination);
  const output = standardOutput();
  const log = pino(options, output);
  output.onLost = (lines) => log.warn({ lines }, "log lines lost");
  return log;
}

/** The query may hold an access token: LiveKit's clients send it there. */
function withoutQuery(url: string): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}
