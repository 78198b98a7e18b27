/** `npm run loadtest:http`: how many requests the control API answers, and how fast. See `--help`. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { z } from "zod";
import { type Credentials, RequestFailed } from "../client/signalling.ts";
import { type CommandLine, commandLine, refuse } from "../command-line.ts";
import { unwritable } from "../result-files.ts";
import { httpTable, loadRoutes } from "./load-routes.ts";

const USAGE = `Usage: npm run loadtest:http -- [options]

Asks a running Blindfold's control API as fast as it answers, one route after the other.

  --url URL             the control API                                   (http://127.0.0.1:7880)
  --key K --secret S    sign the token with this API key; without it, it comes from /dev/token
  --connections N       kept open, each with one request at a time        (10)
  --seconds N           for each route                                    (5)
  --json FILE           write the result as JSON
  --help                this text

A server takes http.rateLimitPerMinute requests of one address and answers the rest with 429. To see what it could
do, start it with BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE=1000000.
`;

const Arguments = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).default("http://127.0.0.1:7880"),
  key: z.string().optional(),
  secret: z.string().min(32).optional(),
  connections: z.coerce.number().int().min(1).max(1_000).default(10),
  seconds: z.coerce.number().int().min(1).max(600).default(5),
  json: z.string().min(1).optional(),
});

const COMMAND: CommandLine<typeof Arguments> = {
  usage: USAGE,
  options: Arguments,
  contradiction: ({ key, secret }) =>
    (key === undefined) === (secret === undefined) ? undefined : "--key and --secret go together",
};

async function main({
  url,
  key,
  secret,
  connections,
  seconds,
  json,
}: z.infer<typeof Arguments>): Promise<void> {
  const error = await unwritable({ json });
  if (error !== undefined) refuse(error);
  const credentials: Credentials =
    key !== undefined && secret !== undefined ? { kind: "key", key, secret } : { kind: "development" };
  const room = `load-http-${randomBytes(4).toString("hex")}`;
  const results = await loadRoutes({ url, credentials, room, connections, seconds }, (name) =>
    process.stderr.write(`  ${name}\n`),
  );
  process.stdout.write(`${httpTable(results)}\n`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
}

await main(commandLine(COMMAND)).catch((error: unknown) => {
  if (!(error instanceof RequestFailed)) throw error;
  process.stderr.write(`${error.reason}: ${error.message}\n`);
  process.exitCode = 1;
});
