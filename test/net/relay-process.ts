/** A relay in a process of its own, as a test or a measurement holds it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LinkSettings } from "../sim/link-model.ts";
import type { RelayCommand } from "./relay.ts";
import type { RelayOptions, RelayReport, Way } from "./udp-relay.ts";

/**
 * A network does not wait for the processors of its clients: scheduled in real time, datagrams leave within a millisecond
 * on a machine that is busy with browsers, and else up to fifty late. Not everybody may do that.
 */
const CHRT = ["chrt", "--rr", "1"];
const IN_TIME = spawnSync(CHRT[0]!, [...CHRT.slice(1), "true"]).status === 0 ? CHRT : [];

const SCRIPT = fileURLToPath(new URL("./relay.ts", import.meta.url));

export class RelayProcess {
  /** Where clients send to, on 127.0.0.1. */
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(port: number, child: ChildProcess, lines: Interface) {
    this.port = port;
    this.#child = child;
    this.#lines = lines;
  }

  /** Of a perfect path until it is told otherwise. */
  static async start(options: RelayOptions): Promise<RelayProcess> {
    const [command, ...args] = [...IN_TIME, process.execPath, SCRIPT, JSON.stringify(options)] as const;
    const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout! });
    const ended = once(child, "close").then(([code]) => {
      throw new Error(`the relay ended with ${code} before it listened`);
    });
    const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
    // Nobody waits for its end any more.
    ended.catch(() => {});
    return new RelayProcess((JSON.parse(line) as { port: number }).port, child, lines);
  }

  change(way: Way, settings: Partial<LinkSettings>): void {
    this.#tell({ change: way, settings });
  }

  blackout(ms: number): void {
    this.#tell({ blackoutMs: ms });
  }

  async report(): Promise<RelayReport> {
    const answer = once(this.#lines, "line");
    this.#tell({ report: true });
    return JSON.parse((await answer)[0] as string) as RelayReport;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.stdin!.end();
    await exit;
  }

  #tell(command: RelayCommand): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }
}
