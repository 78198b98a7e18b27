/**
 * Answers a receiver's NACK (RFC 4585 §6.2.1) with RTX packets (RFC 4588), read from the publisher's history.
 *
 * Without a negotiated RTX stream nothing is sent: the same sequence number again would need the same SRTP nonce.
 */
import { SLOT } from "../base/counters.ts";
import type { CoreContext } from "./core-context.ts";
import type { DownTrack } from "./down-track.ts";
import { NO_ROW } from "./packet-history.ts";
import type { SendController } from "./send-controller.ts";
import { UpPacket } from "./up-packet.ts";

/**
 * A receiver repeats a NACK about every round trip; what was resent less than this long ago is still on its way.
 * Longer would let a lost retransmission freeze the picture, shorter would send everything twice.
 */
const RESEND_US = 20_000;

export class Retransmitter {
  readonly #packet = new UpPacket();
  readonly #controller: SendController;
  readonly #context: CoreContext;

  constructor(controller: SendController, context: CoreContext) {
    this.#controller = controller;
    this.#context = context;
  }

  resend(downTrack: DownTrack, seq: number, nowUs: number): void {
    const { rtxPayloadType } = downTrack;
    if (rtxPayloadType === undefined) return;
    const { counters } = this.#context;
    const { stream, reports } = downTrack;
    const row = stream.find(seq);
    if (row === NO_ROW || !downTrack.recall(row, nowUs, this.#packet)) {
      counters[SLOT.nackSeqsNotInHistory]! += 1;
      return;
    }
    if (nowUs - stream.sent.resentUs[row]! < Math.max(RESEND_US, reports.rttUs / 2)) return;
    if (!this.#controller.mayRetransmit(this.#packet.length)) {
      counters[SLOT.nackSeqsOverBudget]! += 1;
      return;
    }
    stream.sent.resentUs[row] = nowUs;
    const bytes = stream.resend(this.#packet, row, rtxPayloadType, seq);
    if (bytes === 0) return;
    this.#controller.onRetransmitted(bytes, nowUs);
    counters[SLOT.downRtxPackets]! += 1;
    reports.retransmitted += 1;
  }
}
