/**
 * Caps what STUN requests that fail authentication may cost: so many a second from one source, so many to one agent, so
 * many to all agents at which something has failed lately, and so many to all others.
 *
 * Authentic requests are free. Once a source, or everybody who calls an agent or any, has failed too often, requests are
 * refused before their HMAC is computed; ask only for paths that are not validated yet, so that a flood delays newcomers
 * and nobody else. Whoever is in a call knows the names of its own agents, be they a hundred: a flood of these, from however
 * many sources, delays nobody but itself, for other newcomers call agents at which nothing has failed.
 *
 * A bucket is one number: until when its tokens are spent (the virtual scheduling form of a leaky bucket). An agent carries
 * its own. A source's bucket is found by a seeded hash of its network: memory is fixed, an IPv6 host has one bucket for its whole /64, and
 * nobody can look for an address that shares a bucket with a given other.
 */
import { networkBytes, parseIpAddress } from "../base/ip-address.ts";

/** A power of two. Fewer would let strangers share buckets during a flood; each costs 8 bytes. */
const BUCKETS = 4096;

/**
 * A client with stale credentials repeats its checks some 20 times a second and pair. Larger would let one source buy
 * more HMACs, of about 10 µs each; smaller would lock out a network of such clients behind one address.
 */
const SOURCE_FAILURES_PER_SECOND = 50;
const SOURCE_BURST = 100;

/**
 * A client has name and password from one description, so an honest one does not fail. Larger would let fewer agents together
 * use up what all may fail; smaller would make it cheaper to lock out a new path of a peer whose name was overheard.
 */
const AGENT_FAILURES_PER_SECOND = 20;
const AGENT_BURST = 40;

/** From all sources, for each of two kinds of agents: at most about 1 % of the thread. */
const TOTAL_FAILURES_PER_SECOND = 1000;
const TOTAL_BURST = 1000;

/**
 * So long an agent counts among those at which something has failed. Larger: a name that was overheard is suspected for longer.
 * Smaller: fewer names, one failure at each in this time, use up what may fail at all others.
 */
const SUSPECT_US = 10_000_000;

const SECOND_US = 1_000_000;
const SOURCE_COST_US = SECOND_US / SOURCE_FAILURES_PER_SECOND;
const AGENT_COST_US = SECOND_US / AGENT_FAILURES_PER_SECOND;
const TOTAL_COST_US = SECOND_US / TOTAL_FAILURES_PER_SECOND;

const FNV_PRIME = 0x01000193;

/** Whom a request calls. */
export interface CalledAgent {
  /** For the limiter alone: until when what may fail here is spent; negative infinity at first. */
  failuresSpentUntilUs: number;
}

export class RequestLimiter {
  readonly #seed: number;
  readonly #spentUntilUs = new Float64Array(BUCKETS);
  /** Of agents at which nothing has failed lately, and of the others. */
  readonly #totalSpentUntilUs: [number, number] = [0, 0];
  readonly #address = new Uint8Array(16);

  /** `seed`: 32 random bits, unknown to the network. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Whether a request from `address` to `agent` may be authenticated now. */
  allows(nowUs: number, address: string, agent: CalledAgent): boolean {
    return (
      agent.failuresSpentUntilUs - nowUs <= (AGENT_BURST - 1) * AGENT_COST_US &&
      this.#totalSpentUntilUs[kindOf(nowUs, agent)] - nowUs <= (TOTAL_BURST - 1) * TOTAL_COST_US &&
      this.#spentUntilUs[this.#bucket(address)]! - nowUs <= (SOURCE_BURST - 1) * SOURCE_COST_US
    );
  }

  /** A request that was allowed failed authentication. */
  onFailure(nowUs: number, address: string, agent: CalledAgent): void {
    const kind = kindOf(nowUs, agent);
    agent.failuresSpentUntilUs = Math.max(agent.failuresSpentUntilUs, nowUs) + AGENT_COST_US;
    this.#totalSpentUntilUs[kind] = Math.max(this.#totalSpentUntilUs[kind], nowUs) + TOTAL_COST_US;
    const bucket = this.#bucket(address);
    this.#spentUntilUs[bucket] = Math.max(this.#spentUntilUs[bucket]!, nowUs) + SOURCE_COST_US;
  }

  /** FNV-1a from a secret start. */
  #bucket(address: string): number {
    const network = networkBytes(parseIpAddress(address, this.#address));
    let hash = this.#seed;
    for (let i = 0; i < network; i++) hash = Math.imul(hash ^ this.#address[i]!, FNV_PRIME);
    return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
  }
}

/** Which total a request counts to. */
function kindOf(nowUs: number, agent: CalledAgent): 0 | 1 {
  return nowUs - agent.failuresSpentUntilUs < SUSPECT_US ? 1 : 0;
}
