/**
 * One signal connection, whatever carries it: limits of what it receives, how it sends, and when it has to end.
 *
 * A connection has token buckets for messages and bytes; a client that exceeds either is disconnected. So is one that
 * does not read what it is sent, and one that was silent for longer than its pings allow.
 */
import type { SignalRequest } from "@livekit/protocol";
import { TokenBucket } from "../base/token-bucket.ts";
import type { Clock } from "../control/clock.ts";
import { type Encoding, type ResponseFrame, readRequest, UNKNOWN_KIND } from "./frames.ts";

/** What carries the connection. */
export interface Wire {
  send(data: Uint8Array | string): void;
  close(code: number, reason: string): void;
  /** Bytes that are buffered for sending. */
  readonly bufferedBytes: number;
}

/** One PeerConnection (v1), or two. */
export type ProtocolVersion = "v0" | "v1";

/** Counts what goes over connections. */
export interface SignalMeter {
  onOpen(protocol: ProtocolVersion): void;
  onClosed(protocol: ProtocolVersion, reason: LinkEnd | "lost"): void;
  /** `kind`: as the protocol calls it. */
  onReceived(kind: string): void;
  onSent(kind: string): void;
}

/** What happens on one connection. */
export interface LinkListener {
  onRequest(request: SignalRequest): void;
  /** Called once, whichever side ends it. */
  onEnd(reason: LinkEnd | "lost"): void;
}

/** Close codes (RFC 6455 §7.4.1) by the reason that goes with them. */
export const CLOSE_CODES = {
  left: 1000,
  replaced: 1000,
  server_shutdown: 1001,
  malformed_message: 1007,
  rate_exceeded: 1008,
  silent: 1008,
  too_slow: 1008,
  refused: 1008,
  internal_error: 1011,
} as const;
export type LinkEnd = keyof typeof CLOSE_CODES;

/**
 * Messages at once, and in a second for longer. A client in a room of a hundred sends one for each picture when its
 * window changes. Larger: one client makes more work for the main thread. Smaller: large layouts are cut off.
 */
const MESSAGES = { burst: 1_000, perSecond: 100 };

/**
 * Bytes likewise: a description of a large room has up to 640 kB, and comes twice after a resume. Larger: more to
 * parse for one client. Smaller: members of large rooms are cut off.
 */
const BYTES = { burst: 4_194_304, perSecond: 524_288 };

/**
 * How much may be buffered in addition to one message of any length: after a join or a resume a client gets the state
 * of the whole room at once, up to 130 kB for each participant, and cannot have read that before the next message.
 * Larger: a client that does not read holds more memory. Smaller: a burst disconnects a client on a slow network.
 */
const MAX_BUFFERED_BYTES = 4_194_304;

/**
 * Clients ping every `PING_INTERVAL_SECONDS`, and take the connection for dead after `PING_TIMEOUT_SECONDS`. Larger:
 * dead connections are noticed later. Smaller: more messages, and a short outage costs a resume.
 */
export const PING_INTERVAL_SECONDS = 5;
export const PING_TIMEOUT_SECONDS = 15;

/** Two pings may be lost, and the third be late. */
const MAX_SILENCE_MS = 20_000;

export class SignalLink {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #listener: LinkListener;
  readonly #meter: SignalMeter;
  readonly #protocol: ProtocolVersion;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  #encoding: Encoding = "binary";
  /** Size of the longest message that may be buffered. */
  #longestBytes = 0;
  #open = true;
  #cancelSilence: () => void;

  constructor(
    wire: Wire,
    clock: Clock,
    listener: LinkListener,
    meter: SignalMeter,
    protocol: ProtocolVersion,
  ) {
    this.#wire = wire;
    this.#clock = clock;
    this.#listener = listener;
    this.#meter = meter;
    this.#protocol = protocol;
    meter.onOpen(protocol);
    this.#messages = new TokenBucket(MESSAGES, clock.monotonicMs());
    this.#bytes = new TokenBucket(BYTES, clock.monotonicMs());
    this.#cancelSilence = this.#awaitSign();
  }

  send(frame: ResponseFrame): void {
    if (!this.#open) return;
    const { bufferedBytes } = this.#wire;
    if (bufferedBytes <= MAX_BUFFERED_BYTES) this.#longestBytes = 0;
    if (bufferedBytes > MAX_BUFFERED_BYTES + this.#longestBytes) return this.close("too_slow");
    const bytes = frame.bytes(this.#encoding);
    this.#longestBytes = Math.max(this.#longestBytes, Buffer.byteLength(bytes));
    this.#meter.onSent(frame.kind);
    this.#wire.send(bytes);
  }

  /** Throws only because of a bug of ours; the connection has then ended. */
  receive(data: Uint8Array, encoding: Encoding): void {
    if (!this.#open) return;
    const nowMs = this.#clock.monotonicMs();
    if (!this.#messages.take(1, nowMs) || !this.#bytes.take(data.length, nowMs)) {
      return this.close("rate_exceeded");
    }
    const request = readRequest(data, encoding);
    if (request === undefined) return this.close("malformed_message");
    this.#meter.onReceived(request.message.case ?? UNKNOWN_KIND);
    this.#encoding = encoding;
    this.#cancelSilence();
    this.#cancelSilence = this.#awaitSign();
    try {
      this.#listener.onRequest(request);
    } catch (error) {
      this.close("internal_error");
      throw error;
    }
  }

  close(reason: LinkEnd): void {
    if (!this.#open) return;
    this.#wire.close(CLOSE_CODES[reason], reason);
    this.#end(reason);
  }

  /** The other side has closed it, or the network has. */
  onClosed(): void {
    this.#end("lost");
  }

  #end(reason: LinkEnd | "lost"): void {
    if (!this.#open) return;
    this.#open = false;
    this.#cancelSilence();
    this.#meter.onClosed(this.#protocol, reason);
    this.#listener.onEnd(reason);
  }

  #awaitSign(): () => void {
    return this.#clock.after(MAX_SILENCE_MS, () => this.close("silent"));
  }
}
