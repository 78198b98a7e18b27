/** Settings of the DTLS thread, and messages between main and it beyond the contract: for `spawn-dtls-thread.ts` alone. */
import type { DtlsThreadEvent, SrtpProfile } from "../contract/dtls.ts";
import type { DtlsCertificate } from "./dtls-certificate.ts";

/** `workerData` of a DTLS thread. */
export interface DtlsThreadSettings {
  /** The certificate of the thread that this one replaces; undefined to make one. */
  readonly certificate: DtlsCertificate | undefined;
  readonly srtpProfiles: readonly SrtpProfile[];
}

export type FromDtlsThread =
  | DtlsThreadEvent
  | { readonly kind: "ready"; readonly certificate: DtlsCertificate }
  /** A promise of werift's was rejected and nobody handled it; the association that it belonged to will time out. */
  | { readonly kind: "stray-rejection"; readonly message: string };
