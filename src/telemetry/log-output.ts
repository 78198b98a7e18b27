/**
 * Where log lines go: to standard output, at once, and with a limit to what may wait.
 *
 * A disk that is full, or a reader that stands still, costs lines and nothing else. pino's own destination ends the process
 * at the first write that fails, tries that write again for ever instead of ending, and keeps whatever waits.
 */
import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

/** Larger: a reader that stands still makes us hold more. Smaller: a burst of lines is lost sooner. */
const MAX_WAITING_BYTES = 1_048_576;

/** Pause after a write that failed. Larger: lines come later when there is room again. Smaller: more vain attempts. */
const RETRY_MS = 100;

/** How long the end of the process waits for a reader that is slow. Larger: it ends later. Smaller: last lines are lost. */
const LAST_LINES_MS = 1_000;
const LAST_PAUSE_MS = 10;

/** Writes some of the bytes without waiting, and returns how many; throws when it can write none. */
export type Write = (bytes: Uint8Array) => number;

export class LogOutput implements DestinationStream {
  /** Called with how many lines were lost, when lines are written again. */
  onLost: (lines: number) => void = () => {};
  readonly #write: Write;
  /** What could not be written, and what has come since. */
  #refused: Uint8Array = new Uint8Array();
  #waiting = "";
  #lost = 0;
  #isPausing = false;

  constructor(write: Write) {
    this.#write = write;
  }

  write(line: string): void {
    if (this.#refused.length + this.#waiting.length + line.length > MAX_WAITING_BYTES) {
      this.#lost += 1;
      return;
    }
    this.#waiting += line;
    if (!this.#isPausing && !this.flush()) this.#pause();
  }

  /** Writes what waits; false when not all of it could be. */
  flush(): boolean {
    let rest: Uint8Array = Buffer.concat([this.#refused, Buffer.from(this.#waiting)]);
    this.#waiting = "";
    try {
      while (rest.length > 0) rest = rest.subarray(this.#write(rest));
    } catch {
      // Full: what is left waits.
    }
    this.#refused = rest;
    return rest.length === 0;
  }

  #pause(): void {
    this.#isPausing = true;
    setTimeout(() => {
      this.#isPausing = false;
      if (!this.flush()) return this.#pause();
      const lost = this.#lost;
      this.#lost = 0;
      if (lost > 0) this.onLost(lost);
    }, RETRY_MS).unref();
  }
}

/** What waits when the process ends is written then, as far as it can be. */
export function standardOutput(): LogOutput {
  // To ask for it makes a pipe one whose writes do not wait.
  const { fd } = process.stdout;
  const output = new LogOutput((bytes) => writeSync(fd, bytes));
  process.once("exit", () => {
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    for (let ms = 0; !output.flush() && ms < LAST_LINES_MS; ms += LAST_PAUSE_MS) {
      Atomics.wait(sleeper, 0, 0, LAST_PAUSE_MS);
    }
  });
  return output;
}
