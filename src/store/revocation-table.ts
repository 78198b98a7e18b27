/** From when on tokens of whom are good for which room. */
import type { Store } from "./database.ts";

interface StoredRevocation {
  readonly room: string;
  readonly identity: string;
  readonly beforeSeconds: number;
  readonly untilMs: number;
}

export class RevocationTable {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those that are not over, the earliest end first. */
  all(nowMs: number): readonly StoredRevocation[] {
    const rows = this.#store.present
      ?.prepare(
        `SELECT room, identity, before_s AS beforeSeconds, until_ms AS untilMs FROM revocations
         WHERE until_ms > ? ORDER BY until_ms`,
      )
      .all(nowMs);
    return (rows ?? []) as unknown as StoredRevocation[];
  }

  /** Replaces one of the same room and identity, and deletes those that are over at `nowMs`. */
  put({ room, identity, beforeSeconds, untilMs }: StoredRevocation, nowMs: number): void {
    const { database } = this.#store;
    database
      .prepare("INSERT OR REPLACE INTO revocations (room, identity, before_s, until_ms) VALUES (?, ?, ?, ?)")
      .run(room, identity, beforeSeconds, untilMs);
    database.prepare("DELETE FROM revocations WHERE until_ms <= ?").run(nowMs);
  }
}
