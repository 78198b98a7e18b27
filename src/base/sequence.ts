/**
 * Arithmetic on the 16-bit circle of RTP sequence numbers and the 32-bit circle of timestamps (RFC 3550 §A.1).
 *
 * `seq` is the wire number; `extSeq` has its rollovers counted and only ever grows.
 */
const SEQ_CYCLE = 0x10000;

/** Distance from `from` to `to` on the 16-bit circle, in [-32768, 32767]. */
export function seqDelta(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** The extended number nearest to `reference` that reads `seq` on the wire. May be negative near the start. */
export function extendSeq(reference: number, seq: number): number {
  return reference + seqDelta(reference % SEQ_CYCLE, seq);
}

/** Distance from `from` to `to` on the 32-bit circle, in [-2^31, 2^31 - 1]. */
export function timestampDelta(from: number, to: number): number {
  return (to - from) | 0;
}
