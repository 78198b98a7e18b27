/** What is counted of data channels, by the DTLS thread and by control. Names and help texts live in `telemetry/`. */

/** Why an SCTP packet was not read; `dtls/sctp/sctp-guard.ts` says what each means. */
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
  /** As much as may wait for the peer on this channel waits already. */
  "queue_full",
  /** So much has waited for the peer for so long that senders wait for it no more. */
  "left_behind",
  /** The peer takes no message as large. */
  "too_large",
  /** It was not sent within the channel's lifetime for messages. */
  "lifetime",
  /** No such channel is open. */
  "unknown_channel",
  /** It was about opening a channel, and against the rules. */
  "dcep",
] as const;
export type MessageDrop = (typeof MESSAGE_DROPS)[number];

/** Why an association ended by itself. */
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
