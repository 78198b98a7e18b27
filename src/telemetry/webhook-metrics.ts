/** Metrics of webhooks. */
import { Counter, Gauge, type Registry } from "prom-client";

/** Why an event was never delivered. `unconfigured`: its URL is no longer in the settings. */
export type DeadLetterReason = "refused" | "too_old" | "queue_full" | "store_failed" | "unconfigured";

const REASONS: readonly DeadLetterReason[] = [
  "refused",
  "too_old",
  "queue_full",
  "store_failed",
  "unconfigured",
];

export class WebhookMetrics {
  readonly #attempts: Counter<"outcome">;
  readonly #deadLetters: Counter<"reason">;
  #queued: () => number = () => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#attempts = new Counter({
      name: "blindfold_webhook_attempts_total",
      help: "Attempts to deliver a webhook, by outcome.",
      labelNames: ["outcome"],
      registers,
    });
    this.#deadLetters = new Counter({
      name: "blindfold_webhook_dead_letters_total",
      help: "Webhooks that were given up, by reason.",
      labelNames: ["reason"],
      registers,
    });
    const queued = (): number => this.#queued();
    new Gauge({
      name: "blindfold_webhook_queue_events",
      help: "Webhooks that wait to be delivered.",
      registers,
      collect() {
        this.set(queued());
      },
    });
    for (const outcome of ["delivered", "failed"]) this.#attempts.inc({ outcome }, 0);
    for (const reason of REASONS) this.#deadLetters.inc({ reason }, 0);
  }

  onAttempt(outcome: "delivered" | "failed"): void {
    this.#attempts.inc({ outcome });
  }

  onDeadLetters(reason: DeadLetterReason, count = 1): void {
    this.#deadLetters.inc({ reason }, count);
  }

  /** Reads the number of queued events at each scrape. */
  exposeQueue(read: () => number): void {
    this.#queued = read;
  }
}
