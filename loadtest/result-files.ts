/** The files that a run's result goes to, looked at before the run: after an hour it would be lost. */
import { open } from "node:fs/promises";

/** By option: its path, if it was given. */
export type ResultFiles = Readonly<Record<string, string | undefined>>;

/** What is wrong with the first that cannot be written. What is in a file stays there until there is a result. */
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
