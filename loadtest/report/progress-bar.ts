/** Progress of a run: on a terminal one line that is overwritten, elsewhere a line now and then. */
import type { Status } from "../run.ts";

const WIDTH = 30;
/** For logs: more would bury them. */
const LINE_INTERVAL_MS = 5_000;

export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #lastLine = 0;
  #lastPhase = "";

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show({ phase, clients, joined, failed, done }: Status): void {
    const text = `${phase.padEnd(9)} ${joined} of ${clients} joined${failed > 0 ? `, ${failed} failed` : ""}`;
    if (this.#out.isTTY) {
      const filled = Math.round(Math.min(1, done) * WIDTH);
      const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
      this.#out.write(`\r\x1b[K  ${bar}  ${text}`);
      return;
    }
    const now = Date.now();
    if (phase === this.#lastPhase && now - this.#lastLine < LINE_INTERVAL_MS) return;
    this.#lastLine = now;
    this.#lastPhase = phase;
    this.#out.write(`  ${Math.round(Math.min(1, done) * 100)} %  ${text}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write("\r\x1b[K");
  }
}
