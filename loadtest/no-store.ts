/** Where a server under test finds no database: one that this checkout keeps belongs to whoever has tried something. */
import { tmpdir } from "node:os";
import { join } from "node:path";

export const NO_STORE = { BLINDFOLD_STORE_PATH: join(tmpdir(), `blindfold-none-${process.pid}`) };
