/**
 * Connections without a valid ICE check so far: bounded in number, in total and for each network.
 *
 * An unverified connection keeps its place until it times out, or until it is the oldest and another needs the place.
 * Verified connections have places of their own, which no stranger can take.
 */
import { networkBytes, parseIpAddress } from "../../base/ip-address.ts";

/**
 * Larger: strangers hold more memory, some 5 KB for each connection. Smaller: strangers need to open fewer connections
 * to displace a client before its first check arrives.
 */
const MAX_NEWCOMERS = 1_024;

/**
 * Of one IPv4 address or IPv6 /64. Larger: one host holds more. Smaller: an office behind one address connects slower.
 */
const MAX_OF_NETWORK = 64;

export interface Newcomer {
  readonly network: string;
}

export class Newcomers<T extends Newcomer> {
  readonly #limits: NewcomerLimits;
  /** Oldest first. */
  readonly #all = new Set<T>();
  readonly #ofNetwork = new Map<string, number>();

  constructor(limits: NewcomerLimits = { total: MAX_NEWCOMERS, ofNetwork: MAX_OF_NETWORK }) {
    this.#limits = limits;
  }

  admits(network: string): boolean {
    return (this.#ofNetwork.get(network) ?? 0) < this.#limits.ofNetwork;
  }

  /** The connection to close before another is accepted; undefined while there is room. */
  get surplus(): T | undefined {
    if (this.#all.size < this.#limits.total) return undefined;
    for (const oldest of this.#all) return oldest;
    return undefined;
  }

  add(one: T): void {
    if (this.#all.has(one)) return;
    this.#all.add(one);
    this.#ofNetwork.set(one.network, (this.#ofNetwork.get(one.network) ?? 0) + 1);
  }

  delete(one: T): void {
    if (!this.#all.delete(one)) return;
    const left = this.#ofNetwork.get(one.network)! - 1;
    if (left === 0) this.#ofNetwork.delete(one.network);
    else this.#ofNetwork.set(one.network, left);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all.values();
  }
}

export interface NewcomerLimits {
  readonly total: number;
  readonly ofNetwork: number;
}

const bytes = new Uint8Array(16);

/** The network that an address is in, as a key. */
export function networkOf(address: string): string {
  const network = networkBytes(parseIpAddress(address, bytes));
  return Buffer.from(bytes.buffer, 0, network).toString("hex");
}
