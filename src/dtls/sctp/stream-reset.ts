/**
 * Closing channels by resetting their streams, one direction at a time (RFC 6525 §5.2, RFC 8831 §6.7).
 *
 * werift carries out a request whatever its number and although data of the stream is still on its way: a repeated
 * request would close the channel that uses the stream next, and late data would block that channel for ever.
 */
import { writeU32 } from "../../base/bytes.ts";
import { tsnAhead } from "./sctp-packet.ts";
import type { ResetParameter, WeriftSctp } from "./werift-sctp.ts";

const RESPONSE = 16;

/** Results of a request (RFC 6525 §4.4). */
const SUCCESS = 1;
const BAD_SEQUENCE = 5;
const IN_PROGRESS = 6;

export class StreamReset {
  readonly #sctp: WeriftSctp;
  readonly #answered: (param: ResetParameter) => Promise<void>;
  readonly #onPeerReset: (streamIds: readonly number[]) => void;

  /** `onPeerReset`: nothing more comes on these streams, all that was sent on them has been delivered. */
  constructor(sctp: WeriftSctp, onPeerReset: (streamIds: readonly number[]) => void) {
    this.#sctp = sctp;
    this.#answered = sctp.receiveReconfigParam.bind(sctp);
    this.#onPeerReset = onPeerReset;
    sctp.receiveReconfigParam = (param) => this.#receive(param);
  }

  /** Resets our direction of a stream. */
  request(streamId: number): void {
    this.#sctp.reconfigQueue.push(streamId);
    void this.#sctp.transmitReconfigRequest();
  }

  async #receive(param: ResetParameter): Promise<void> {
    if (param.type === 13) await this.#onRequest(param);
    else if (param.type === RESPONSE) await this.#onResponse(param);
  }

  async #onRequest(request: Extract<ResetParameter, { type: 13 }>): Promise<void> {
    const sctp = this.#sctp;
    const ahead = tsnAhead(sctp.reconfigResponseSeq, request.requestSequence);
    if (ahead !== 0 && ahead !== 1) return this.#respond(request.requestSequence, BAD_SEQUENCE);
    if (ahead === 1) {
      // The peer asks again, in its time, and by then the data is here.
      if (tsnAhead(sctp.lastReceivedTsn!, request.lastTsn) > 0) return;
      sctp.reconfigResponseSeq = request.requestSequence;
      for (const id of request.streams) delete sctp.inboundStreams[id];
      this.#onPeerReset(request.streams);
    }
    await this.#respond(request.requestSequence, SUCCESS);
  }

  /** werift would repeat a request that was refused until it gives the association up, and set the RTO back. */
  async #onResponse(response: Extract<ResetParameter, { type: 16 }>): Promise<void> {
    const sctp = this.#sctp;
    const { rto, reconfigRequest } = sctp;
    const isRefused = response.result !== SUCCESS && response.result !== IN_PROGRESS;
    if (isRefused && response.responseSequence === reconfigRequest?.requestSequence) {
      sctp.reconfigRequest = undefined;
      sctp.timerReconfigCancel();
      await sctp.transmitReconfigRequest();
      return;
    }
    await this.#answered(response);
    sctp.rto = rto;
  }

  #respond(sequence: number, result: number): Promise<void> {
    const bytes = new Uint8Array(8);
    writeU32(bytes, 0, sequence);
    writeU32(bytes, 4, result);
    return this.#sctp.sendReconfigParam({ type: RESPONSE, bytes });
  }
}
