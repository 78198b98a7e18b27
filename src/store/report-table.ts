/** Who was reported in which room, for what. Columns are what is asked for; the whole of a report is JSON. */
import type { Store } from "./database.ts";

interface StoredReport {
  readonly id: string;
  readonly atMs: number;
  readonly room: string;
  readonly reporter: string;
}

export class ReportTable<Report extends StoredReport> {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  add(report: Report): void {
    const { id, atMs, room, reporter } = report;
    this.#store.database
      .prepare("INSERT INTO reports (id, at_ms, room, reporter, body) VALUES (?, ?, ?, ?, ?)")
      .run(id, atMs, room, reporter, JSON.stringify(report));
  }

  countOf(room: string): number {
    return this.#count("room = ?", room);
  }

  countBy(reporter: string, room: string, sinceMs: number): number {
    return this.#count("room = ? AND reporter = ? AND at_ms > ?", room, reporter, sinceMs);
  }

  page(after: number, limit: number): readonly (Report & { readonly number: number })[] {
    const rows = this.#store.present
      ?.prepare("SELECT number, body FROM reports WHERE number > ? ORDER BY number LIMIT ?")
      .all(after, limit);
    return (rows ?? []).map(({ number, body }) => ({ ...JSON.parse(body as string), number }));
  }

  delete(id: string): boolean {
    return this.#delete("id = ?", id) > 0;
  }

  deleteUntil(timeMs: number): void {
    this.#delete("at_ms <= ?", timeMs);
  }

  #count(condition: string, ...values: (string | number)[]): number {
    const query = this.#store.present?.prepare(`SELECT count(*) AS reports FROM reports WHERE ${condition}`);
    const { reports = 0 } = query?.get(...values) ?? {};
    return Number(reports);
  }

  #delete(condition: string, value: string | number): number {
    const deleted = this.#store.present?.prepare(`DELETE FROM reports WHERE ${condition}`).run(value);
    return Number(deleted?.changes ?? 0);
  }
}
