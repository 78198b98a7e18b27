/** How main and the DTLS thread begin, and what they say beyond the contract: for `spawn-dtls-thread.ts` alone. */
import type { DtlsThreadEvent } from "../contract/dtls.ts";
import type { DtlsCertificate } from "./dtls-certificate.ts";

/** `workerData` of a DTLS thread. */
export interface DtlsThreadSettings {
  /** Of the thread before; without one it makes its own. */
  readonly certificate: DtlsCertificate | undefined;
}

export type FromDtlsThread =
  | DtlsThreadEvent
  | { readonly kind: "ready"; readonly certificate: DtlsCertificate }
  /** werift rejected a promise that nobody holds; the association it belonged to runs into its timeout. */
  | { readonly kind: "stray-rejection"; readonly message: string };
