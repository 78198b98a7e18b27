/**
 * Where werift's association does something else than the RFCs, or does it in a way that can not be had in a server:
 * methods of one instance are replaced. Each says what was wrong.
 */
import { IncomingStream, MAX_STREAMS, UnkeptStream } from "./incoming-stream.ts";
import { ReceivedRuns } from "./received-runs.ts";
import {
  encodeForwardTsn,
  encodeSack,
  FIRST_FRAGMENT,
  LAST_FRAGMENT,
  tsnAhead,
  UNORDERED,
} from "./sctp-packet.ts";
import type { ForwardTsn, OutgoingChunk, WeriftSctp } from "./werift-sctp.ts";

/** RFC 9260 §16 proposes 1, 1 and 60 seconds; werift starts with 3. */
const INITIAL_RTO_S = 1;
/** As WebRTC's own SCTP: a lost tail is repaired sooner. Less than the 200 ms of a delayed SACK would be a mistake. */
const MIN_RTO_S = 0.4;
/** Likewise: a call whose path comes back should not wait a minute for its data. Smaller adds to what fills a path. */
const MAX_RTO_S = 3;
const RTT_WEIGHT = 1 / 8;
const VARIANCE_WEIGHT = 1 / 4;

/** In one SACK; further blocks are told of when these are repaired. More cost us time for each packet of a torn stream. */
const MAX_GAP_BLOCKS = 32;

/** `onAcknowledged`: a SACK was read, and what it makes room for is sent next. */
export function correct(sctp: WeriftSctp, onAcknowledged: () => void): void {
  sctp.flush = { execute: () => {}, asPromise: never };
  sctp.onSackReceived = () => {
    recountFlight(sctp);
    onAcknowledged();
    return Promise.resolve();
  };
  sctp.rto = INITIAL_RTO_S;
  sctp.updateRto = (measured) => updateRto(sctp, measured);
  sctp.timer3Expired = () => onRetransmissionTimeout(sctp);
  sctp.maybeAbandon = (chunk) => maybeAbandon(sctp, chunk);
  sctp.updateAdvancedPeerAckPoint = forwardTsnUpdater(sctp);
  sctp.getInboundStream = (id) => inboundStream(sctp, id);
  sctp.sackMisOrdered = new ReceivedRuns();
  sctp.markReceived = (tsn) => markReceived(sctp, tsn);
  sctp.sendSack = () => (isProbed(sctp) ? Promise.resolve() : acknowledge(sctp));
  sctp.receiveForwardTsnChunk = (chunk) => receiveForwardTsn(sctp, chunk);
}

/**
 * werift lets each message wait until none is queued, and wakes all that wait whenever it has sent something. Under a
 * steady supply none is ever done, and waking them is all that the thread does: some hundred packets a second. Nobody
 * here waits. A promise of its own for each, so that nothing holds those who wait.
 */
function never(): Promise<never> {
  return new Promise(() => {});
}

/**
 * RFC 9260 §6.3.1, with a smaller minimum than werift's, which is a constant of its module. werift measures by the time of day,
 * which may be set: what took longer than any timeout has been sent twice, and would not have been measured.
 */
function updateRto(sctp: WeriftSctp, measured: number): void {
  if (measured < 0 || measured > MAX_RTO_S) return;
  const { srtt, rttvar } = sctp;
  if (srtt === undefined || rttvar === undefined) {
    sctp.srtt = measured;
    sctp.rttvar = measured / 2;
  } else {
    sctp.rttvar = rttvar + VARIANCE_WEIGHT * (Math.abs(srtt - measured) - rttvar);
    sctp.srtt = srtt + RTT_WEIGHT * (measured - srtt);
  }
  sctp.rto = Math.min(MAX_RTO_S, Math.max(MIN_RTO_S, sctp.srtt! + 4 * sctp.rttvar!));
}

