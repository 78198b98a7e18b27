/**
 * Notifies an application's servers of events in the rooms, as LiveKit's webhooks do.
 *
 *   Rooms ── RoomEvent ──▶ WebhookEvents ── JSON ──▶ WebhookQueue (SQLite) ──▶ WebhookSender, one for each URL
 *
 * Each URL gets all events, each at least once, in the order in which they happened. An event is queued before the
 * request that caused it is answered.
 */
import { randomBytes } from "node:crypto";
import type { WebhookEvent } from "@livekit/protocol";
import type { Logger } from "pino";
import type { Report } from "../control/reports.ts";
import type { Room } from "../control/room.ts";
import type { RoomEvent, RoomEvents } from "../control/room-events.ts";
import { reportedEvent, WebhookEvents } from "../livekit/webhook-event.ts";
import { type RetryPolicy, type SenderDeps, WebhookSender } from "./webhook-sender.ts";

export interface WebhookSettings extends RetryPolicy {
  readonly urls: readonly string[];
}

/** 96 bits, so that ids are unique across processes. */
const EVENT_ID_BYTES = 12;

interface Receiver {
  readonly url: string;
  readonly sender: WebhookSender;
  /** Events dropped since the last that was queued. */
  dropped: number;
  /** Whether the last one could not be stored, which has been logged. */
  isUnstored: boolean;
}

export class Webhooks {
  readonly #deps: SenderDeps;
  readonly #log: Logger;
  readonly #receivers: readonly Receiver[];
  readonly #events = new WebhookEvents();
  readonly #stopListening: () => void;

  /** Starts at once with the events that an earlier process has left. */
  constructor(settings: WebhookSettings, rooms: RoomEvents, deps: SenderDeps) {
    this.#deps = deps;
    this.#log = deps.log;
    this.#receivers = settings.urls.map((url) => ({
      url,
      sender: new WebhookSender(url, settings, deps),
      dropped: 0,
      isUnstored: false,
    }));
    this.#forgetOthers(settings.urls);
    deps.metrics.exposeQueue(() => deps.queue.size);
    this.#stopListening = rooms.on((event) => this.#onRoomEvent(event));
    for (const { sender } of this.#receivers) sender.wake();
  }

  /** Somebody was reported. `room`: undefined if it has ended. */
  onReport(report: Report, room: Room | undefined): void {
    this.#tell(reportedEvent(report, room));
  }

  /** Resolves when all that can be delivered for now is. */
  async settled(): Promise<void> {
    await Promise.all(this.#receivers.map(({ sender }) => sender.settled()));
  }

  stop(): void {
    this.#stopListening();
    for (const { sender } of this.#receivers) sender.stop();
  }

  #onRoomEvent(event: RoomEvent): void {
    const told = this.#events.of(event);
    if (told !== undefined) this.#tell(told);
  }

  #tell(told: WebhookEvent): void {
    const nowMs = this.#deps.clock.nowMs();
    told.id = `EV_${randomBytes(EVENT_ID_BYTES).toString("base64url")}`;
    told.createdAt = BigInt(Math.floor(nowMs / 1000));
    for (const receiver of this.#receivers) this.#enqueue(receiver, told, nowMs);
  }

  #enqueue(receiver: Receiver, event: WebhookEvent, nowMs: number): void {
    const { queue, metrics } = this.#deps;
    event.numDropped = receiver.dropped;
    try {
      if (queue.add(receiver.url, event.toJsonString(), nowMs)) receiver.dropped = 0;
      else {
        receiver.dropped += 1;
        metrics.onDeadLetters("queue_full");
      }
      receiver.isUnstored = false;
    } catch (error) {
      // A full disk must not keep anybody from joining or leaving, and is not to be filled with this line.
      receiver.dropped += 1;
      metrics.onDeadLetters("store_failed");
      if (!receiver.isUnstored) this.#log.error({ err: error }, "webhook not stored");
      receiver.isUnstored = true;
    }
    receiver.sender.wake();
  }

  #forgetOthers(urls: readonly string[]): void {
    for (const url of this.#deps.queue.urls.filter((one) => !urls.includes(one))) this.#forget(url);
  }

  #forget(url: string): void {
    const { queue, metrics } = this.#deps;
    const receiver = new URL(url).origin;
    try {
      const events = queue.removeAll(url);
      metrics.onDeadLetters("unconfigured", events);
      this.#log.warn({ receiver, events }, "webhooks given up: the URL is not configured");
    } catch (error) {
      // A full disk must not keep the server from starting: the next start tries again.
      this.#log.error({ receiver, err: error }, "webhooks of a URL that is not configured stay in the queue");
    }
  }
}
