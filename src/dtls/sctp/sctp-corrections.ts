/**
 * Replaces methods of one instance of werift's association that differ from the RFCs, or that a server cannot afford. Each
 * comment says what was wrong.
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
/** As in libwebrtc's SCTP. Larger repairs a lost tail later; it must exceed the 200 ms of a delayed SACK. */
const MIN_RTO_S = 0.4;
/** Likewise: when a path comes back, data should not wait for a minute. Smaller adds to the load of a congested path. */
const MAX_RTO_S = 3;
const RTT_WEIGHT = 1 / 8;
const VARIANCE_WEIGHT = 1 / 4;

/** Of one SACK; further blocks follow when these are repaired. More cost time for each packet while there are many holes. */
const MAX_GAP_BLOCKS = 32;

/** `onAcknowledged` is called when a SACK has been read, before that for which it makes room is sent. */
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
 * werift has each `send` wait until nothing is queued, and wakes all that wait whenever it has sent something. Under steady
 * load none ever returns, and waking them takes all of the thread's time: some hundred packets a second remain. Here nobody
 * waits for it. Each call gets a promise of its own, so that nothing keeps the callers in memory.
 */
function never(): Promise<never> {
  return new Promise(() => {});
}

/**
 * RFC 9260 §6.3.1, with a smaller minimum than werift's, which is a constant of its module. werift measures by the time of
 * day, which may be set: a measurement beyond every timeout must be wrong, because such a chunk has been retransmitted.
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
 * T3-rtx (RFC 9260 §6.3.3, §7.2.3). werift does not double the timeout, and retransmits what gap blocks acknowledged.
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

/** Doubles the timeout: something was not acknowledged in time (RFC 9260 §6.3.3 E2). */
export function backOff(sctp: WeriftSctp): void {
  sctp.rto = Math.min(2 * sctp.rto, MAX_RTO_S);
}

/**
 * Partial reliability (RFC 3758 §3.5 A3, RFC 7496 §4). werift takes zero retransmissions for no limit, abandons the oldest
 * message instead of the lost one, leaves what it abandons in flight, and measures lifetimes by the time of day.
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
    // The rest of the message has TSNs already, so the peer must be told to skip these too.
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
 * Recounts the flight: what was sent and is neither acknowledged nor taken for lost. werift adds and subtracts as it goes,
 * and retransmits what a gap block acknowledged meanwhile; that enters the flight and never leaves it, until the flight
 * fills the congestion window and nothing is sent any more.
 */
function recountFlight(sctp: WeriftSctp): void {
  sctp.flightSize = 0;
  for (const chunk of sctp.sentQueue) {
    if (chunk.acked) chunk.retransmit = false;
    else if (!chunk.abandoned && !chunk.retransmit) sctp.flightSize += chunk.bookSize;
  }
}

/**
 * FORWARD-TSN (RFC 3758 §3.5 C1 to C4). werift sends it once; when it is lost, the peer waits for ever for what will never
 * come. Here it is sent after each SACK that has not caught up with it, and after T3-rtx. It names no message that the peer
 * has passed: the peer may have reset the stream since.
 */
function forwardTsnUpdater(sctp: WeriftSctp): () => void {
  /** By stream id: the last abandoned chunk. */
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

/** RFC 9260 §6.2. werift sorts TSNs as text at each chunk, so that 10 comes before 9, and a loss is expensive. */
function markReceived(sctp: WeriftSctp, tsn: number): boolean {
  if (tsnAhead(sctp.lastReceivedTsn!, tsn) <= 0 || !sctp.sackMisOrdered.add(tsn)) return true;
  sctp.lastReceivedTsn = sctp.sackMisOrdered.advance(sctp.lastReceivedTsn!);
  return false;
}

/**
 * Whether the peer sent into a closed window. Senders may do that to learn when it opens, and libwebrtc's does so again at
 * each SACK, a thousand times a second on a short path. So the SACK waits until the window opens, or until `acknowledge()`
 * is called.
 */
function isProbed({ advertisedRwnd, sackMisOrdered }: WeriftSctp): boolean {
  return advertisedRwnd <= 0 && sackMisOrdered.size === 0;
}

/**
 * Sends the SACK that is due (RFC 9260 §3.3.4). The same sorting makes werift's gap blocks wrong, and it throws where TSNs
 * wrap around.
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
 * RFC 3758 §3.6. werift discards fragments of messages that were not abandoned, if they arrived just after the new
 * cumulative TSN; a reliable channel beside a lossy one then never completes its message and stops.
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
