/** Goal: what was written is there after the process, for one process at a time, and an operator learns why it is not. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BanTable } from "../../src/store/ban-table.ts";
import { openDatabase, Store } from "../../src/store/database.ts";
import { ReportTable } from "../../src/store/report-table.ts";
import { RevocationTable } from "../../src/store/revocation-table.ts";
import { WebhookQueue } from "../../src/store/webhook-queue.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "store-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a queue is as it was, in order, after it was closed", () => {
  const database = openDatabase(directory);
  const queue = new WebhookQueue(database, 10);
  for (const body of ["a", "b", "c"]) expect(queue.add("http://one/", body, 1)).toBe(true);
  queue.add("http://two/", "z", 2);
  queue.remove("http://one/", queue.first("http://one/")!.id);
  database.close();

  const again = new WebhookQueue(openDatabase(directory), 10);
  expect([again.size, again.urls]).toEqual([3, ["http://one/", "http://two/"]]);
  const bodies: string[] = [];
  for (let next = again.first("http://one/"); next !== undefined; next = again.first("http://one/")) {
    bodies.push(next.body);
    again.remove("http://one/", next.id);
  }
  expect(bodies).toEqual(["b", "c"]);
  expect(again.first("http://two/")).toMatchObject({ body: "z", createdMs: 2 });
  expect([again.removeAll("http://two/"), again.size, again.urls]).toEqual([1, 0, []]);
});

test("of what was removed nothing is on disk after the end: events hold names and metadata", () => {
  const database = openDatabase(directory);
  const queue = new WebhookQueue(database, 1_000);
  const onDisk = (word: string): boolean =>
    readdirSync(directory).some((file) => readFileSync(join(directory, file)).includes(word));
  for (let n = 0; n < 100; n++) queue.add("http://one/", `{"name":"event ${n}"}`.padEnd(2_000), n);
  expect(onDisk("event 7")).toBe(true);
  for (let next = queue.first("http://one/"); next !== undefined; next = queue.first("http://one/")) {
    queue.remove("http://one/", next.id);
  }
  database.close();
  expect(onDisk("event")).toBe(false);
});

test("an event that is removed twice is counted once", () => {
  const queue = new WebhookQueue(openDatabase(directory), 10);
  for (const body of ["a", "b"]) queue.add("http://one/", body, 1);
  const { id } = queue.first("http://one/")!;
  queue.remove("http://one/", id);
  queue.remove("http://one/", id);
  expect([queue.size, queue.urls, queue.first("http://one/")!.body]).toEqual([1, ["http://one/"], "b"]);
});

test("each URL has its own limit, and room again for what has left", () => {
  const queue = new WebhookQueue(openDatabase(directory), 2);
  const add = (url: string) => queue.add(url, "x", 0);
  expect([add("http://one/"), add("http://one/"), add("http://one/"), add("http://two/")]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  queue.remove("http://one/", queue.first("http://one/")!.id);
  expect([add("http://one/"), add("http://one/")]).toEqual([true, false]);
});

test("a directory is made, for its owner alone", () => {
  const inner = join(directory, "a", "b");
  openDatabase(inner).close();
  expect(statSync(inner).mode & 0o777).toBe(0o700);
  expect(statSync(join(inner, "blindfold.db")).mode & 0o777).toBe(0o600);
});

test("a second server on one directory does not start", () => {
  const first = openDatabase(directory);
  expect(() => openDatabase(directory)).toThrow(/^store\.path: .*blindfold\.db: database is locked$/);
  first.close();
  openDatabase(directory).close();
});

test("a directory that is none is named", () => {
  writeFileSync(join(directory, "file"), "");
  expect(() => openDatabase(join(directory, "file"))).toThrow(/^store\.path: .*file\/blindfold\.db: EEXIST/);
});

test("a file that is no database, or one of a later release, is left alone", () => {
  const file = join(directory, "blindfold.db");
  writeFileSync(file, "something else, and long enough to be looked at as a header by whoever opens it");
  expect(() => openDatabase(directory)).toThrow(/file is not a database/);
  rmSync(file);
  openDatabase(directory).close();
  const later = new DatabaseSync(file);
  later.exec("PRAGMA user_version = 99");
  later.close();
  expect(() => openDatabase(directory)).toThrow(/made by a later release \(version 99\)/);
});

test("a file that a broken disk has damaged is named", () => {
  const database = openDatabase(directory);
  const queue = new WebhookQueue(database, 100);
  for (let i = 0; i < 100; i++) queue.add("http://one/", "x".repeat(1_000), i);
  database.close();
  const file = join(directory, "blindfold.db");
  const whole = readFileSync(file);
  const pageBytes = 4_096;
  for (let at = 0; at < whole.length; at += pageBytes) {
    // Of the first page, what lies behind the header.
    writeFileSync(file, Buffer.from(whole).fill(0xab, Math.max(at, 200), at + pageBytes));
    expect(() => openDatabase(directory), `page at ${at}`).toThrow(/^store\.path: .*blindfold\.db: /);
  }
  writeFileSync(file, whole);
  openDatabase(directory).close();
});

test("so is one whose index names an event twice: it would be sent again and again", () => {
  const database = openDatabase(directory);
  const queue = new WebhookQueue(database, 100);
  for (let i = 0; i < 3; i++) queue.add("http://one/", "x", i);
  database.close();
  const file = join(directory, "blindfold.db");
  const damaged = readFileSync(file);
  // A cell of the index is the URL, then the id, here in one byte.
  const entry = damaged.indexOf("http://one/\x02");
  damaged[entry + "http://one/".length] = 3;
  writeFileSync(file, damaged);
  expect(() => openDatabase(directory)).toThrow(/blindfold\.db: the file is damaged: .*index/s);
});

test("nothing is opened or made before something is stored, and what is there is opened at once", () => {
  const store = new Store(join(directory, "inner"));
  const bans = new BanTable(store);
  expect([bans.all(0), readdirSync(directory)]).toEqual([[], []]);
  bans.put({ room: "hall", identity: "ada", sinceMs: 1, untilMs: null });
  expect(() => new Store(join(directory, "inner"))).toThrow(/database is locked$/);
  store.close();
  const again = new Store(join(directory, "inner"));
  expect(new BanTable(again).all(5)).toEqual([{ room: "hall", identity: "ada", sinceMs: 1, untilMs: null }]);
  again.close();
});

test("a file that can not be looked at is not taken for one that is missing", () => {
  symlinkSync("blindfold.db", join(directory, "blindfold.db"));
  expect(() => new Store(directory)).toThrow(/^store\.path: .*blindfold\.db: ELOOP/);
});

test("bans that are over are neither read nor kept", () => {
  const store = new Store(directory);
  const bans = new BanTable(store);
  bans.put({ room: "hall", identity: "bo", sinceMs: 2, untilMs: 10 });
  bans.put({ room: "hall", identity: "ada", sinceMs: 1, untilMs: 20 });
  bans.put({ room: "attic", identity: "ada", sinceMs: 3, untilMs: null });
  expect(bans.all(9).map(({ room, identity }) => `${room} ${identity}`)).toEqual([
    "hall ada",
    "hall bo",
    "attic ada",
  ]);
  expect(bans.all(10)).toHaveLength(2);
  bans.put({ room: "hall", identity: "ada", sinceMs: 10, untilMs: 30 });
  expect(bans.all(0)).toEqual([
    { room: "attic", identity: "ada", sinceMs: 3, untilMs: null },
    { room: "hall", identity: "ada", sinceMs: 10, untilMs: 30 },
  ]);
  bans.delete({ room: "attic", identity: "ada" });
  expect(bans.all(0)).toHaveLength(1);
  store.close();
});

test("reports are numbered in their order, read back as they were, and leave no trace", () => {
  const store = new Store(directory);
  const reports = new ReportTable(store);
  const report = (n: number, reporter: string, room: string) => ({
    id: `RP_${n}`,
    atMs: n,
    room,
    reporter,
    comment: `words ${n} \u0000 …`,
    tracks: [{ kind: "audio" }],
  });
  // Nothing is made by those who only look.
  expect([reports.page(0, 9), reports.countOf("hall"), reports.countBy("bo", "hall", 0)]).toEqual([[], 0, 0]);
  expect([reports.delete("RP_1"), readdirSync(directory)]).toEqual([false, []]);
  reports.deleteUntil(9);

  const made = [
    report(1, "bo", "hall"),
    report(2, "cy", "hall"),
    report(3, "bo", "attic"),
    report(4, "bo", "hall"),
  ];
  for (const one of made) reports.add(one);
  expect(() => reports.add(made[0]!)).toThrow(/UNIQUE/);
  expect([
    reports.countOf("hall"),
    reports.countBy("bo", "hall", 0),
    reports.countBy("bo", "hall", 1),
  ]).toEqual([3, 2, 1]);
  const [first, second] = reports.page(0, 2);
  expect([first, second]).toEqual([
    { ...made[0]!, number: first!.number },
    { ...made[1]!, number: second!.number },
  ]);
  const after = (): string[] => reports.page(second!.number, 9).map(({ id }) => id);
  expect(after()).toEqual(["RP_3", "RP_4"]);
  expect([reports.delete("RP_2"), reports.delete("RP_2")]).toEqual([true, false]);
  expect(after()).toEqual(["RP_3", "RP_4"]);
  reports.deleteUntil(3);
  const [last] = reports.page(0, 9);
  expect([last!.id, reports.page(0, 9).length]).toEqual(["RP_4", 1]);
  reports.delete("RP_4");
  store.close();
  const onDisk = readdirSync(directory).map((file) => readFileSync(join(directory, file), "latin1"));
  expect(onDisk.join()).not.toContain("words");

  // Numbers are not given twice: whoever has read on from one would miss a report.
  const again = new Store(directory);
  const later = new ReportTable(again);
  later.add(report(5, "bo", "hall"));
  expect(later.page(last!.number, 9)).toHaveLength(1);
  again.close();
});

test("a database of the first release is taken over", () => {
  const old = new DatabaseSync(join(directory, "blindfold.db"));
  old.exec(
    `CREATE TABLE webhooks (
       id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX webhooks_by_url ON webhooks (url, id);
     INSERT INTO webhooks (url, body, created_ms) VALUES ('http://one/', 'a', 1);
     PRAGMA user_version = 1;`,
  );
  old.close();
  const store = new Store(directory);
  new BanTable(store).put({ room: "hall", identity: "ada", sinceMs: 1, untilMs: null });
  expect(new WebhookQueue(store.database, 10).first("http://one/")).toMatchObject({ body: "a" });
  store.close();
});

test("revocations that are over are neither read nor kept, and the next process reads the others", () => {
  const store = new Store(directory);
  const revocations = new RevocationTable(store);
  const of = (identity: string, untilMs: number) => ({ room: "hall", identity, beforeSeconds: 1.5, untilMs });
  revocations.put(of("ada", 20), 1);
  revocations.put(of("bo", 10), 1);
  expect(revocations.all(9)).toEqual([of("bo", 10), of("ada", 20)]);
  expect(revocations.all(10)).toEqual([of("ada", 20)]);
  revocations.put(of("ada", 30), 10);
  store.close();
  const again = new Store(directory);
  expect(new RevocationTable(again).all(0)).toEqual([of("ada", 30)]);
  again.close();
});
