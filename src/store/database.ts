/**
 * The server's SQLite database: one file in the directory of `store.path`, in WAL mode.
 *
 * Writes survive a crash of the process. `synchronous=NORMAL` saves an fsync for each write: after a power failure the
 * last writes may be missing, but the file is consistent.
 */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Step n migrates a database from version n to version n + 1. A released step is never changed. */
const MIGRATIONS = [
  `CREATE TABLE webhooks (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     url TEXT NOT NULL,
     body TEXT NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX webhooks_by_url ON webhooks (url, id);`,
  `CREATE TABLE bans (
     room TEXT NOT NULL,
     identity TEXT NOT NULL,
     since_ms INTEGER NOT NULL,
     until_ms INTEGER,
     PRIMARY KEY (room, identity)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX bans_by_end ON bans (until_ms);`,
  `CREATE TABLE reports (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     at_ms INTEGER NOT NULL,
     room TEXT NOT NULL,
     reporter TEXT NOT NULL,
     body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX reports_by_room ON reports (room, reporter, at_ms);
   CREATE INDEX reports_by_time ON reports (at_ms);`,
  `CREATE TABLE revocations (
     room TEXT NOT NULL,
     identity TEXT NOT NULL,
     before_s REAL NOT NULL,
     until_ms INTEGER NOT NULL,
     PRIMARY KEY (room, identity)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX revocations_by_end ON revocations (until_ms);`,
];

/** The database of a server that may never need one: it is opened at once where there is a file, else when it is needed. */
export class Store {
  readonly #directory: string;
  #database: DatabaseSync | null = null;

  /** Throws as `openDatabase` does. */
  constructor(directory: string) {
    this.#directory = directory;
    if (mayExist(fileIn(directory))) this.#database = openDatabase(directory);
  }

  /** Null while nothing was ever stored. */
  get present(): DatabaseSync | null {
    return this.#database;
  }

  /** Throws as `openDatabase` does. */
  get database(): DatabaseSync {
    this.#database ??= openDatabase(this.#directory);
    return this.#database;
  }

  close(): void {
    this.#database?.close();
  }
}

/** True as well where that can not be told: to go on without the bans that it may hold would let the banned in. */
function mayExist(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

const fileIn = (directory: string): string => join(directory, "blindfold.db");

/** Throws, with a reason for the operator, when the directory cannot be used. */
export function openDatabase(directory: string): DatabaseSync {
  const file = fileIn(directory);
  try {
    makeDirectory(directory);
    // Created here, because SQLite would make it readable for others: events hold names and metadata.
    closeSync(openSync(file, "a", 0o600));
    const database = new DatabaseSync(file);
    try {
      prepare(database);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw new Error(`store.path: ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Node's own `recursive` never returns where no directory can be made, as below /proc. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function prepare(database: DatabaseSync): void {
  // One process at a time: two would both send the queued events.
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  // Deleted rows, which hold names and metadata, are overwritten with zeros.
  database.exec("PRAGMA secure_delete = ON;");
  migrate(database);
  checkWhole(database);
}

/**
 * Finds damage at the start, where the error names the file, rather than at a later read. Not by `quick_check`, which does not
 * compare an index with its table.
 */
function checkWhole(database: DatabaseSync): void {
  const { integrity_check: found } = database.prepare("PRAGMA integrity_check(1)").get() as {
    integrity_check: string;
  };
  if (found !== "ok") throw new Error(`the file is damaged: ${found}`);
}

function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > MIGRATIONS.length) throw new Error(`made by a later release (version ${version})`);
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.exec(`BEGIN; ${MIGRATIONS[next]} PRAGMA user_version = ${next + 1}; COMMIT;`);
  }
}
