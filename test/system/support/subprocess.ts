/** A child process of a test: its output is kept for the failure message, and it never outlives its test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { endWithThisProcess } from "../../../loadtest/child-end.ts";

/** What a failure message quotes. More buries the reason, less may cut it off. */
const QUOTED_CHARACTERS = 4_000;

export class Subprocess {
  readonly command: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #output = "";

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>, cwd?: string) {
    this.command = command;
    this.#child = spawn(command, args, { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    endWithThisProcess(this.#child);
    this.#exit = once(this.#child, "close");
    // Whoever waits for the end sees the error; nobody may be waiting yet.
    this.#exit.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Standard output and error, as they came. */
  get output(): string {
    return this.#output;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /**
   * Polls `attempt` until it gives something, which means that the process is `what`. Rejects when the process ends
   * or `limitMs` passes before.
   */
  async until<T>(
    what: string,
    limitMs: number,
    attempt: () => T | undefined | Promise<T | undefined>,
  ): Promise<T> {
    const deadline = Date.now() + limitMs;
    while (!this.hasExited && Date.now() < deadline) {
      const found = await attempt();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const reason = this.hasExited ? "it ended" : `${limitMs} ms passed`;
    throw new Error(
      `${this.command}: ${reason} before it was ${what}:\n${this.output.slice(-QUOTED_CHARACTERS)}`,
    );
  }

  /** Resolves with the exit code; null when a signal ended it. After `limitMs` it is killed. */
  async exited(limitMs: number): Promise<number | null> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), limitMs);
    try {
      await this.#exit;
    } finally {
      clearTimeout(timer);
    }
    return this.#child.exitCode;
  }

  /** Asks it to end and resolves as `exited` does. */
  async terminate(limitMs: number): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.exited(limitMs);
  }
}
