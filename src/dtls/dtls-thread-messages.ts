/** What the DTLS thread tells main beyond the contract: for the handle in `spawn-dtls-thread.ts` alone. */
import type { DtlsThreadEvent } from "../contract/dtls.ts";

export type FromDtlsThread =
  | DtlsThreadEvent
  /** werift rejected a promise that nobody holds; the association it belonged to runs into its timeout. */
  | { readonly kind: "stray-rejection"; readonly message: string };
