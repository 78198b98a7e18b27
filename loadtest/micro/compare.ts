/** The cost of a call of some functions, compared with copying a packet: medians of rounds in which they take turns. */

/** As in the packet path, each copy goes into another slot. */
const SLOTS = 64;
const SLOT_BYTES = 2048;
const ROUNDS = 9;

/** Prints a table of CPU time for each call of `bodies`, and in copies of `packet`. `calls`: of each, in each round. */
export function compareWithCopy(
  packet: Uint8Array,
  calls: number,
  bodies: Readonly<Record<string, () => void>>,
): void {
  const all = { copy: copyOf(packet), ...bodies };
  const times = new Map(Object.keys(all).map((name): [string, number[]] => [name, []]));
  for (const body of Object.values(all)) measure(body, calls);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, body] of Object.entries(all)) times.get(name)!.push(measure(body, calls));
  }
  const median = (name: string): number => times.get(name)!.sort((a, b) => a - b)[ROUNDS >> 1]!;
  console.table(
    Object.keys(all).map((body) => ({
      body,
      "ns per packet": Math.round(median(body)),
      "times copy": (median(body) / median("copy")).toFixed(2),
    })),
  );
}

function copyOf(packet: Uint8Array): () => void {
  const slab = new Uint8Array(SLOTS * SLOT_BYTES);
  let slot = 0;
  return () => {
    slot = (slot + 1) % SLOTS;
    slab.set(packet, slot * SLOT_BYTES);
  };
}

/** Nanoseconds a call. */
function measure(body: () => void, calls: number): number {
  const before = process.threadCpuUsage();
  for (let i = 0; i < calls; i++) body();
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / calls;
}
