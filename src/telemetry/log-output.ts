/**
 * Writes log lines to standard output, unbuffered while it accepts them, and with a bounded buffer otherwise.
 *
 * A full disk or a stalled reader costs lines and nothing else. pino's own destination ends the process at the first
 * write that fails, or retries it for ever instead of ending, and its buffer is unbounded.
 */
import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

/** Larger: a stalled reader makes us hold more. Smaller: lines of a burst are lost sooner. */
const MAX_WAITING_BYTES = 1_048_576;

/** Pause after a failed write. Larger: lines come later once there is room again. Smaller: more failed attempts. */
const RETRY_MS = 100;

/** How long the process waits for a slow reader before it ends. Larger: it ends later. Smaller: last lines are lost. */
const LAST_LINES_MS = 1_000;
const LAST_PAUSE_MS = 10;

/** Writes some of the bytes without blocking, and returns how many; throws when it can write none. */
export type Write = (bytes: Uint8Array) => number;

export class LogOutput implements DestinationStream {
  /** Called with the number of lost lines once lines are written again. */
  onLost: (lines: number) => void = () => {};
  readonly #write: Write;
  /** Bytes that could not be written; lines that came since are in `#waiting`. */
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

  /** Writes buffered lines; false when not all could be written. */
  flush(): boolean {
    let rest: Uint8Array = Buffer.concat([this.#refused, Buffer.from(this.#waiting)]);
    this.#waiting = "";
    try {
      while (rest.length > 0) rest = rest.subarray(this.#write(rest));
    } catch {
      // Standard output is full: keep the rest.
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

/** Buffered lines are written when the process ends, as far as possible. */
export function standardOutput(): LogOutput {
  // Reading `process.stdout` makes a pipe non-blocking.
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
