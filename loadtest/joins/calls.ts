/** Short calls, several at a time: one publishes, others watch, all leave, some without closing their sessions. */
import { setTimeout as delay } from "node:timers/promises";
import { type ClientSpec, type ClientTools, LoadClient } from "../client/load-client.ts";

const WATCHERS = 3;
export const JOINS_PER_CALL = 1 + WATCHERS;
/** In one of so many calls a participant loses its network: the server has to detect it by itself. */
const VANISH_EVERY = 8;
const TICK_MS = 4;
const POLL_MS = 10;

const WATCHING = { kind: "subscriber", audios: 1, videos: 1, feedback: true, expects: "video" } as const;

export class Calls {
  /** Participants that joined, received or sent video, and left. */
  joins = 0;
  /** Failures by reason. */
  readonly failures = new Map<string, number>();
  readonly #tools: ClientTools;
  readonly #clients = new Set<LoadClient>();
  readonly #ticking: NodeJS.Timeout;
  #calls = 0;

  constructor(tools: ClientTools) {
    this.#tools = tools;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Runs `count` calls, of which `perSecond` begin each second. Resolves when all have ended. */
  async run(count: number, perSecond: number): Promise<void> {
    const begun: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      begun.push(this.#call(this.#calls++));
      await delay(1_000 / perSecond);
    }
    await Promise.all(begun);
  }

  end(): void {
    clearInterval(this.#ticking);
  }

  async #call(number: number): Promise<void> {
    const join = async (index: number): Promise<LoadClient> => {
      const client = new LoadClient(specOf(number, index), this.#tools);
      this.#clients.add(client);
      await client.join();
      while (client.state === "joining") await delay(POLL_MS);
      return client;
    };
    const publisher = await join(0);
    const watchers = await Promise.all(Array.from({ length: WATCHERS }, (_, i) => join(i + 1)));
    for (const client of [publisher, ...watchers]) await this.#leave(client, number);
  }

  async #leave(client: LoadClient, call: number): Promise<void> {
    const { failure, spec } = client.report();
    if (failure === null) this.joins += 1;
    else this.failures.set(failure.reason, (this.failures.get(failure.reason) ?? 0) + 1);
    this.#clients.delete(client);
    // Each time another participant.
    const vanishes = call % VANISH_EVERY === 0 && spec.index === (call / VANISH_EVERY) % JOINS_PER_CALL;
    if (vanishes) client.vanish();
    else await client.leave();
  }

  #tick(): void {
    const nowUs = this.#tools.clock();
    for (const client of this.#clients) client.tick(nowUs);
  }
}

function specOf(call: number, index: number): ClientSpec {
  return {
    index,
    room: `soak-${call}`,
    identity: `p${index}`,
    role: index === 0 ? { kind: "publisher" } : WATCHING,
    startMs: 0,
  };
}
