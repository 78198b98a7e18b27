/**
 * Counts requests by network, in windows of time, where @fastify/rate-limit asks for it. Its own store goes by the time of
 * day: when that is set back by an hour, a window lasts for an hour more, and who exceeds it then is refused until its end.
 */
import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from "@fastify/rate-limit";
import type { Clock } from "../control/clock.ts";

/** Larger: more memory. Smaller: strangers with that many addresses make us forget who sent too much. */
const MAX_NETWORKS = 5_000;

interface Window {
  readonly endMs: number;
  requests: number;
}

/** A class to be made by the plugin, and which measures time by `clock`. */
export function requestCounts(clock: Clock): FastifyRateLimitStoreCtor {
  return class RequestCounts implements FastifyRateLimitStore {
    /** By network; the one that was heard last is at the end. */
    readonly #windows = new Map<string, Window>();

    incr(
      network: string,
      callback: (error: null, result: { current: number; ttl: number }) => void,
      windowMs: number,
    ): void {
      const nowMs = clock.monotonicMs();
      let window = this.#windows.get(network);
      if (window === undefined || window.endMs <= nowMs) window = { endMs: nowMs + windowMs, requests: 0 };
      window.requests += 1;
      this.#windows.delete(network);
      this.#windows.set(network, window);
      if (this.#windows.size > MAX_NETWORKS) this.#windows.delete(this.#windows.keys().next().value!);
      callback(null, { current: window.requests, ttl: window.endMs - nowMs });
    }

    /** For routes with limits of their own, of which there are none. */
    child(): FastifyRateLimitStore {
      return new RequestCounts();
    }
  };
}
