/**
 * The server's end of one DTLS 1.2 association (RFC 6347), which provides SRTP keys (RFC 5764).
 *
 *            hello with cookie           Finished verified           close_notify
 *    hello ────────────────────▶ handshake ─────────────▶ secure ────────────────────▶ ended
 *      │                             │ any failure            │ fatal alert              ▲
 *      └─────────────────────────────┴────────────────────────┴──────────────────────────┘
 *
 * Epoch 0 is plaintext that anyone may have sent: it is read only before `secure`, and only for handshake messages; its
 * alerts are ignored. Records of epoch 1 are read once each, and only if authentic; Finished is accepted in that epoch only.
 * Application data is passed on when `secure`: before Finished the sender is not authenticated.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { DtlsFailure, SrtpKeys, SrtpProfile } from "../contract/dtls.ts";
import type { Fingerprint } from "../contract/media.ts";
import { alertFor, CLOSE_NOTIFY_ALERT, readAlert } from "./alert.ts";
import { type ClientHello, encodeHelloVerifyRequest, negotiate, parseClientHello } from "./client-hello.ts";
import type { DtlsCertificate } from "./dtls-certificate.ts";
import { FlightSender } from "./flight-sender.ts";
import { CHANGE_CIPHER_SPEC_RECORD, FlightWriter, messageRecords } from "./flight-writer.ts";
import {
  type HandshakeFragment,
  type HandshakeMessage,
  HandshakeReassembler,
  parseFragments,
} from "./handshake-reassembly.ts";
import type { RecordCiphers } from "./record-cipher.ts";
import {
  ALERT,
  APPLICATION_DATA,
  type DtlsRecord,
  HANDSHAKE,
  parseRecords,
  ReplayWindow,
} from "./record-layer.ts";
import { CLIENT_MESSAGES, FINISHED, ServerHandshake } from "./server-handshake.ts";

const HELLO_VERIFY_REQUEST = 3;
const COOKIE_BYTES = 20;

/** `message_seq` of the client's messages that are whole flights of their own. */
const FIRST_HELLO_SEQ = 0;
const SECOND_HELLO_SEQ = 1;
const FINISHED_SEQ = 5;

/** A handshake that loses half of its datagrams still completes within this; no user would wait longer. */
const HANDSHAKE_TIMEOUT_US = 30_000_000;

/**
 * Encrypted records kept until the keys are known. A client sends one; more would only let strangers take memory.
 */
const MAX_EARLY_RECORDS = 4;

/** Our records continue the client's numbers (RFC 6347 §4.2.1), which start at 0: a number beyond this is forged. */
const MAX_HELLO_SEQUENCE = 2 ** 32;

export interface DtlsServerSettings {
  readonly certificate: DtlsCertificate;
  /** The peer's certificate must match one. */
  readonly fingerprints: readonly Fingerprint[];
  /** The first is preferred. */
  readonly srtpProfiles: readonly SrtpProfile[];
  /** Asked before a handshake costs anything. When refused, the client's next retransmission asks again. */
  readonly admit: () => boolean;
}

/** At most one of `failed` and `closed` is called, and it comes last. */
export interface DtlsServerEvents {
  send(datagram: Uint8Array): void;
  secure(keys: SrtpKeys): void;
  /** Application data of one record; only after `secure`. */
  data(payload: Uint8Array): void;
  failed(reason: DtlsFailure): void;
  closed(): void;
}

type Phase =
  | { readonly kind: "hello" }
  | { readonly kind: "handshake"; readonly handshake: ServerHandshake; readonly sender: FlightSender }
  | { readonly kind: "secure"; readonly ciphers: RecordCiphers; readonly sender: FlightSender }
  | { readonly kind: "ended" };

export class VerifiedDtlsServer {
  readonly #settings: DtlsServerSettings;
  readonly #events: DtlsServerEvents;
  /** Proves that the peer receives at its source address. */
  readonly #cookie = randomBytes(COOKIE_BYTES);
  readonly #replay = new ReplayWindow();
  #reassembler = new HandshakeReassembler(FIRST_HELLO_SEQ);
  #early: DtlsRecord[] = [];
  #phase: Phase = { kind: "hello" };
  #nowUs = 0;
  /** Counted from the first datagram. */
  #deadlineUs = Number.POSITIVE_INFINITY;
  #wasRefused = false;

