/**
 * Where log lines go: to standard output, piece after piece, with a limit to what may wait.
 *
 * A disk that is full, or a reader that stands still, costs lines and nothing else. pino's own destination ends the process
 * at the first write that fails, tries that write again for ever instead of ending, and keeps whatever waits.
 */
import { write, writeSync } from "node:fs";
import type { DestinationStream } from "pino";

/** Larger: a reader that stands still makes us hold more. Smaller: a burst of lines is lost sooner. */
const MAX_WAITING_CHARS = 1_048_576;

/** Pause after a write that failed. Larger: lines come later when there is room again. Smaller: more vain attempts. */
const RETRY_MS = 100;

const STANDARD_OUTPUT = 1;

/** Writes some of the bytes, and says how many. */
export type Write = (bytes: Uint8Array, done: (error: Error | null, written: number) => void) => void;

export class LogOutput implements DestinationStream {
  /** Called with how many lines were lost, when lines are written again. */
  onLost: (lines: number) => void = () => {};
  readonly #write: Write;
  /** What the write under way, or the next attempt, is about. */
  #writing = new Uint8Array();
  #waiting = "";
  #lost = 0;
  #isBusy = false;

  constructor(write: Write) {
    this.#write = write;
  }

  write(line: string): void {
    if (this.#waiting.length + line.length > MAX_WAITING_CHARS) {
      this.#lost += 1;
      return;
    }
    this.#waiting += line;
    if (!this.#isBusy) this.#next();
  }

  /** What has not been written yet; nobody will write it any more. */
  takeRest(): Uint8Array {
    const rest = Buffer.from(this.#waiting);
    this.#waiting = "";
    return rest;
  }

  #next(): void {
    if (this.#writing.length === 0) {
      this.#writing = Buffer.from(this.#waiting);
      this.#waiting = "";
    }
    this.#isBusy = this.#writing.length > 0;
    if (this.#isBusy) this.#write(this.#writing, this.#onWritten);
  }

  readonly #onWritten = (error: Error | null, written: number): void => {
    if (error !== null) {
      setTimeout(() => this.#next(), RETRY_MS).unref();
      return;
    }
    this.#writing = this.#writing.subarray(written);
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.onLost(lost);
    this.#next();
  };
}

/** What waits when the process ends is tried once more. */
export function standardOutput(): LogOutput {
  const output = new LogOutput((bytes, done) => write(STANDARD_OUTPUT, bytes, done));
  process.once("exit", () => {
    try {
      writeSync(STANDARD_OUTPUT, output.takeRest());
    } catch {
      // Full still, and this is the end.
    }
  });
  return output;
}
