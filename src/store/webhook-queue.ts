/** Events that wait for their receivers, in order for each URL, until they are delivered or given up. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface QueuedEvent {
  readonly id: number;
  readonly body: string;
  readonly createdMs: number;
}

export class WebhookQueue {
  readonly #maxPerUrl: number;
  /** Rows by URL: what the file holds, since nobody else writes it. */
  readonly #counts = new Map<string, number>();
  readonly #insert: StatementSync;
  readonly #first: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteUrl: StatementSync;

  constructor(database: DatabaseSync, maxPerUrl: number) {
    this.#maxPerUrl = maxPerUrl;
    this.#insert = database.prepare("INSERT INTO webhooks (url, body, created_ms) VALUES (?, ?, ?)");
    this.#first = database.prepare(
      "SELECT id, body, created_ms AS createdMs FROM webhooks WHERE url = ? ORDER BY id LIMIT 1",
    );
    this.#delete = database.prepare("DELETE FROM webhooks WHERE id = ?");
    this.#deleteUrl = database.prepare("DELETE FROM webhooks WHERE url = ?");
    const rows = database.prepare("SELECT url, count(*) AS events FROM webhooks GROUP BY url").all();
    for (const { url, events } of rows) this.#counts.set(url as string, events as number);
  }

  /** Those for which something waits. */
  get urls(): string[] {
    return [...this.#counts].flatMap(([url, events]) => (events > 0 ? [url] : []));
  }

  get size(): number {
    return [...this.#counts.values()].reduce((sum, events) => sum + events, 0);
  }

  /** False when as many events wait for this URL as may. */
  add(url: string, body: string, createdMs: number): boolean {
    const events = this.#counts.get(url) ?? 0;
    if (events >= this.#maxPerUrl) return false;
    this.#insert.run(url, body, createdMs);
    this.#counts.set(url, events + 1);
    return true;
  }

  first(url: string): QueuedEvent | undefined {
    return this.#first.get(url) as QueuedEvent | undefined;
  }

  /** Counts what was there: nothing, if the event has been removed before. */
  remove(url: string, id: number): void {
    const { changes } = this.#delete.run(id);
    this.#counts.set(url, (this.#counts.get(url) ?? 0) - Number(changes));
  }

  /** Returns how many events that were. */
  removeAll(url: string): number {
    const { changes } = this.#deleteUrl.run(url);
    this.#counts.delete(url);
    return Number(changes);
  }
}
