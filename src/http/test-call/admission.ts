/** How one who comes learns whether a room lets them in, and one who is in it that they are out. */
import { ApiError } from "./server-api.ts";

export interface Waiting {
  /** Told once, when it begins. */
  readonly onWait: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Between two attempts. Larger: who is admitted comes in later, and beyond half a minute the server takes them for gone.
 * Smaller: more requests.
 */
const KNOCK_MS = 3_000;

export const REMOVED = "You have been removed from the call.";

/**
 * Makes an attempt to enter, and further ones for as long as a host has not decided: each of them knocks. Throws what
 * the last one threw, or the reason of the signal.
 */
export async function untilAdmitted<T>(attempt: () => Promise<T>, { onWait, signal }: Waiting): Promise<T> {
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  for (let isWaiting = false; ; ) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const isPassing = error instanceof ApiError && error.isPassing;
      if (!mustWait(error) && !(isWaiting && isPassing)) throw error;
      if (!isWaiting) onWait();
      isWaiting = true;
    }
    await Promise.race([aborted, new Promise((resolve) => setTimeout(resolve, KNOCK_MS))]);
    signal.throwIfAborted();
  }
}

/**
 * The sentence with which an error ends a call; null for one that may pass. `wasIn`: whether the room was open to us a
 * moment ago, which only a removal changes. Otherwise the server was restarted, and hosts decide anew.
 */
export function endBy(error: unknown, wasIn: boolean): string | null {
  if (!(error instanceof ApiError && error.isRefusal)) return null;
  if (error.code === "banned") return "You have been banned from the call.";
  if (wasIn) return REMOVED;
  return mustWait(error) ? null : error.message;
}

function mustWait(error: unknown): boolean {
  return error instanceof ApiError && error.code === "awaiting_admission";
}
