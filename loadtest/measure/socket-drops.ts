/**
 * Datagrams that the kernel dropped because one of our sockets was full: a generator that is too slow, not a server that
 * loses. Linux tells it socket by socket in /proc/net/udp; elsewhere nobody knows.
 */
import { readFile } from "node:fs/promises";

/** `ports`: local ones. Null where it cannot be known. */
export async function socketDrops(ports: ReadonlySet<number>): Promise<number | null> {
  try {
    const tables = await Promise.all(
      ["/proc/net/udp", "/proc/net/udp6"].map((path) => readFile(path, "utf8")),
    );
    return tables.reduce((sum, table) => sum + dropsIn(table, ports), 0);
  } catch {
    return null;
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
