/**
 * Letters between a media thread and the DTLS thread, over a MessagePort that main hands to both. The letters of one turn
 * are posted together in an array, because each `postMessage` costs its receiver a turn and a system call.
 *
 * The media thread owns the socket: it passes on DTLS datagrams only from addresses that ICE has validated, and sends what
 * comes back. The DTLS thread owns the certificate, handshakes and SCTP; `contract/data.ts` has the letters about SCTP.
 */
import type { DataCounts } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";
import type { DataBatch, DataCommand, DataEvent } from "./data.ts";
import type { Fingerprint } from "./media.ts";

/** SRTP protection profile ids (RFC 5764 §4.1.2, RFC 7714 §14.2). */
export const SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001;
export const SRTP_AEAD_AES_128_GCM = 0x0007;
export type SrtpProfile = typeof SRTP_AES128_CM_HMAC_SHA1_80 | typeof SRTP_AEAD_AES_128_GCM;

export interface SrtpMasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** SRTP keys of one association, named from the server's point of view. */
export interface SrtpKeys {
  readonly profile: SrtpProfile;
  /** Protects what the peer sends. */
  readonly receive: SrtpMasterKey;
  /** Protects what we send. */
  readonly send: SrtpMasterKey;
}

export type ToDtls =
  | {
      readonly kind: "open";
      readonly transportId: TransportId;
      /** From the peer's SDP; its certificate must match one of them. */
      readonly fingerprints: readonly Fingerprint[];
    }
  | { readonly kind: "datagram"; readonly transportId: TransportId; readonly bytes: Uint8Array }
  | { readonly kind: "close"; readonly transportId: TransportId };

export type DtlsFailure =
  | "bad_certificate_verify"
  | "bad_finished"
  | "fingerprint_mismatch"
  /** The client does not support DTLS 1.2. */
  | "unsupported_version"
  /** No common cipher suite, group or signature algorithm. */
  | "no_common_parameters"
  | "no_srtp_profile"
  | "no_extended_master_secret"
  | "alert"
  | "timeout"
  | "too_busy"
  | "protocol_error";

/**
 * Datagrams of one transport that may wait for the DTLS thread; more are dropped, as by a full socket. Larger: a flooding
 * peer takes more memory, and holds up the others for longer. Smaller: what arrives while handshakes are computed is lost,
 * and data channels are slower.
 */
export const MAX_WAITING_DATAGRAMS = 512;

/**
 * The DTLS thread reports this many taken datagrams at a time. Smaller: more letters. Larger: less of the limit is usable.
 */
export const TAKEN_DATAGRAMS = 64;

export type FromDtls =
  | { readonly kind: "datagram"; readonly transportId: TransportId; readonly bytes: Uint8Array }
  /** `datagrams` of the transport have been taken, and do not wait any more. */
  | { readonly kind: "taken"; readonly transportId: TransportId; readonly datagrams: number }
  | { readonly kind: "secure"; readonly transportId: TransportId; readonly keys: SrtpKeys }
  | { readonly kind: "failed"; readonly transportId: TransportId; readonly reason: DtlsFailure }
  /** The peer has sent close_notify. */
  | { readonly kind: "closed"; readonly transportId: TransportId };

/** From the DTLS thread to main, on its `parentPort`. */
export type DtlsThreadEvent =
  | {
      readonly kind: "handshake";
      readonly outcome: "ok" | DtlsFailure;
      readonly seconds: number;
    }
  | ({ readonly kind: "data" } & DataBatch<DataEvent>)
  /** About once a second, for metrics: CPU of the thread in microseconds since its start and event-loop delay. */
  | {
      readonly kind: "load";
      readonly cpuUs: number;
      readonly eventLoopDelayP50Us: number;
      readonly eventLoopDelayP99Us: number;
      readonly eventLoopDelayMaxUs: number;
      readonly associations: number;
      readonly dataAssociations: number;
      /** Counts since the previous `load`. */
      readonly data: DataCounts;
    };

export type DtlsThreadCommand =
  /** A new media thread's port, transferred. */
  | { readonly kind: "connect"; readonly port: MessagePort }
  | ({ readonly kind: "data" } & DataBatch<DataCommand>);
