/** One generator process: drives its clients by one clock and reports once a second. Started by `fork` only. */
import { createDtlsCertificate } from "../src/dtls/dtls-certificate.ts";
import { kernelDrops } from "../src/portable/kernel-drops.ts";
import { chooseTier } from "../src/worker/choose-tier.ts";
import { loadTier } from "../src/worker/tiers.ts";
import { LoadClient } from "./client/load-client.ts";
import { monotonicUs } from "./client/monotonic-clock.ts";
import { Signalling } from "./client/signalling.ts";
import { DelayHistogram } from "./measure/delay-histogram.ts";
import { Meter } from "./measure/meter.ts";
import type { FromGenerator, GeneratorReport, ToGenerator } from "./messages.ts";

/** Larger: pictures are sent later than they are due. Smaller: polling takes more of the process. */
const TICK_MS = 4;
const PROGRESS_INTERVAL_US = 200_000;
const SECOND_US = 1_000_000;

class Generator {
  readonly #meter = new Meter();
  readonly #lateness = new DelayHistogram();
  #clients: readonly LoadClient[] = [];
  #startUs = 0;
  #second = 0;
  #cpuAtStart = process.cpuUsage();
  #tickedUs = 0;
  #progressUs = 0;

  async join(message: Extract<ToGenerator, { kind: "join" }>): Promise<void> {
    const { url, credentials, settings } = message;
    const signalling = new Signalling(url, credentials);
    const certificate = await createDtlsCertificate();
    // As the server chooses: the fastest ciphers here leave most of the machine to the server under test.
    const { ciphers } = await loadTier((await chooseTier("auto")).tier);
    const tools = { settings, signalling, certificate, ciphers, meter: this.#meter, clock: monotonicUs };
    this.#clients = message.clients.map((spec) => new LoadClient(spec, tools));
    for (const client of this.#clients) setTimeout(() => void client.join(), client.spec.startMs);
    this.#tickedUs = monotonicUs();
    setInterval(() => this.#tick(monotonicUs()), TICK_MS);
  }

  measure(startUs: number): void {
    this.#meter.drain();
    this.#lateness.buckets.fill(0);
    this.#cpuAtStart = process.cpuUsage();
    this.#startUs = startUs;
    this.#second = 0;
  }

  quiet(): void {
    for (const client of this.#clients) client.quiet();
  }

  async finish(): Promise<void> {
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    const report: GeneratorReport = {
      clients: this.#clients.map((client) => client.report()),
      cpuCores: (user + system) / Math.max(1, monotonicUs() - this.#startUs),
      latenessBuckets: this.#lateness.buckets,
      socketDrops: kernelDrops(new Set(this.#clients.map(({ port }) => port))) ?? null,
    };
    send({ kind: "report", report });
    await Promise.all(this.#clients.map((client) => client.leave()));
    process.disconnect?.();
    process.exit(0);
  }

  #tick(nowUs: number): void {
    this.#lateness.add(Math.max(0, nowUs - this.#tickedUs - TICK_MS * 1000));
    this.#tickedUs = nowUs;
    for (const client of this.#clients) client.tick(nowUs);
    if (nowUs - this.#progressUs >= PROGRESS_INTERVAL_US) {
      this.#progressUs = nowUs;
      const count = (state: string): number =>
        this.#clients.filter((client) => client.state === state).length;
      send({ kind: "progress", progress: { joined: count("joined"), failed: count("failed") } });
    }
    const second = this.#startUs === 0 ? 0 : Math.floor((nowUs - this.#startUs) / SECOND_US);
    if (second <= this.#second) return;
    send({ kind: "second", second: this.#second, sample: this.#meter.drain() });
    this.#second = second;
  }
}

function send(message: FromGenerator): void {
  process.send?.(message);
}

const generator = new Generator();

process.on("message", (message: ToGenerator) => {
  switch (message.kind) {
    case "join":
      return void generator.join(message);
    case "measure":
      return generator.measure(message.startUs);
    case "quiet":
      return generator.quiet();
    case "finish":
      return void generator.finish();
    default:
      return message satisfies never;
  }
});

// The parent has died: nothing else would end this process.
process.on("disconnect", () => process.exit(1));
// The terminal interrupts the whole process group; the parent decides how the run ends.
process.on("SIGINT", () => {});
