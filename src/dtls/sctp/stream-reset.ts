/**
 * Closing channels by resetting their streams, one direction at a time (RFC 6525 §5, RFC 8831 §6.7).
 *
 * werift carries out a request whatever its number and although data of the stream is still on its way: a repeated
 * request would close the channel that uses the stream next, and late data would block that channel for ever. And it
 * asks for a reset at once and numbers on meanwhile, so that a channel that the peer opens again on the stream is dead.
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
 * In one request: as many channels as Chromium can have, whose streams end at 1,023; one packet holds them. Larger: more
 * state for a peer that opens what it is refused. Smaller: one that opens too many is not answered about each.
 */
export const MAX_RESETS = 512;

const REQUEST_HEADER_BYTES = 12;

export interface StreamResetEvents {
  /** Nothing more comes on these streams, all that was sent on them has been delivered. */
  peerReset(streamIds: readonly number[]): void;
  /** Streams may be sent on again. */
  answered(): void;
}

export class StreamReset {
  readonly #sctp: WeriftSctp;
  readonly #events: StreamResetEvents;
  /** Each with the last TSN that may have been given to its data; these rise. */
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

  /** Whether it is not known yet from which number on the peer reads the stream: nothing may be sent (§5.1.2 A1). */
  isUnderWay(streamId: number): boolean {
    return this.#waiting.has(streamId) || this.#asked.includes(streamId);
  }

  /** A SACK was read. */
  onAcknowledged(): void {
    if (this.#waiting.size > 0) this.#ask();
  }

  /**
   * One request at a time (§5.1.1), about streams of which the peer has all: else it answers "in progress", and WebRTC's
   * repeats that answer for ever when it is asked again under the same number.
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
   * As late as lost data is sent again. werift waits half as long again each time, without a bound, and so then does lost
   * data; and it takes a peer for gone that does not answer.
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
      // The peer asks again, in its time, and by then the data is here.
      if (tsnAhead(sctp.lastReceivedTsn!, request.lastTsn) > 0) return;
      sctp.reconfigResponseSeq = request.requestSequence;
      for (const id of request.streams) {
        // What never became a message takes nothing of the window any more.
        sctp.advertisedRwnd += sctp.inboundStreams[id]?.heldBytes ?? 0;
        delete sctp.inboundStreams[id];
      }
      this.#events.peerReset(request.streams);
    }
    await this.#respond(request.requestSequence, PERFORMED);
  }

  /** werift would repeat a request that was refused until it gives the association up, and set the RTO back. */
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

/** Without the parameter's header (RFC 6525 §4.1). */
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
