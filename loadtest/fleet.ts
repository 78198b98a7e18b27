/** The generator processes of one run, seen from the command: starts, commands and ends them, whatever happens. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ClientReport, ClientSpec } from "./client/load-client.ts";
import { addSample, emptySample, type Sample } from "./measure/meter.ts";
import type { FromGenerator, GeneratorReport, Progress, ToGenerator } from "./messages.ts";

const GENERATOR = fileURLToPath(new URL("generator.ts", import.meta.url));
/** Time for the reports, and then for the sessions to end: after that a process is killed. */
const REPORT_LIMIT_MS = 15_000;
const END_LIMIT_MS = 20_000;

interface Member {
  readonly child: ChildProcess;
  readonly clients: readonly ClientSpec[];
  progress: Progress;
  report: GeneratorReport | null;
}

export class Fleet {
  /** By second of the measurement. */
  readonly samples = new Map<number, Sample>();
  readonly #members: readonly Member[];

  constructor(clients: readonly (readonly ClientSpec[])[], join: Omit<JoinMessage, "kind" | "clients">) {
    this.#members = clients.map((own) => this.#start(own, join));
  }

  get progress(): Progress {
    const sum = (of: (progress: Progress) => number): number =>
      this.#members.reduce((total, { progress }) => total + of(progress), 0);
    return { joined: sum(({ joined }) => joined), failed: sum(({ failed }) => failed) };
  }

  /** Reports of the processes that sent one. */
  get reports(): readonly GeneratorReport[] {
    return this.#members.flatMap(({ report }) => report ?? []);
  }

  /** All clients, including those of processes that died. */
  get clients(): ClientReport[] {
    return this.#members.flatMap(({ report, clients }) => report?.clients ?? clients.map(lostWithItsProcess));
  }

  measure(startUs: number): void {
    this.samples.clear();
    this.#tell({ kind: "measure", startUs });
  }

  quiet(): void {
    this.#tell({ kind: "quiet" });
  }

  /** Resolves when every process has ended, in bounded time. */
  async finish(): Promise<void> {
    this.#tell({ kind: "finish" });
    const limit = AbortSignal.timeout(REPORT_LIMIT_MS);
    await Promise.all(
      this.#members.map(async (member) => {
        while (member.report === null && isAlive(member.child) && !limit.aborted) await delay(20);
      }),
    );
    await this.end(END_LIMIT_MS);
  }

  /** Kills processes that do not end by themselves within `limitMs`. */
  async end(limitMs: number): Promise<void> {
    await Promise.all(
      this.#members.map(async ({ child }) => {
        if (!isAlive(child)) return;
        const ended = once(child, "exit");
        const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
        await ended;
        clearTimeout(timer);
      }),
    );
  }

  #start(clients: readonly ClientSpec[], join: Omit<JoinMessage, "kind" | "clients">): Member {
    const child = fork(GENERATOR, {
      serialization: "advanced",
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    const member: Member = { child, clients, progress: { joined: 0, failed: 0 }, report: null };
    child.on("message", (message) => this.#receive(member, message as FromGenerator));
    child.on("exit", () => {
      if (member.report === null) member.progress = { joined: 0, failed: clients.length };
    });
    child.on("error", () => child.kill("SIGKILL"));
    child.send({ kind: "join", clients, ...join } satisfies ToGenerator);
    return member;
  }

  #receive(member: Member, message: FromGenerator): void {
    if (message.kind === "progress") member.progress = message.progress;
    else if (message.kind === "report") member.report = message.report;
    else {
      const sum = this.samples.get(message.second) ?? emptySample();
      addSample(sum, message.sample);
      this.samples.set(message.second, sum);
    }
  }

  #tell(message: ToGenerator): void {
    for (const { child } of this.#members) if (child.connected) child.send(message);
  }
}

type JoinMessage = Extract<ToGenerator, { kind: "join" }>;

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

function lostWithItsProcess(spec: ClientSpec): ClientReport {
  return {
    spec,
    failure: { reason: "generator_died", detail: "its process ended", afterJoin: false },
    join: { answeredMs: null, connectedMs: null, secureMs: null, firstMediaMs: null },
    published: null,
    watched: null,
    refused: 0,
    replayed: 0,
  };
}
