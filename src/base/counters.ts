/**
 * Counters of one media thread in shared memory: one writer (the thread), one reader (the scrape).
 *
 * A slot is a float64: aligned, written whole, exact up to 2^53. The hot path adds to a slot and does nothing else;
 * names and help texts live in `telemetry/`, so a slot here costs no more than its index.
 */
const NAMES = [
  // what came in from the network
  "upPackets_audio",
  "upPackets_video",
  "upBytes_audio",
  "upBytes_video",
  "upRtxPackets",
  "upRtcpPackets",
  "upStunPackets",
  "upDtlsPackets",
  // what went out
  "downPackets_audio",
  "downPackets_video",
  "downBytes_audio",
  "downBytes_video",
  "downRtxPackets",
  "downEmptyPackets",
  "downPaddingPackets",
  "downPacedPackets",
  "downRtcpPackets",
  // drops on the way in, by reason
  "upDropped_empty",
  "upDropped_unknown_class",
  "upDropped_unknown_path",
  "upDropped_not_secure",
  "upDropped_malformed_rtp",
  "upDropped_malformed_rtcp",
  "upDropped_malformed_stun",
  "upDropped_stun_unknown_user",
  "upDropped_stun_bad_integrity",
  "upDropped_stun_rate_limited",
  "upDropped_dtls_backlog",
  "upDropped_srtp_auth",
  "upDropped_srtp_replay",
  "upDropped_srtcp_auth",
  "upDropped_srtcp_replay",
  "upDropped_unknown_stream",
  "upDropped_unknown_payload_type",
  "upDropped_padding_only",
  "upDropped_duplicate",
  "upDropped_muted",
  "upDropped_path_table_full",
  "upDropped_stream_limit",
  // drops on the way out, by reason
  "downDropped_layer",
  "downDropped_paused",
  "downDropped_not_loudest",
  "downDropped_other_codec",
  "downDropped_late",
  "downDropped_ring_full",
  "downDropped_too_large",
  "downDropped_no_path",
  "downDropped_not_sealed",
  "downDropped_send_error",
  "downDropped_pipe_full",
  "downDropped_pacer_full",
  "downDropped_pacer_late",
  "downDropped_tcp_backlog",
  "downDropped_tcp_ended",
  // TCP connections: how many came, why each ended, and what went through them
  "tcpAccepted",
  "tcpEnded_peer",
  "tcpEnded_bad_frame",
  "tcpEnded_unused",
  "tcpEnded_crowded_out",
  "tcpEnded_network_limit",
  "tcpEnded_thread_limit",
  "tcpEnded_path_table_full",
  "tcpReceivedBytes",
  "tcpSentBytes",
  "tcpDroppedBytes_backlog",
  "tcpDroppedBytes_ended",
  // between the threads of a room that has more than one
  "pipedPackets_received",
  "pipedPackets_sent",
  // repair and feedback
  "nackPacketsReceived",
  "nackPacketsSent",
  "nackSeqsReceived",
  "nackSeqsSent",
  "nackSeqsNotInHistory",
  "nackSeqsOverBudget",
  "pliReceived",
  "pliSent",
  "firReceived",
  "twccSent",
  "twccReceived",
  "rembReceived",
  "layerSwitches_spatial",
  "layerSwitches_temporal",
  // frames looked at of tracks that are said to be encrypted
  "guardedFrames_sealed",
  "guardedFrames_plain",
  // who holds the floor, as each thread of a room hears it
  "speakerChanges",
  // transports
  "iceConnected",
  "iceDisconnected",
  "iceFailed",
  "iceRoleConflicts",
  "icePathChanges",
  // forwarding delay, receive to send: histogram buckets (upper bounds in FORWARD_DELAY_BOUNDS_US), sum and count
  "forwardDelay_0",
  "forwardDelay_1",
  "forwardDelay_2",
  "forwardDelay_3",
  "forwardDelay_4",
  "forwardDelay_5",
  "forwardDelay_6",
  "forwardDelay_7",
  "forwardDelay_inf",
  "forwardDelaySumUs",
  // lost between the network and us; written about once a second
  "socketReceiveDrops",
  // one a second while the thread's loop turns: main takes a thread without any for hung
  "heartbeats",
  // gauge of the thread, written with each connection that comes or goes
  "tcpConnections",
  // gauges of the thread, written about once a second
  "transports",
  "upTracks",
  "downTracks",
  "cipherContexts",
  "threadCpuUs",
  "eventLoopDelayP50Us",
  "eventLoopDelayP99Us",
  "eventLoopDelayMaxUs",
  "socketReceiveBufferBytes",
  "socketSendBufferBytes",
] as const;

export type CounterName = (typeof NAMES)[number];

/** Index of each counter: `counters[SLOT.pliSent]! += 1`. */
export const SLOT = Object.fromEntries(NAMES.map((name, index) => [name, index])) as {
  readonly [Name in CounterName]: number;
};

export const COUNTER_NAMES: readonly CounterName[] = NAMES;

/** Upper bounds of the forwarding delay buckets, microseconds. The last bucket (`_inf`) has none. */
export const FORWARD_DELAY_BOUNDS_US = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 50_000] as const;

export type Counters = Float64Array;

/** Counters that another thread can read while this one writes. */
export function createSharedCounters(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(NAMES.length * Float64Array.BYTES_PER_ELEMENT));
}
