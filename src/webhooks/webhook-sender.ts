/**
 * Delivers the queued events of one URL, one at a time and in order.
 *
 *            wake()             2xx, or given up: the next
 *    idle ───────────▶ sending ◀───────────────────────────┐
 *     ▲                 │  │  └────────────────────────────┘
 *     └── nothing waits ┘  │ failed
 *                          ▼
 *                       waiting ── after the pause ──▶ sending
 *
 * An event leaves the queue only after an answer, so a receiver may get it twice, with the same id; but not twice from
 * one process after an answer, even if a full disk keeps the event in the file. An event that its receiver rejects for
 * good, or that is too old after a failure, is given up: it would block all the others.
 */
import type { Logger } from "pino";
import type { Clock } from "../control/clock.ts";
import type { QueuedEvent, WebhookQueue } from "../store/webhook-queue.ts";
import type { WebhookMetrics } from "../telemetry/webhook-metrics.ts";

export interface RetryPolicy {
  readonly firstRetrySeconds: number;
  readonly maxRetrySeconds: number;
  readonly giveUpSeconds: number;
}

/** What came of one attempt; `error`: why there was no answer, without the URL. */
export type Answer = { readonly status: number } | { readonly error: string };

/** Sends one body. Never rejects. */
export type Post = (url: string, body: string) => Promise<Answer>;

export interface SenderDeps {
  readonly queue: WebhookQueue;
  readonly post: Post;
  readonly clock: Clock;
  readonly metrics: WebhookMetrics;
  readonly log: Logger;
}

/** The receiver has read the event and would reject it again (RFC 9110 §15.5.1, .14, .16, .21). */
const REFUSALS = [400, 413, 415, 422];

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "sending"; readonly done: Promise<void> }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "stopped" };

export class WebhookSender {
  readonly #url: string;
  readonly #policy: RetryPolicy;
  readonly #deps: SenderDeps;
  readonly #log: Logger;
  #state: State = { kind: "idle" };
  /** Failures since the last success, of whichever events: the pause grows with them. */
  #failures = 0;
  /** Whether the file still holds removed events. */
  #staysInFile = false;

  constructor(url: string, policy: RetryPolicy, deps: SenderDeps) {
    this.#url = url;
    this.#policy = policy;
    this.#deps = deps;
    // Path and query of a URL may hold the receiver's secret.
    this.#log = deps.log.child({ receiver: new URL(url).origin });
  }

  /** There may be queued events. */
  wake(): void {
    if (this.#state.kind === "idle") this.#start();
  }

  /** Resolves when nothing more can be delivered for now. */
  async settled(): Promise<void> {
    if (this.#state.kind === "sending") await this.#state.done;
  }

  /** Stops at once; an event under way may still be delivered, and will be sent again. */
  stop(): void {
    if (this.#state.kind === "waiting") this.#state.cancel();
    this.#state = { kind: "stopped" };
  }

  get #stopped(): boolean {
    return this.#state.kind === "stopped";
  }

  #start(): void {
    this.#state = { kind: "sending", done: this.#sendAll() };
  }

  async #sendAll(): Promise<void> {
    try {
      while (await this.#sendNext());
    } catch (error) {
      // The store has failed: it may work again after a pause, and calls must not suffer until then.
      this.#log.error({ err: error }, "webhook queue failed");
      this.#failures += 1;
      if (!this.#stopped) this.#wait();
    }
  }

  /** Returns whether to continue with the next event. */
  async #sendNext(): Promise<boolean> {
    // In a later microtask, when the state is `sending`.
    await Promise.resolve();
    if (this.#stopped) return false;
    const event = this.#deps.queue.first(this.#url);
    if (event === undefined) {
      this.#state = { kind: "idle" };
      return false;
    }
    const answer = await this.#deps.post(this.#url, event.body);
    if (this.#stopped) return false;
    if (this.#settle(event, answer)) return true;
    this.#wait();
    return false;
  }

  /** Returns whether the event is done: delivered or given up. */
  #settle(event: QueuedEvent, answer: Answer): boolean {
    const { metrics, clock } = this.#deps;
    const status = "status" in answer ? answer.status : 0;
    if (status >= 200 && status < 300) {
      if (this.#failures > 0) this.#log.info({ failures: this.#failures }, "webhooks are delivered again");
      this.#failures = 0;
      metrics.onAttempt("delivered");
      this.#remove(event);
      return true;
    }
    metrics.onAttempt("failed");
    this.#failures += 1;
    if (this.#failures === 1) this.#log.warn(answer, "webhook not delivered");
    const ageMs = clock.nowMs() - event.createdMs;
    const isRefused = REFUSALS.includes(status);
    if (!isRefused && ageMs < this.#policy.giveUpSeconds * 1000) return false;
    this.#log.warn({ ...answer, ageMs }, "webhook given up");
    metrics.onDeadLetters(isRefused ? "refused" : "too_old");
    this.#remove(event);
    return true;
  }

  /** A full disk blocks nothing, and is logged once. */
  #remove(event: QueuedEvent): void {
    try {
      this.#deps.queue.remove(this.#url, event.id);
      this.#staysInFile = false;
    } catch (error) {
      if (!this.#staysInFile) this.#log.error({ err: error }, "webhook stays in the queue");
      this.#staysInFile = true;
    }
  }

  #wait(): void {
    const { firstRetrySeconds, maxRetrySeconds } = this.#policy;
    const seconds = Math.min(firstRetrySeconds * 2 ** (this.#failures - 1), maxRetrySeconds);
    this.#state = { kind: "waiting", cancel: this.#deps.clock.after(seconds * 1000, () => this.#start()) };
  }
}