  constructor(settings: DtlsServerSettings, events: DtlsServerEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  /** Keeps views into `datagram`: the caller must not write to it again. */
  receive(nowUs: number, datagram: Uint8Array): void {
    this.#nowUs = nowUs;
    if (this.#deadlineUs === Number.POSITIVE_INFINITY) this.#deadlineUs = nowUs + HANDSHAKE_TIMEOUT_US;
    for (const record of parseRecords(datagram)) {
      if (record.epoch === 0) this.#onPlainRecord(record);
      // If one record of a datagram is forged the others are too, and each would cost as much.
      else if (record.epoch === 1 && !this.#onSealedRecord(record)) return;
    }
  }

  /** Call about every 100 ms during the handshake. */
  tick(nowUs: number): void {
    this.#nowUs = nowUs;
    if (this.#phase.kind !== "hello" && this.#phase.kind !== "handshake") return;
    if (nowUs >= this.#deadlineUs) this.#fail(this.#wasRefused ? "too_busy" : "timeout");
    else if (this.#phase.kind === "handshake") this.#phase.sender.tick(nowUs);
  }

  /** Sends application data in one record of its own; drops it unless secure. */
  send(payload: Uint8Array): void {
    if (this.#phase.kind !== "secure") return;
    this.#phase.sender.sendOnce({ contentType: APPLICATION_DATA, epoch: 1, payload });
  }

  /** Sends close_notify and forgets the keys. No event follows. */
  close(): void {
    if (this.#phase.kind === "secure") {
      this.#phase.sender.sendOnce({ contentType: ALERT, epoch: 1, payload: CLOSE_NOTIFY_ALERT });
    }
    this.#phase = { kind: "ended" };
  }

  /** Ends the association after an exception in our code or werift's. */
  abort(): void {
    this.#fail("protocol_error");
  }

  #onPlainRecord(record: DtlsRecord): void {
    if (this.#phase.kind === "secure" || this.#phase.kind === "ended") return;
    if (record.contentType !== HANDSHAKE) return;
    for (const fragment of parseFragments(record.payload) ?? []) {
      if (isExpected(fragment, 0)) this.#onFragment(fragment, record.sequence);
    }
  }

  /** Returns false when the record is not authentic. */
  #onSealedRecord(record: DtlsRecord): boolean {
    const phase = this.#phase;
    if (phase.kind === "ended") return true;
    const ciphers =
      phase.kind === "handshake"
        ? phase.handshake.ciphers
        : phase.kind === "secure"
          ? phase.ciphers
          : undefined;
    if (ciphers === undefined) {
      if (this.#early.length < MAX_EARLY_RECORDS) this.#early.push(record);
      return true;
    }
    if (!this.#replay.isFresh(record.sequence)) return true;
    const payload = ciphers.client.open(record);
    if (payload === undefined) return false;
    this.#replay.record(record.sequence);
    if (record.contentType === ALERT) this.#onAlert(payload);
    else if (record.contentType === APPLICATION_DATA && phase.kind === "secure") this.#events.data(payload);
    else if (record.contentType === HANDSHAKE) this.#onSealedHandshake(payload, record.sequence);
    return true;
  }

  #onSealedHandshake(payload: Uint8Array, sequence: number): void {
    for (const fragment of parseFragments(payload) ?? []) {
      if (isExpected(fragment, 1)) this.#onFragment(fragment, sequence);
    }
  }

  #onFragment(fragment: HandshakeFragment, sequence: number): void {
    const isLast = fragment.offset + fragment.body.length === fragment.length;
    const outcome = this.#reassembler.add(fragment);
    if (outcome === "repeat" && isLast) this.#onRepeat(fragment.messageSeq, sequence);
    for (;;) {
      const message = this.#reassembler.next();
      if (message === undefined) return;
      if (this.#phase.kind === "hello") this.#onHello(message, sequence);
      else if (this.#phase.kind === "handshake") this.#onMessage(this.#phase.handshake, message);
    }
  }

  /** The peer repeats a message that we have received: our answer was lost. */
  #onRepeat(messageSeq: number, sequence: number): void {
    const phase = this.#phase;
    if (phase.kind === "hello" && messageSeq === FIRST_HELLO_SEQ) this.#sendHelloVerifyRequest(sequence);
    if (phase.kind === "handshake" && messageSeq === SECOND_HELLO_SEQ)
      phase.sender.onPeerRepeats(this.#nowUs);
    if (phase.kind === "secure" && messageSeq === FINISHED_SEQ) phase.sender.onPeerRepeats(this.#nowUs);
  }

  /** A hello without a valid cookie changes no state, so that a forged one does no harm. */
  #onHello(message: HandshakeMessage, sequence: number): void {
    const hello = parseClientHello(message.body);
    if (hello !== undefined && message.messageSeq === FIRST_HELLO_SEQ) {
      this.#sendHelloVerifyRequest(sequence);
      return;
    }
    const proven = hello?.cookie.length === COOKIE_BYTES && timingSafeEqual(hello.cookie, this.#cookie);
    if (hello === undefined || !proven || sequence > MAX_HELLO_SEQUENCE || !this.#admitted()) {
      this.#reassembler = new HandshakeReassembler(message.messageSeq);
      return;
    }
    const sender = new FlightSender(new FlightWriter(sequence), (datagram) => this.#events.send(datagram));
    this.#begin(hello, message, sender);
  }

  #sendHelloVerifyRequest(sequence: number): void {
    const body = encodeHelloVerifyRequest(this.#cookie);
    const request = { type: HELLO_VERIFY_REQUEST, messageSeq: 0, body };
    for (const datagram of new FlightWriter(sequence).write(messageRecords(request, 0))) {
      this.#events.send(datagram);
    }
  }

  #admitted(): boolean {
    this.#wasRefused = !this.#settings.admit();
    return !this.#wasRefused;
  }

  #begin(hello: ClientHello, message: HandshakeMessage, sender: FlightSender): void {
    const agreement = negotiate(hello, this.#settings.srtpProfiles);
    if (typeof agreement === "string") {
      this.#fail(agreement, sender);
      return;
    }
    const { certificate, fingerprints } = this.#settings;
    const handshake = new ServerHandshake(certificate, agreement, fingerprints, {
      finished: (keys, finished) => this.#onFinished(keys, finished),
      failed: (reason) => {
        if (this.#phase.kind === "handshake") this.#fail(reason);
      },
    });
    const flight = handshake.begin(message);
    if (flight === undefined) {
      this.#fail("protocol_error", sender);
      return;
    }
    this.#phase = { kind: "handshake", handshake, sender };
    sender.sendFlight(
      this.#nowUs,
      flight.flatMap((part) => messageRecords(part, 0)),
      true,
    );
  }

  #onMessage(handshake: ServerHandshake, message: HandshakeMessage): void {
    handshake.accept(message);
    if (handshake.ciphers === undefined) return;
    const early = this.#early;
    this.#early = [];
    for (const record of early) this.#onSealedRecord(record);
  }

  /** Keys first: the peer may send media as soon as it has our Finished. */
  #onFinished(keys: SrtpKeys, finished: HandshakeMessage): void {
    if (this.#phase.kind !== "handshake") return;
    const { handshake, sender } = this.#phase;
    const ciphers = handshake.ciphers!;
    this.#phase = { kind: "secure", ciphers, sender };
    this.#events.secure(keys);
    sender.startSealing(ciphers.server);
    sender.sendFlight(this.#nowUs, [CHANGE_CIPHER_SPEC_RECORD, ...messageRecords(finished, 1)], false);
  }

  #onAlert(payload: Uint8Array): void {
    const alert = readAlert(payload);
    if (alert === "ignored") return;
    if (alert === "close_notify" && this.#phase.kind === "secure") {
      this.close();
      this.#events.closed();
    } else {
      this.#fail("alert");
    }
  }

  #fail(
    reason: DtlsFailure,
    sender = this.#phase.kind === "handshake" ? this.#phase.sender : undefined,
  ): void {
    if (this.#phase.kind === "ended") return;
    this.#phase = { kind: "ended" };
    const payload = alertFor(reason);
    if (payload !== undefined) sender?.sendOnce({ contentType: ALERT, epoch: 0, payload });
    this.#events.failed(reason);
  }
}

/** Whether the client may send this message in this epoch: others are forged or late. */
function isExpected(fragment: HandshakeFragment, epoch: 0 | 1): boolean {
  const { type, messageSeq } = fragment;
  return type === CLIENT_MESSAGES[messageSeq] && (type === FINISHED) === (epoch === 1);
}