/**
 * T3-rtx (RFC 9260 §6.3.3, §7.2.3). werift does not double the timeout, and sends again what gap blocks acknowledged.
 */
function onRetransmissionTimeout(sctp: WeriftSctp): void {
  if (sctp.isStopped) return;
  sctp.timer3Handle = undefined;
  for (const chunk of sctp.sentQueue) {
    if (!chunk.acked && !sctp.maybeAbandon(chunk)) chunk.retransmit = true;
  }
  sctp.updateAdvancedPeerAckPoint();
  recountFlight(sctp);
  sctp.partialBytesAcked = 0;
  sctp.fastRecoveryExit = undefined;
  sctp.ssthresh = Math.max(Math.floor(sctp.cwnd / 2), 4 * sctp.maxPayloadSize);
  sctp.cwnd = sctp.maxPayloadSize;
  backOff(sctp);
  void sctp.transmit();
}

/** Something was not answered in time (RFC 9260 §6.3.3 E2). */
export function backOff(sctp: WeriftSctp): void {
  sctp.rto = Math.min(2 * sctp.rto, MAX_RTO_S);
}

/**
 * Partial reliability (RFC 3758 §3.5 A3, RFC 7496 §4). werift takes no retransmission for no limit, abandons the oldest
 * message in place of the lost one, leaves what it abandons in the flight, and counts lifetimes by the time of day.
 */
function maybeAbandon(sctp: WeriftSctp, chunk: OutgoingChunk): boolean {
  if (chunk.abandoned) return true;
  const isSpent = chunk.maxRetransmits !== undefined && chunk.sentCount > chunk.maxRetransmits;
  const isLate = chunk.expiry !== undefined && chunk.expiry < performance.now() / 1000;
  if (!isSpent && !isLate) return false;
  const { sentQueue, outboundQueue } = sctp;
  let at = sentQueue.indexOf(chunk);
  while (at > 0 && (sentQueue[at]!.flags & FIRST_FRAGMENT) === 0) at--;
  for (;;) {
    // The rest of the message has its TSNs, so the peer must be told to skip these too.
    if (at === sentQueue.length) {
      const unsent = outboundQueue.shift();
      if (unsent === undefined) return true;
      sentQueue.push(unsent);
    }
    const fragment = sentQueue[at++]!;
    fragment.abandoned = true;
    fragment.retransmit = false;
    if ((fragment.flags & LAST_FRAGMENT) !== 0) return true;
  }
}

/**
 * What was sent and is neither acknowledged nor taken for lost. werift adds and subtracts as it goes, and sends again
 * what a gap block acknowledged meanwhile; that enters the flight and never leaves it, until the flight fills the
 * congestion window and nothing is sent any more.
 */
function recountFlight(sctp: WeriftSctp): void {
  sctp.flightSize = 0;
  for (const chunk of sctp.sentQueue) {
    if (chunk.acked) chunk.retransmit = false;
    else if (!chunk.abandoned && !chunk.retransmit) sctp.flightSize += chunk.bookSize;
  }
}

/**
 * FORWARD-TSN (RFC 3758 §3.5 C1 to C4). werift sends it once; when it is lost, the peer waits for ever for what will
 * never come. Here it is sent with each SACK that does not follow it, and after T3-rtx. It tells of no message that the
 * peer has passed: the peer may have reset the stream since.
 */
function forwardTsnUpdater(sctp: WeriftSctp): () => void {
  /** By stream, the last that was given up. */
  const skipped = new Map<number, OutgoingChunk>();
  return () => {
    if (tsnAhead(sctp.advancedPeerAckTsn, sctp.lastSackedTsn) >= 0) {
      sctp.advancedPeerAckTsn = sctp.lastSackedTsn;
    }
    for (const [streamId, { tsn }] of skipped) {
      if (tsnAhead(tsn, sctp.lastSackedTsn) >= 0) skipped.delete(streamId);
    }
    let first = sctp.sentQueue[0];
    while (first?.abandoned) {
      sctp.advancedPeerAckTsn = first.tsn;
      if ((first.flags & UNORDERED) === 0) skipped.set(first.streamId, first);
      sctp.sentQueue.shift();
      first = sctp.sentQueue[0];
    }
    const isAhead = tsnAhead(sctp.lastSackedTsn, sctp.advancedPeerAckTsn) > 0;
    sctp.forwardTsnChunk = isAhead ? forwardTsn(sctp.advancedPeerAckTsn, skipped) : undefined;
  };
}

