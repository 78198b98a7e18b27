/** Queue of events for their receivers, in order for each URL, until they are delivered or given up. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface QueuedEvent {
  readonly id: number;
  readonly body: string;
  readonly createdMs: number;
}

export class WebhookQueue {
  readonly #maxPerUrl: number;
  /** Number of queued events by URL, kept here since no other process writes the file. */
  readonly #counts = new Map<string, number>();
  /** By URL, the last id that was removed; the file may still hold events up to it. */
  readonly #removed = new Map<string, number>();
  readonly #insert: StatementSync;
  readonly #first: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteUrl: StatementSync;

  constructor(database: DatabaseSync, maxPerUrl: number) {
    this.#maxPerUrl = maxPerUrl;
    this.#insert = database.prepare("INSERT INTO webhooks (url, body, created_ms) VALUES (?, ?, ?)");
    this.#first = database.prepare(
      "SELECT id, body, created_ms AS createdMs FROM webhooks WHERE url = ? AND id > ? ORDER BY id LIMIT 1",
    );
    this.#delete = database.prepare("DELETE FROM webhooks WHERE url = ? AND id <= ?");
    this.#deleteUrl = database.prepare("DELETE FROM webhooks WHERE url = ?");
    const rows = database.prepare("SELECT url, count(*) AS events FROM webhooks GROUP BY url").all();
    for (const { url, events } of rows) this.#counts.set(url as string, events as number);
  }

  /** URLs with queued events. */
  get urls(): string[] {
    return [...this.#counts].flatMap(([url, events]) => (events > 0 ? [url] : []));
  }

  get size(): number {
    return [...this.#counts.values()].reduce((sum, events) => sum + events, 0);
  }

  /** False when the queue of this URL is full. */
  add(url: string, body: string, createdMs: number): boolean {
    const events = this.#counts.get(url) ?? 0;
    if (events >= this.#maxPerUrl) return false;
    this.#insert.run(url, body, createdMs);
    this.#counts.set(url, events + 1);
    return true;
  }

  first(url: string): QueuedEvent | undefined {
    return this.#first.get(url, this.#removed.get(url) ?? 0) as QueuedEvent | undefined;
  }

  /**
   * Removes the first event of a URL, by its id. Throws when the file cannot be written: then the event leaves the file
   * with the next removal that succeeds, and is queued again only in a later process.
   */
  remove(url: string, id: number): void {
    if (id > (this.#removed.get(url) ?? 0)) {
      this.#removed.set(url, id);
      this.#counts.set(url, (this.#counts.get(url) ?? 0) - 1);
    }
    this.#delete.run(url, id);
  }

  /** Returns the number of events. */
  removeAll(url: string): number {
    const { changes } = this.#deleteUrl.run(url);
    this.#counts.delete(url);
    return Number(changes);
  }
}
