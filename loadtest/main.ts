/** `npm run loadtest`: real clients against a running server. See `--help`. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { RequestFailed } from "./client/signalling.ts";
import { commandLine, refuse } from "./command-line.ts";
import { COMMAND, type Options } from "./options.ts";
import { htmlPage } from "./report/html-page.ts";
import { ProgressBar } from "./report/progress-bar.ts";
import { textTable } from "./report/text-table.ts";
import { isFlawless } from "./result.ts";
import { unwritable } from "./result-files.ts";
import { run } from "./run.ts";

async function main(options: Options): Promise<void> {
  const error = await unwritable({ json: options.json, html: options.html });
  if (error !== undefined) refuse(error);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  const bar = new ProgressBar(process.stderr);
  const name = randomBytes(4).toString("hex");
  const result = await run(options, name, { onStatus: (status) => bar.show(status), stop: stop.signal });
  bar.end();
  process.stdout.write(`${textTable(result)}\n`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
  if (options.html !== undefined) await writeFile(options.html, htmlPage(result));
  const failed = result.clients.failed === result.joins.length;
  if (failed || (options["fail-on-loss"] && !isFlawless(result))) process.exitCode = 1;
}

await main(commandLine(COMMAND)).catch((error: unknown) => {
  if (!(error instanceof RequestFailed)) throw error;
  process.stderr.write(`${error.reason}: ${error.message}\n`);
  process.exitCode = 1;
});
