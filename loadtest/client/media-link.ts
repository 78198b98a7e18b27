/**
 * The client's side of one transport: a UDP socket of its own, ICE checks, the DTLS handshake, and SRTP both ways.
 *
 *   checking ──first answer──▶ handshaking ──keys──▶ secure ──close()──▶ closed
 *      └──────────timeout──────────┴───────silence──────┴──▶ failed
 *
 * A socket for each client, because a server on one UDP port distinguishes its clients by source address.
 */
import { createSecretKey, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { SrtpMasterKey, SrtpProfile } from "../../src/contract/dtls.ts";
import type { IceCredentials } from "../../src/contract/media.ts";
import type { DtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import { parseStunMessage, STUN_TYPE, StunMessage } from "../../src/ice/stun-message.ts";
import { writeBindingSuccess } from "../../src/ice/stun-response.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import type { SrtpCipher, SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { SRTP_REPLAYED, SrtpReceiver } from "../../src/srtp/srtp-receiver.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";
import { type DtlsHandshake, startHandshake } from "./dtls-handshake.ts";
import { bindingRequest } from "./stun-request.ts";

/** Interval of checks until the first answer; browsers send theirs every 50 ms. */
const CHECK_US = 100_000;
/** Interval of checks after it, which renew consent (RFC 7675 has 4 to 6 s). */
const CONSENT_US = 2_500_000;
/** Consent expires (RFC 7675 §5.1). */
const CONSENT_LOST_US = 30_000_000;
/** A server under a rush of joins answers late; after this time a user would have given up. */
const CONNECT_LIMIT_US = 15_000_000;
/** The kernel may give less. A fan-out of key frames comes in bursts; what does not fit counts as loss. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** Record type of a DTLS alert. */
const ALERT = 21;
const MAX_STUN_BYTES = 100;
/** The largest SRTP and SRTCP trailer. */
const TRAILER_BYTES = 20;

export type LinkFailure =
  | "ice_timeout"
  | "dtls_timeout"
  | "dtls_error"
  | "consent_lost"
  | "socket_error"
  | "closed_by_server";

export interface LinkHandlers {
  onSecure(nowUs: number): void;
  /** A decrypted packet in `bytes[0, length)`. */
  onRtp(bytes: Uint8Array, length: number, header: RtpHeader, nowUs: number): void;
  onRtcp(bytes: Uint8Array, length: number, nowUs: number): void;
  onFailed(reason: LinkFailure, detail: string): void;
}

export interface LinkOptions {
  readonly address: string;
  readonly port: number;
  readonly localIce: IceCredentials;
  readonly remoteIce: IceCredentials;
  readonly certificate: DtlsCertificate;
  readonly profiles: readonly SrtpProfile[];
  readonly ciphers: SrtpCipherFactory;
  readonly clock: () => number;
}

type State = "checking" | "handshaking" | "secure" | "closed" | "failed";

/** One message at a time, for all links of the process. */
const stun = new StunMessage();
const header = new RtpHeader();
const onSent = (): void => {};

export class MediaLink {
  /** Local UDP port; 0 until it is bound. */
  port = 0;
  /** When the first check was answered; 0 before. */
  connectedUs = 0;
  /** Datagrams that failed authentication: damaged, or encrypted with other keys. */
  refused = 0;
  /** Datagrams received twice. */
  replayed = 0;
  /** The server's certificate (DER), as soon as there are keys. */
  serverCertificate: Uint8Array | null = null;
  #state: State = "checking";
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #socket: Socket;
  readonly #ciphers: SrtpCipher[] = [];
  readonly #startedUs: number;
  #isOpen = false;
  #nextCheckUs = 0;
  #answeredUs: number;
  #dtls: DtlsHandshake | null = null;
  #sender: SrtpSender | null = null;
  #receiver: SrtpReceiver | null = null;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#startedUs = options.clock();
    this.#answeredUs = this.#startedUs;
    const type = isIPv6(options.address) ? "udp6" : "udp4";
    this.#socket = createSocket({ type, recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
    this.#socket.on("message", (bytes) => this.#receive(bytes, options.clock()));
    this.#socket.on("error", (error) => this.#fail("socket_error", error.message));
    this.#socket.connect(options.port, options.address, () => {
      this.#isOpen = true;
      this.port = this.#socket.address().port;
    });
  }

  get isSecure(): boolean {
    return this.#state === "secure";
  }

  /** Sends due checks, and detects timeouts. */
  tick(nowUs: number): void {
    if (this.#state === "closed" || this.#state === "failed" || !this.#isOpen) return;
    if (nowUs >= this.#nextCheckUs) {
      this.#nextCheckUs = nowUs + (this.#state === "checking" ? CHECK_US : CONSENT_US);
      this.#check();
    }
    const waitedUs = nowUs - this.#startedUs;
    if (this.#state === "checking" && waitedUs > CONNECT_LIMIT_US) this.#fail("ice_timeout", "no answer");
    if (this.#state === "handshaking" && waitedUs > CONNECT_LIMIT_US) this.#fail("dtls_timeout", "no keys");
    if (this.#state === "secure" && nowUs - this.#answeredUs > CONSENT_LOST_US) {
      this.#fail("consent_lost", "checks are not answered");
    }
  }

  /** Encrypts and sends a copy of `packet`; `extSeq` gives the rollover counter. */
  sendRtp(packet: Uint8Array, headerBytes: number, extSeq: number): void {
    if (this.#sender === null || !this.isSecure) return;
    const out = withRoom(packet);
    this.#send(out, this.#sender.sealRtp(out, 0, headerBytes, packet.length, extSeq));
  }

  sendRtcp(packet: Uint8Array): void {
    if (this.#sender === null || !this.isSecure) return;
    const out = withRoom(packet);
    this.#send(out, this.#sender.sealRtcp(out, 0, packet.length));
  }

  /** `silently`: without close_notify, as after losing the network. */
  close(silently = false): void {
    if (this.#state === "closed" || this.#state === "failed") return;
    if (this.#state === "secure" && !silently) this.#dtls?.close();
    this.#state = "closed";
    this.#end();
  }

  #check(): void {
    const { localIce, remoteIce } = this.#options;
    const request = bindingRequest({
      localUfrag: localIce.ufrag,
      remoteUfrag: remoteIce.ufrag,
      remotePwd: remoteIce.pwd,
      transactionId: randomBytes(12),
    });
    this.#send(request, request.length);
  }

  #send(bytes: Uint8Array, length: number): void {
    // Errors appear as events of the socket, or as loss.
    if (this.#isOpen && length > 0) this.#socket.send(bytes, 0, length, onSent);
  }

  /** Demultiplexes by the first byte (RFC 7983 §7). */
  #receive(bytes: Buffer, nowUs: number): void {
    const first = bytes[0] ?? 0xff;
    if (first < 4) this.#receiveStun(bytes, nowUs);
    else if (first >= 20 && first <= 63) this.#receiveDtls(bytes);
    else if (first >= 128 && first <= 191) this.#receiveSrtp(bytes, nowUs);
  }

  #receiveStun(bytes: Buffer, nowUs: number): void {
    if (!parseStunMessage(bytes, bytes.length, stun)) return;
    if (stun.type === STUN_TYPE.bindingRequest) return this.#answerCheck(bytes);
    if (stun.type !== STUN_TYPE.bindingSuccess) return;
    this.#answeredUs = nowUs;
    if (this.#state !== "checking") return;
    this.#state = "handshaking";
    this.connectedUs = nowUs;
    this.#nextCheckUs = nowUs + CONSENT_US;
    const { certificate, profiles, clock } = this.#options;
    this.#dtls = startHandshake(certificate, profiles, {
      send: (datagram) => this.#send(datagram, datagram.length),
      onKeys: ({ profile, send, receive, certificate: serverCertificate }) => {
        if (this.#state !== "handshaking") return;
        this.serverCertificate = serverCertificate;
        this.#sender = new SrtpSender(this.#cipher(profile, send));
        this.#receiver = new SrtpReceiver(this.#cipher(profile, receive));
        this.#state = "secure";
        this.#handlers.onSecure(clock());
      },
      onError: (error) => {
        if (this.#state === "handshaking") this.#fail("dtls_error", error.message);
      },
    });
  }

  /** Answers a check of a server that is a full ICE agent. */
  #answerCheck(request: Buffer): void {
    const { address, port, localIce } = this.#options;
    const key = createSecretKey(localIce.pwd, "utf8");
    const response = Buffer.alloc(MAX_STUN_BYTES);
    this.#send(response, writeBindingSuccess(response, 0, request, address, port, key));
  }

  #receiveDtls(bytes: Buffer): void {
    if (this.#state === "handshaking") this.#dtls?.onDatagram(bytes);
    // After the handshake an alert can only be close_notify; nobody else is on this path to forge one.
    else if (bytes[0] === ALERT) this.#fail("closed_by_server", "DTLS alert");
  }

  #receiveSrtp(bytes: Buffer, nowUs: number): void {
    if (this.#receiver === null || bytes.length < 12) return;
    const second = bytes[1]!;
    // RTCP packet types differ from all our payload types (RFC 5761 §4).
    if (second >= 192 && second <= 223) {
      const length = this.#receiver.openRtcp(bytes, bytes.length);
      if (length < 0) this.#refuse(length);
      else this.#handlers.onRtcp(bytes, length, nowUs);
      return;
    }
    if (!parseRtpHeader(bytes, bytes.length, header)) {
      this.refused += 1;
      return;
    }
    const length = this.#receiver.openRtp(bytes, header, bytes.length);
    if (length < 0) this.#refuse(length);
    else this.#handlers.onRtp(bytes, length, header, nowUs);
  }

  #refuse(code: number): void {
    if (code === SRTP_REPLAYED) this.replayed += 1;
    else this.refused += 1;
  }

  #fail(reason: LinkFailure, detail: string): void {
    if (this.#state === "failed" || this.#state === "closed") return;
    this.#state = "failed";
    this.#end();
    this.#handlers.onFailed(reason, detail);
  }

  #cipher(profile: SrtpProfile, master: SrtpMasterKey): SrtpCipher {
    const cipher = this.#options.ciphers.create(profile, master);
    this.#ciphers.push(cipher);
    return cipher;
  }

  #end(): void {
    this.#isOpen = false;
    this.#socket.close();
    this.#sender = null;
    this.#receiver = null;
    for (const cipher of this.#ciphers.splice(0)) cipher.free();
  }
}

function withRoom(packet: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(packet.length + TRAILER_BYTES);
  out.set(packet);
  return out;
}
