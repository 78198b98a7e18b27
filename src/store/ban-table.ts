/** Who is banned from which room, until when. */
import type { Store } from "./database.ts";

interface StoredBan {
  readonly room: string;
  readonly identity: string;
  readonly sinceMs: number;
  /** Null for ever. */
  readonly untilMs: number | null;
}

export class BanTable {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those whose time is not over, the earliest first. */
  all(nowMs: number): readonly StoredBan[] {
    const rows = this.#store.present
      ?.prepare(
        `SELECT room, identity, since_ms AS sinceMs, until_ms AS untilMs FROM bans
         WHERE until_ms IS NULL OR until_ms > ? ORDER BY since_ms`,
      )
      .all(nowMs);
    return (rows ?? []) as unknown as StoredBan[];
  }

  /** Replaces one of the same room and identity, and deletes those whose time was over when it began. */
  put({ room, identity, sinceMs, untilMs }: StoredBan): void {
    const { database } = this.#store;
    database
      .prepare("INSERT OR REPLACE INTO bans (room, identity, since_ms, until_ms) VALUES (?, ?, ?, ?)")
      .run(room, identity, sinceMs, untilMs);
    database.prepare("DELETE FROM bans WHERE until_ms <= ?").run(sinceMs);
  }

  delete({ room, identity }: Pick<StoredBan, "room" | "identity">): void {
    this.#store.database.prepare("DELETE FROM bans WHERE room = ? AND identity = ?").run(room, identity);
  }
}
