/**
 * Closing channels by resetting their streams, one direction at a time (RFC 6525 §5, RFC 8831 §6.7).
 *
 * werift performs a request regardless of its number, and while data of the stream is still in flight: a repeated request
 * would close the next channel on the stream, and late data would block that channel for ever. And it requests a reset at
 * once and goes on numbering meanwhile, so that a channel that the peer reopens on the stream is dead.
 *
 *                 request()              all before is acknowledged            performed: from zero
 *   (none) ──────────────────▶ waiting ──────────────────────────▶ asked ─────────────────────────▶ (none)
 *                              nothing may be sent on the stream            or refused: numbers go on
 */
import { writeU16, writeU32 } from "../../base/bytes.ts";
import { backOff } from "./sctp-corrections.ts";
import { RESET_REQUEST, RESET_RESPONSE, tsnAhead, tsnPlus } from "./sctp-packet.ts";
import { ESTABLISHED, type ResetParameter, type WeriftSctp } from "./werift-sctp.ts";

/** Results of a request (RFC 6525 §4.4). */
const NOTHING_TO_DO = 0;
const PERFORMED = 1;
const BAD_SEQUENCE = 5;
const IN_PROGRESS = 6;

/**
 * Streams in one request: as many channels as Chromium can have, whose streams end at 1,023; one packet holds them. Larger:
 * more state for a peer that opens channels which are refused. Smaller: a peer that opens too many is not answered for each.
 */
export const MAX_RESETS = 512;

const REQUEST_HEADER_BYTES = 12;

export interface StreamResetEvents {
  /** The peer has reset these streams, and all that was sent on them has been delivered. */
  peerReset(streamIds: readonly number[]): void;
  /** Streams may be sent on again. */
  answered(): void;
}

export class StreamReset {
  readonly #sctp: WeriftSctp;
  readonly #events: StreamResetEvents;
  /** By stream id: the last TSN that its data may have; in ascending order. */
  readonly #waiting = new Map<number, number>();
  #asked: readonly number[] = [];

  constructor(sctp: WeriftSctp, events: StreamResetEvents) {
    this.#sctp = sctp;
    this.#events = events;
    sctp.receiveReconfigParam = (param) => this.#receive(param);
    sctp.timerReconfigHandleExpired = () => this.#askAgain();
  }

  /** Resets our direction of a stream. */
  request(streamId: number): void {
    if (this.#waiting.size >= MAX_RESETS) return;
    this.#waiting.delete(streamId);
    this.#waiting.set(streamId, tsnPlus(this.#sctp.localTsn, -1));
    this.#ask();
  }

  /** Whether a reset of the stream has not been answered: nothing may be sent on it (RFC 6525 §5.1.2 A1). */
  isUnderWay(streamId: number): boolean {
    return this.#waiting.has(streamId) || this.#asked.includes(streamId);
  }

  /** A SACK was read. */
  onAcknowledged(): void {
    if (this.#waiting.size > 0) this.#ask();
  }

  /**
   * One request at a time (RFC 6525 §5.1.1), for streams of which the peer has received everything: otherwise it answers "in
   * progress", and libwebrtc's repeats that answer for ever when it is asked again under the same number.
   */
  #ask(): void {
    const sctp = this.#sctp;
    if (sctp.reconfigRequest !== undefined || sctp.associationState !== ESTABLISHED) return;
    const streams: number[] = [];
    for (const [streamId, lastTsn] of this.#waiting) {
      if (tsnAhead(lastTsn, sctp.lastSackedTsn) < 0) break;
      streams.push(streamId);
    }
    if (streams.length === 0) return;
    for (const streamId of streams) this.#waiting.delete(streamId);
    const requestSequence = sctp.reconfigRequestSeq;
    const bytes = encodeRequest(requestSequence, sctp.reconfigResponseSeq, sctp.lastSackedTsn, streams);
    this.#asked = streams;
    sctp.reconfigRequestSeq = tsnPlus(requestSequence, 1);
    sctp.reconfigRequest = { type: RESET_REQUEST, requestSequence, bytes };
    void sctp.sendReconfigParam(sctp.reconfigRequest);
    sctp.timerReconfigHandleStart();
  }

  /**
   * After the RTO, as for lost data. werift multiplies its RTO by one and a half each time, without a bound, which then
   * delays lost data too; and it takes a peer that does not answer for gone.
   */
  #askAgain(): void {
    const sctp = this.#sctp;
    sctp.timerReconfigHandle = undefined;
    if (sctp.isStopped || sctp.reconfigRequest === undefined) return;
    backOff(sctp);
    void sctp.sendReconfigParam(sctp.reconfigRequest);
    sctp.timerReconfigHandleStart();
  }

  async #receive(param: ResetParameter): Promise<void> {
    if (param.type === RESET_REQUEST) await this.#onRequest(param);
    else if (param.type === RESET_RESPONSE) this.#onResponse(param);
  }

  async #onRequest(request: Extract<ResetParameter, { type: 13 }>): Promise<void> {
    const sctp = this.#sctp;
    const ahead = tsnAhead(sctp.reconfigResponseSeq, request.requestSequence);
    if (ahead !== 0 && ahead !== 1) return this.#respond(request.requestSequence, BAD_SEQUENCE);
    if (ahead === 1) {
      // The peer will repeat its request, and by then the data is here.
      if (tsnAhead(sctp.lastReceivedTsn!, request.lastTsn) > 0) return;
      sctp.reconfigResponseSeq = request.requestSequence;
      for (const id of request.streams) {
        // Chunks that never became a message do not count against the window any more.
        sctp.advertisedRwnd += sctp.inboundStreams[id]?.heldBytes ?? 0;
        delete sctp.inboundStreams[id];
      }
      this.#events.peerReset(request.streams);
    }
    await this.#respond(request.requestSequence, PERFORMED);
  }

  /** werift would repeat a refused request until it gives the association up, and would reset the RTO. */
  #onResponse({ responseSequence, result }: Extract<ResetParameter, { type: 16 }>): void {
    const sctp = this.#sctp;
    if (responseSequence !== sctp.reconfigRequest?.requestSequence || result === IN_PROGRESS) return;
    sctp.reconfigRequest = undefined;
    sctp.timerReconfigCancel();
    if (result === PERFORMED || result === NOTHING_TO_DO) {
      for (const id of this.#asked) delete sctp.outboundStreamSeq[id];
    }
    this.#asked = [];
    this.#ask();
    this.#events.answered();
  }

  #respond(sequence: number, result: number): Promise<void> {
    const bytes = new Uint8Array(8);
    writeU32(bytes, 0, sequence);
    writeU32(bytes, 4, result);
    return this.#sctp.sendReconfigParam({ type: RESET_RESPONSE, bytes });
  }
}

/** The value of the parameter, without its header (RFC 6525 §4.1). */
function encodeRequest(
  sequence: number,
  responseSequence: number,
  lastTsn: number,
  streams: readonly number[],
): Uint8Array {
  const bytes = new Uint8Array(REQUEST_HEADER_BYTES + 2 * streams.length);
  writeU32(bytes, 0, sequence);
  writeU32(bytes, 4, responseSequence);
  writeU32(bytes, 8, lastTsn);
  streams.forEach((streamId, index) => {
    writeU16(bytes, REQUEST_HEADER_BYTES + 2 * index, streamId);
  });
  return bytes;
}
