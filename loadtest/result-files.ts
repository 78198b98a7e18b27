/** The files for a run's result, checked before the run: a failure after it would lose the result. */
import { open } from "node:fs/promises";

/** Path by option, if it was given. */
export type ResultFiles = Readonly<Record<string, string | undefined>>;

/** What is wrong with the first file that cannot be written. Does not change the contents of the files. */
export async function unwritable(files: ResultFiles): Promise<string | undefined> {
  for (const [option, path] of Object.entries(files)) {
    if (path === undefined) continue;
    const error = await open(path, "a").then(
      (file) => file.close(),
      ({ message }: Error) => message,
    );
    if (error !== undefined) return `--${option}: ${error}`;
  }
  return undefined;
}
