/** Ends child processes with this process, also when a signal ends it in the middle of its work. */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";

const children = new Set<ChildProcess>();
/** As shells report it. */
const STATUS_OF_SIGNAL = 128;

/** Kills `child` when this process ends, if it is still running. SIGINT and SIGTERM end this process. */
export function endWithThisProcess(child: ChildProcess): void {
  if (children.size === 0) watch();
  children.add(child);
  child.once("exit", () => children.delete(child));
}

function watch(): void {
  process.off("exit", killAll).on("exit", killAll);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end).on(signal, end);
}

function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

function end(signal: NodeJS.Signals): void {
  process.exit(STATUS_OF_SIGNAL + constants.signals[signal]);
}
