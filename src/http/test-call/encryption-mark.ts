/** The lock on a tile: what is known about the encryption of a participant's media. */
import type { FrameCounts } from "./e2ee-messages.ts";

export type MarkState = "waiting" | "sealed" | "undecryptable" | "foreign" | "open";

export interface Mark {
  readonly state: MarkState;
  readonly text: string;
}

/** As the publisher declared it, and the server reports it. */
export type DeclaredEncryption = "none" | "gcm" | "custom";

const TEXTS: Record<MarkState, string> = {
  waiting: "Waiting for media",
  sealed: "End-to-end encrypted",
  undecryptable: "Cannot decrypt: different passphrase",
  foreign: "Cannot decrypt: sealed by another application",
  open: "NOT end-to-end encrypted",
};

/**
 * Green requires frames that opened with the sender's key, never just what the server says. One unencrypted stream
 * makes the whole red.
 */
export function encryptionMark(
  streams: readonly { readonly declared: DeclaredEncryption; readonly counts: FrameCounts | undefined }[],
): Mark {
  if (streams.length === 0) return { state: "waiting", text: "Sends no media" };
  const state = markState(streams);
  return { state, text: TEXTS[state] };
}

function markState(streams: Parameters<typeof encryptionMark>[0]): MarkState {
  if (streams.some(({ declared }) => declared === "none")) return "open";
  if (streams.some(({ declared }) => declared === "gcm")) return "foreign";
  const counts = streams.flatMap((stream) => stream.counts ?? []);
  if (counts.some(({ good, failed }) => good === 0 && failed > 0)) return "undecryptable";
  return counts.some(({ good }) => good > 0) ? "sealed" : "waiting";
}
