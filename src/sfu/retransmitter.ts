/**
 * Retransmits lost packets as RTX (RFC 4588), read from the publisher's history.
 *
 *   NACK (RFC 4585 §6.2.1) ──────────────┐
 *   transport-wide feedback: it was lost ─┴─▶ resend ──▶ TransmitRing
 *
 * NACKs alone are not enough where packets are lost both ways: at 10 % one NACK in ten is lost, one retransmission in ten too,
 * and a browser that only receives asks again after 100 ms. Transport-wide feedback reports both losses, in another packet.
 *
 * What was lost in an outage is not sent again: videos begin anew with a key frame.
 *
 * Without a negotiated RTX stream nothing is sent: the same sequence number again would need the same SRTP nonce.
 */
import { SLOT } from "../base/counters.ts";
import { UNKNOWN_PACKET } from "../cc/sent-packet-log.ts";
import type { CoreContext } from "./core-context.ts";
import type { DownTrack } from "./down-track.ts";
import type { SendController } from "./send-controller.ts";
import { NOT_SENT } from "./sent-packets.ts";
import { UpPacket } from "./up-packet.ts";

/**
 * A receiver repeats a NACK about every round trip; a packet that was resent less than this long ago is still on its way.
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

  /** The receiver has sent a NACK for `seq`. */
  onNack(downTrack: DownTrack, seq: number, nowUs: number): void {
    this.#resend(downTrack, downTrack.stream.find(seq), nowUs);
  }

  /** Transport-wide feedback has been read: resends what it reports as lost, whether a NACK comes or not. */
  onFeedback(downTracks: readonly DownTrack[], nowUs: number): void {
    const { estimator } = this.#controller;
    if (estimator === null) return;
    if (estimator.takeReturn()) restart(downTracks);
    for (;;) {
      const lost = this.#controller.nextLost(nowUs);
      if (lost === UNKNOWN_PACKET) return;
      const downTrack = downTrackOf(estimator.ssrc(lost), downTracks);
      // It is gone, or was padding.
      if (downTrack === undefined) continue;
      const { sent } = downTrack.stream;
      const row = sent.find(estimator.streamExtSeq(lost));
      // If it was resent since, the fate of the retransmission decides.
      if (row !== NOT_SENT && sent.transportExtSeq(row) === lost) this.#resend(downTrack, row, nowUs);
    }
  }

  #resend(downTrack: DownTrack, row: number, nowUs: number): void {
    const { rtxPayloadType } = downTrack;
    if (rtxPayloadType === undefined) return;
    const { counters } = this.#context;
    const { stream, reports } = downTrack;
    if (!this.#controller.outlet.open) {
      counters[SLOT.downDropped_no_path]! += 1;
      return;
    }
    // Before it is read back: a receiver may name one number a thousand times.
    if (row !== NOT_SENT && nowUs - stream.sent.resentUs(row) < Math.max(RESEND_US, reports.rttUs / 2))
      return;
    if (row === NOT_SENT || !stream.isUseful(row) || !downTrack.recall(row, nowUs, this.#packet)) {
      counters[SLOT.nackSeqsNotInHistory]! += 1;
      return;
    }
    if (!this.#controller.mayRetransmit(this.#packet.length)) {
      counters[SLOT.nackSeqsOverBudget]! += 1;
      return;
    }
    stream.sent.setResent(row, nowUs);
    const bytes = stream.resend(this.#packet, row, rtxPayloadType);
    if (bytes === 0) return;
    this.#controller.onRetransmitted(bytes);
    counters[SLOT.downRtxPackets]! += 1;
    reports.retransmitted += 1;
  }
}

/** After an outage: to repair all that was lost in it would take longer than a key frame. */
function restart(downTracks: readonly DownTrack[]): void {
  for (const downTrack of downTracks) if (downTrack.isVideo) downTrack.interrupt();
}

/** The down track that sends as `ssrc`. In a plain loop: one message may name two hundred, and a peer receive as many. */
export function downTrackOf(ssrc: number, downTracks: readonly DownTrack[]): DownTrack | undefined {
  for (let i = 0; i < downTracks.length; i++) if (downTracks[i]!.params.ssrc === ssrc) return downTracks[i];
  return undefined;
}
