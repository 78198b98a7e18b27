/**
 * Answers a receiver's NACK (RFC 4585 §6.2.1) with RTX packets (RFC 4588), read from the publisher's history.
 *
 * Without a negotiated RTX stream nothing is sent: the same sequence number again would need the same SRTP nonce.
 */
import { SLOT } from "../base/counters.ts";
import type { CoreContext } from "./core-context.ts";
import type { DownTrack } from "./down-track.ts";
import { NO_ROW } from "./packet-history.ts";
import { NO_SOURCE } from "./sent-packets.ts";
import { UpPacket } from "./up-packet.ts";

/**
 * A receiver repeats a NACK about every round trip; what was resent less than this long ago is still on its way.
 * Longer would let a lost retransmission freeze the picture, shorter would send everything twice.
 */
const RESEND_US = 20_000;

export class Retransmitter {
  readonly #packet = new UpPacket();
  readonly #context: CoreContext;

  constructor(context: CoreContext) {
    this.#context = context;
  }

  resend(downTrack: DownTrack, seq: number, nowUs: number): void {
    const rtxPayloadType = downTrack.source?.payload.rtxPayloadType;
    if (rtxPayloadType === undefined || downTrack.params.rtxSsrc === 0) return;
    const { counters } = this.#context;
    const { sent } = downTrack.stream;
    const row = downTrack.stream.find(seq);
    if (row === NO_ROW || !this.#recall(downTrack, row, nowUs)) {
      counters[SLOT.nackSeqsNotInHistory]! += 1;
      return;
    }
    if (nowUs - sent.resentUs[row]! < Math.max(RESEND_US, downTrack.reports.rttUs / 2)) return;
    sent.resentUs[row] = nowUs;
    if (downTrack.stream.resend(this.#packet, row, rtxPayloadType, seq) === 0) return;
    counters[SLOT.downRtxPackets]! += 1;
    downTrack.reports.retransmitted += 1;
  }

  /** Reads the packet that was sent in `row` back from its publisher's history. */
  #recall({ source, stream: { sent } }: DownTrack, row: number, nowUs: number): boolean {
    if (sent.sourceExtSeq[row] === NO_SOURCE) {
      this.#packet.empty(nowUs);
      return true;
    }
    const stream = source!.track.streams[sent.encoding[row]!];
    return stream?.recall(sent.sourceExtSeq[row]!, nowUs, this.#packet) === true;
  }
}
