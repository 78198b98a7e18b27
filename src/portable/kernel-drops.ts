/**
 * Datagrams that the kernel dropped because a socket was full: Linux tells it socket by socket in /proc/net/udp, elsewhere
 * nobody knows.
 */
import { readFileSync } from "node:fs";

/** Of the sockets with these local ports; undefined where it can not be known. */
export function kernelDrops(ports: ReadonlySet<number>): number | undefined {
  try {
    const tables = ["/proc/net/udp", "/proc/net/udp6"].map((path) => readFileSync(path, "latin1"));
    return tables.reduce((sum, table) => sum + dropsIn(table, ports), 0);
  } catch {
    return undefined;
  }
}

/** The second column ends in the local port, in hex; the last one counts drops. */
export function dropsIn(table: string, ports: ReadonlySet<number>): number {
  let drops = 0;
  for (const line of table.split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    const port = Number.parseInt(columns[1]?.split(":")[1] ?? "", 16);
    if (ports.has(port)) drops += Number(columns.at(-1));
  }
  return drops;
}
