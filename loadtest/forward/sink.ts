/**
 * All subscribers on one socket: counts packets, the subscribers reached, and delays; decrypts a sample, so that
 * garbage is not counted as media.
 */

import { readU32 } from "../../src/base/bytes.ts";
import type { PathId } from "../../src/base/ids.ts";
import { EXTENSION, ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { SrtpReceiver } from "../../src/srtp/srtp-receiver.ts";
import type { DatagramHandler } from "../../src/worker/datagram-socket.ts";
import { EXTENSIONS, keysOf, type Load, subscriberName, subscriberSsrc } from "./load.ts";

/** One in so many packets is decrypted, and one's delay measured: coprime, so that no burst position is favoured. */
const OPENED_EVERY = 997;
const TIMED_EVERY = 7;

const MAX_DELAYS = 1 << 20;

export class Sink implements DatagramHandler {
  /** RTP packets received. */
  packets = 0;
  /** Of the sampled packets, those whose tag did not match. */
  forged = 0;
  opened = 0;
  readonly #receivers: readonly SrtpReceiver[];
  readonly #heard: Uint8Array;
  readonly #header = new RtpHeader();
  readonly #view = new ExtensionView();
  readonly #extensions = new ExtensionMap(EXTENSIONS);
  readonly #delaysUs = new Float64Array(MAX_DELAYS);
  readonly #nowUs: () => number;
  #delays = 0;

  constructor({ fanOut, profile }: Load, ciphers: SrtpCipherFactory, nowUs: () => number) {
    this.#receivers = Array.from(
      { length: fanOut },
      (_, index) => new SrtpReceiver(ciphers.create(profile, keysOf(subscriberName(index), profile).send)),
    );
    this.#heard = new Uint8Array(fanOut);
    this.#nowUs = nowUs;
  }

  /** How many subscribers have received something. */
  get reached(): number {
    return this.#heard.reduce((sum, heard) => sum + heard, 0);
  }

  reset(): void {
    this.packets = 0;
    this.#delays = 0;
  }

  /** This quantile of the measured delays from the publisher, in microseconds; NaN without any. */
  delayUs(quantile: number): number {
    const sorted = this.#delaysUs.slice(0, this.#delays).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN;
  }

  onDatagram(bytes: Uint8Array, length: number, _path: PathId): void {
    const second = bytes[1]!;
    if (bytes[0]! < 128 || (second >= 192 && second <= 223)) return;
    this.packets += 1;
    const index = readU32(bytes, 8) - subscriberSsrc(0);
    if (this.packets % TIMED_EVERY === 0) this.#time(bytes, length);
    if (this.#heard[index] === 0 || this.packets % OPENED_EVERY === 0) this.#open(bytes, length, index);
  }

  onBatchEnd(): void {}

  #time(bytes: Uint8Array, length: number): void {
    if (!parseRtpHeader(bytes, length, this.#header)) return;
    this.#view.parse(bytes, this.#header, this.#extensions);
    const at = this.#view.at[EXTENSION.absCaptureTime]!;
    if (at < 0 || this.#delays === MAX_DELAYS) return;
    const madeUs = readU32(bytes, at) * 2 ** 32 + readU32(bytes, at + 4);
    this.#delaysUs[this.#delays++] = this.#nowUs() - madeUs;
  }

  #open(bytes: Uint8Array, length: number, index: number): void {
    const receiver = this.#receivers[index];
    if (receiver === undefined || !parseRtpHeader(bytes, length, this.#header)) return;
    this.opened += 1;
    if (receiver.openRtp(bytes, this.#header, length) < 0) this.forged += 1;
    else this.#heard[index] = 1;
  }
}
