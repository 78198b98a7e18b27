/**
 * The server's side of one handshake, from the ClientHello with a valid cookie on (RFC 5246 §7.3):
 *
 *   client                                  server
 *   ClientHello            ───────────▶
 *                          ◀───────────     ServerHello, Certificate, ServerKeyExchange,
 *                                           CertificateRequest, ServerHelloDone
 *   Certificate            ───────────▶     is it the signalled one?
 *   ClientKeyExchange                       keys
 *   CertificateVerify                       does the client hold the certificate's key?
 *   Finished (encrypted)                    did both see the same handshake?
 *                          ◀───────────     Finished (encrypted)
 *
 * werift computes; this class decides. Nothing is delivered to werift before it has been checked here.
 */
import { timingSafeEqual } from "node:crypto";
import {
  type DtlsFailure,
  SRTP_AEAD_AES_128_GCM,
  type SrtpKeys,
  type SrtpMasterKey,
  type SrtpProfile,
} from "../contract/dtls.ts";
import type { Fingerprint } from "../contract/media.ts";
import { firstCertificate, matchesFingerprint, verifiesTranscript } from "./client-certificate.ts";
import { type Agreement, RANDOM_BYTES } from "./client-hello.ts";
import type { DtlsCertificate } from "./dtls-certificate.ts";
import { encodeMessage, type HandshakeMessage, parseFragments } from "./handshake-reassembly.ts";
import { clientVerifyData, extendedMasterSecret, sha256, VERIFY_DATA_BYTES } from "./prf.ts";
import { deriveRecordCiphers, type RecordCiphers } from "./record-cipher.ts";
import type { DtlsRecord } from "./record-layer.ts";
import { WeriftServer } from "./werift-server.ts";

const CLIENT_HELLO = 1;
const CERTIFICATE = 11;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;
export const FINISHED = 20;

/** Types of the client's messages, by `message_seq`. None is optional, and no other follows. */
export const CLIENT_MESSAGES: readonly number[] = [
  CLIENT_HELLO,
  CLIENT_HELLO,
  CERTIFICATE,
  CLIENT_KEY_EXCHANGE,
  CERTIFICATE_VERIFY,
  FINISHED,
];

/** ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone. */
const SERVER_FLIGHT = "2,11,12,13,14";

/** Public key in a ClientKeyExchange: X25519, or an uncompressed point on P-256 (RFC 8422 §5.4). */
const PUBLIC_KEY_BYTES = { 29: 32, 23: 65 } as const;

const SRTP_KEY_BYTES = 16;
const SERVER_RANDOM_AT = 2;

export interface HandshakeEvents {
  /** The client's Finished is valid. `finished`: our own, to be sent encrypted. */
  finished(keys: SrtpKeys, finished: HandshakeMessage): void;
  failed(reason: DtlsFailure): void;
}

export class ServerHandshake {
  readonly #werift: WeriftServer;
  readonly #agreement: Agreement;
  readonly #fingerprints: readonly Fingerprint[];
  readonly #events: HandshakeEvents;
  readonly #transcript: Uint8Array[] = [];
  #certificate: Uint8Array = new Uint8Array(0);
  #serverRandom: Uint8Array = new Uint8Array(0);
  #ciphers: RecordCiphers | undefined;

