/** Where a thread's CPU time goes, by V8's sampling profiler: the share of each source file in what was not idle. */
import { type Profiler, Session } from "node:inspector/promises";

/** Often enough for a share of one in a thousand within seconds; more would slow the path that it looks at. */
const SAMPLING_US = 250;

/** Where a thread takes no CPU time: within Node's event loop, and where a socket waits for the rest of a frame. */
const ASLEEP = new Set(["(idle)", "#gather"]);

/** Shares by file, as a path under `src/`, in [0, 1]; `other` is what no file of it called. */
export type CpuShares = Readonly<Record<string, number>>;

export class CpuProfile {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.setSamplingInterval", { interval: SAMPLING_US });
    await this.#session.post("Profiler.start");
  }

  async stop(): Promise<CpuShares> {
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    return sharesOf(profile);
  }
}

/** Built-in and native functions count for the file that called them: so does a system call for the socket. */
function sharesOf({ nodes, samples = [] }: Profiler.Profile): CpuShares {
  const files = new Map<number, string>();
  const fileOf = (node: Profiler.ProfileNode, callers: string): string => {
    const { url, functionName } = node.callFrame;
    if (ASLEEP.has(functionName)) return "idle";
    const at = url.indexOf("/src/");
    return at === -1 ? callers : url.slice(at + "/src/".length);
  };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (node: Profiler.ProfileNode, callers: string): void => {
    const file = fileOf(node, callers);
    files.set(node.id, file);
    for (const id of node.children ?? []) visit(byId.get(id)!, file);
  };
  if (nodes[0] !== undefined) visit(nodes[0], "other");
  const counts = new Map<string, number>();
  for (const id of samples) {
    const file = files.get(id) ?? "other";
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  const busy = samples.length - (counts.get("idle") ?? 0);
  counts.delete("idle");
  return Object.fromEntries([...counts].map(([file, count]) => [file, count / busy]));
}