function forwardTsn(
  cumulativeTsn: number,
  skipped: ReadonlyMap<number, OutgoingChunk>,
): { readonly bytes: Uint8Array } {
  const streams = [...skipped].map(([id, { streamSeqNum }]) => [id, streamSeqNum] as const);
  return { bytes: encodeForwardTsn(cumulativeTsn, streams) };
}

/** RFC 9260 §6.2. werift sorts TSNs as text for each chunk, so that 10 comes before 9, and so that a loss is costly. */
function markReceived(sctp: WeriftSctp, tsn: number): boolean {
  if (tsnAhead(sctp.lastReceivedTsn!, tsn) <= 0 || !sctp.sackMisOrdered.add(tsn)) return true;
  sctp.lastReceivedTsn = sctp.sackMisOrdered.advance(sctp.lastReceivedTsn!);
  return false;
}

/**
 * Whether the peer sent although it was told that we take nothing. Senders may do that to learn when the window opens,
 * and WebRTC's does it again at each answer, a thousand times a second on a short path. The answer waits until the window
 * opens, or for whoever calls `acknowledge()` in a while.
 */
function isProbed({ advertisedRwnd, sackMisOrdered }: WeriftSctp): boolean {
  return advertisedRwnd <= 0 && sackMisOrdered.size === 0;
}

/**
 * Sends the SACK that is due (RFC 9260 §3.3.4). The same sorting makes werift's gap blocks wrong; where TSNs wrap, it
 * throws.
 */
export async function acknowledge(sctp: WeriftSctp): Promise<void> {
  if (sctp.isStopped || !sctp.sackNeeded) return;
  sctp.sackNeeded = false;
  sctp.sackImmediate = false;
  sctp.sackPacketCount = 0;
  const cumulativeTsn = sctp.lastReceivedTsn!;
  const gaps = sctp.sackMisOrdered.blocks(cumulativeTsn, MAX_GAP_BLOCKS);
  await sctp.sendChunk({ bytes: encodeSack(cumulativeTsn, Math.max(0, sctp.advertisedRwnd), gaps) });
}

/**
 * RFC 3758 §3.6. werift throws away fragments of messages that were not abandoned, when they arrived just behind the
 * new cumulative TSN; a reliable channel beside a lossy one then never completes its message and stops.
 */
function receiveForwardTsn(sctp: WeriftSctp, { cumulativeTsn, streams }: ForwardTsn): void {
  sctp.sackNeeded = true;
  sctp.sackImmediate = true;
  if (tsnAhead(sctp.lastReceivedTsn!, cumulativeTsn) <= 0) return;
  sctp.lastReceivedTsn = sctp.sackMisOrdered.advance(cumulativeTsn);
  const skipped = new Map(streams);
  for (const [id, stream] of Object.entries(sctp.inboundStreams)) {
    sctp.advertisedRwnd += stream.skip(cumulativeTsn, skipped.get(Number(id)));
    for (const message of stream.popMessages()) {
      sctp.advertisedRwnd += message[2].length;
      sctp.receive(...message);
    }
  }
}

function inboundStream(sctp: WeriftSctp, id: number): IncomingStream | UnkeptStream {
  if (id >= MAX_STREAMS) return new UnkeptStream();
  sctp.inboundStreams[id] ??= new IncomingStream();
  return sctp.inboundStreams[id];
}