  constructor(
    certificate: DtlsCertificate,
    agreement: Agreement,
    fingerprints: readonly Fingerprint[],
    events: HandshakeEvents,
  ) {
    this.#agreement = agreement;
    this.#fingerprints = fingerprints;
    this.#events = events;
    this.#werift = new WeriftServer(
      certificate,
      agreement.profile,
      (record) => this.#onServerFinished(record),
      () => events.failed("protocol_error"),
    );
  }

  /** Ciphers of epoch 1, once the keys are known; the client is not authenticated at that point. */
  get ciphers(): RecordCiphers | undefined {
    return this.#ciphers;
  }

  /** Our flight in response to the hello; undefined when werift could not make it. */
  begin(hello: HandshakeMessage): readonly HandshakeMessage[] | undefined {
    const flight = this.#werift.answerHello(this.#agreement, hello);
    if (flight.map((message) => message.type).join() !== SERVER_FLIGHT) return undefined;
    this.#transcript.push(encodeMessage(hello), ...flight.map(encodeMessage));
    this.#serverRandom = flight[0]!.body.subarray(SERVER_RANDOM_AT, SERVER_RANDOM_AT + RANDOM_BYTES);
    return flight;
  }

  /**
   * Takes the client's next message; they must come in the order of CLIENT_MESSAGES, from Certificate on. Calls `failed` at
   * once, `finished` some microtasks after the client's Finished.
   */
  accept(message: HandshakeMessage): void {
    const failure = this.#check(message);
    if (failure !== undefined) {
      this.#events.failed(failure);
      return;
    }
    this.#transcript.push(encodeMessage(message));
    this.#werift.deliver(message);
    if (message.type === CLIENT_KEY_EXCHANGE) this.#deriveKeys();
  }

  #check(message: HandshakeMessage): DtlsFailure | undefined {
    switch (message.type) {
      case CERTIFICATE: {
        const certificate = firstCertificate(message.body);
        if (certificate === undefined || !matchesFingerprint(certificate, this.#fingerprints)) {
          return "fingerprint_mismatch";
        }
        this.#certificate = certificate;
        return undefined;
      }
      case CLIENT_KEY_EXCHANGE: {
        const keyBytes = PUBLIC_KEY_BYTES[this.#agreement.group];
        const fits = message.body[0] === keyBytes && message.body.length === 1 + keyBytes;
        return fits ? undefined : "protocol_error";
      }
      case CERTIFICATE_VERIFY: {
        const transcript = Buffer.concat(this.#transcript);
        const verified = verifiesTranscript(this.#certificate, message.body, transcript);
        return verified ? undefined : "bad_certificate_verify";
      }
      default:
        return this.#isRightFinished(message.body) ? undefined : "bad_finished";
    }
  }

  #isRightFinished(verifyData: Uint8Array): boolean {
    const masterSecret = this.#werift.masterSecret;
    if (masterSecret === undefined || verifyData.length !== VERIFY_DATA_BYTES) return false;
    return timingSafeEqual(clientVerifyData(masterSecret, sha256(this.#transcript)), verifyData);
  }

  #deriveKeys(): void {
    const masterSecret = this.#werift.masterSecret;
    if (masterSecret === undefined || this.#isKnownToAll(masterSecret)) {
      this.#events.failed("protocol_error");
      return;
    }
    this.#ciphers = deriveRecordCiphers(masterSecret, this.#agreement.random, this.#serverRandom);
  }

  /** A public key of small order makes the shared secret zero; both ends must refuse it (RFC 8422 §5.11). */
  #isKnownToAll(masterSecret: Uint8Array): boolean {
    const ofZero = extendedMasterSecret(new Uint8Array(32), sha256(this.#transcript));
    return ofZero.equals(masterSecret);
  }

  #onServerFinished(record: DtlsRecord): void {
    const plaintext = this.#ciphers?.server.open(record);
    const finished = plaintext && parseFragments(plaintext)?.[0];
    if (finished?.type !== FINISHED) {
      this.#events.failed("protocol_error");
      return;
    }
    this.#events.finished(exportSrtpKeys(this.#werift, this.#agreement.profile), finished);
  }
}

/** Client key, server key, client salt, server salt (RFC 5764 §4.2). Salts: RFC 5764 §4.1.2, RFC 7714 §12. */
function exportSrtpKeys(werift: WeriftServer, profile: SrtpProfile): SrtpKeys {
  const saltBytes = profile === SRTP_AEAD_AES_128_GCM ? 12 : 14;
  const material = werift.exportKeyingMaterial("EXTRACTOR-dtls_srtp", 2 * (SRTP_KEY_BYTES + saltBytes));
  const master = (index: 0 | 1): SrtpMasterKey => {
    const keyAt = index * SRTP_KEY_BYTES;
    const saltAt = 2 * SRTP_KEY_BYTES + index * saltBytes;
    return {
      key: material.slice(keyAt, keyAt + SRTP_KEY_BYTES),
      salt: material.slice(saltAt, saltAt + saltBytes),
    };
  };
  return { profile, receive: master(0), send: master(1) };
}
