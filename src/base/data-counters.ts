/** Counters of data channels, kept by the DTLS thread and by control. Names and help texts live in `telemetry/`. */

/** Why an SCTP packet was dropped; `dtls/sctp/sctp-guard.ts` says what each means. */
export const SCTP_DROPS = [
  "rate",
  "malformed",
  "checksum",
  "tag",
  "unexpected",
  "unknown_chunk",
  "ppid",
  "window",
  "sack",
] as const;
export type SctpDrop = (typeof SCTP_DROPS)[number];

/** Why a message was not passed on. */
export const MESSAGE_DROPS = [
  /** The channel's queue to the peer was full. */
  "queue_full",
  /** The peer has been slow for so long that senders no longer wait for it. */
  "left_behind",
  /** Larger than the peer's `a=max-message-size`. */
  "too_large",
  /** It was not sent within the channel's lifetime for messages. */
  "lifetime",
  /** No such channel is open. */
  "unknown_channel",
  /** A DCEP message that RFC 8832 does not allow. */
  "dcep",
] as const;
export type MessageDrop = (typeof MESSAGE_DROPS)[number];

/** Why an association ended that control had not closed. */
export const DATA_END_REASONS = [
  /** DTLS ended, or its thread did. */
  "dtls_closed",
  /** The peer aborted or shut down SCTP. */
  "peer_closed",
  /** The peer broke a rule of data channels. */
  "violation",
  /** A fault of ours, or of werift's. */
  "fault",
] as const;
export type DataEndReason = (typeof DATA_END_REASONS)[number];

const NAMES = [
  "receivedMessages",
  "receivedBytes",
  "sentMessages",
  "sentBytes",
  ...SCTP_DROPS.map((reason) => `droppedPackets_${reason}` as const),
  ...MESSAGE_DROPS.map((reason) => `droppedMessages_${reason}` as const),
  ...DATA_END_REASONS.map((reason) => `ended_${reason}` as const),
] as const;

export type DataCounts = Record<(typeof NAMES)[number], number>;

export function zeroDataCounts(): DataCounts {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as DataCounts;
}

export function addDataCounts(totals: DataCounts, counts: Readonly<DataCounts>): void {
  for (const name of NAMES) totals[name] += counts[name];
}
