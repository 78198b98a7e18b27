/**
 * Metrics of the media threads: every slot of `base/counters.ts`, with its name, help text and labels.
 *
 * The hot path adds to a slot of shared memory; the slots are read when Prometheus scrapes, so a scrape costs a media
 * thread nothing.
 */
import { Counter, Gauge, type Registry } from "prom-client";
import { COUNTER_NAMES, type CounterName, FORWARD_DELAY_BOUNDS_US } from "../base/counters.ts";
import type { MediaTotals } from "./media-totals.ts";

interface Total {
  readonly name: string;
  readonly help: string;
  readonly series: readonly (readonly [labels: Readonly<Record<string, string>>, slot: CounterName])[];
}

const single = (slot: CounterName): Total["series"] => [[{}, slot]];

const byKind = (audio: CounterName, video: CounterName): Total["series"] => [
  [{ kind: "audio" }, audio],
  [{ kind: "video" }, video],
];

const byDirection = (received: CounterName, sent: CounterName): Total["series"] => [
  [{ direction: "received" }, received],
  [{ direction: "sent" }, sent],
];

/** Slots are named `<what>_<reason>`: a new reason there is a new series here. */
const byReason = (what: string): Total["series"] =>
  COUNTER_NAMES.filter((slot) => slot.startsWith(`${what}_`)).map((slot) => [
    { reason: slot.slice(what.length + 1) },
    slot,
  ]);

/** `upDropped_<reason>` and `downDropped_<reason>`, likewise. */
const DROPS: Total["series"] = COUNTER_NAMES.flatMap((slot) => {
  const [, direction, reason] = /^(up|down)Dropped_(.+)$/.exec(slot) ?? [];
  return direction === undefined || reason === undefined ? [] : [[{ direction, reason }, slot] as const];
});

const TOTALS: readonly Total[] = [
  {
    name: "blindfold_rtp_received_packets_total",
    help: "RTP packets received from publishers, retransmissions not included.",
    series: byKind("upPackets_audio", "upPackets_video"),
  },
  {
    name: "blindfold_rtp_received_bytes_total",
    help: "Bytes of RTP packets received from publishers, with headers.",
    series: byKind("upBytes_audio", "upBytes_video"),
  },
  {
    name: "blindfold_rtp_sent_packets_total",
    help: "RTP packets sent to subscribers, retransmissions not included.",
    series: byKind("downPackets_audio", "downPackets_video"),
  },
  {
    name: "blindfold_rtp_sent_bytes_total",
    help: "Bytes of RTP packets sent to subscribers, with headers.",
    series: byKind("downBytes_audio", "downBytes_video"),
  },
  {
    name: "blindfold_rtx_packets_total",
    help: "RTP retransmission packets (RFC 4588).",
    series: byDirection("upRtxPackets", "downRtxPackets"),
  },
  {
    name: "blindfold_rtp_sent_empty_packets_total",
    help: "RTP packets of padding alone, under numbers kept for packets that then were not wanted.",
    series: single("downEmptyPackets"),
  },
  {
    name: "blindfold_rtp_sent_padding_packets_total",
    help: "RTP packets that repeat another or are padding alone, sent to probe for a subscriber's bandwidth.",
    series: single("downPaddingPackets"),
  },
  {
    name: "blindfold_rtp_paced_packets_total",
    help: "RTP packets of video that had to wait, because a subscriber's path was taken.",
    series: single("downPacedPackets"),
  },
  {
    name: "blindfold_rtcp_packets_total",
    help: "RTCP datagrams.",
    series: byDirection("upRtcpPackets", "downRtcpPackets"),
  },
  {
    name: "blindfold_stun_received_packets_total",
    help: "STUN datagrams received.",
    series: single("upStunPackets"),
  },
  {
    name: "blindfold_dtls_received_packets_total",
    help: "DTLS datagrams received.",
    series: single("upDtlsPackets"),
  },
  {
    name: "blindfold_dropped_packets_total",
    help: "Packets not processed (up: from the network) or not forwarded (down: to a subscriber), by reason.",
    series: DROPS,
  },
  {
    name: "blindfold_piped_packets_total",
    help: "RTP packets piped between the media threads of a large room.",
    series: byDirection("pipedPackets_received", "pipedPackets_sent"),
  },
  {
    name: "blindfold_socket_receive_drops_total",
    help: "Datagrams that the kernel or the socket lost before they were read. The portable tier counts on Linux only.",
    series: single("socketReceiveDrops"),
  },
  {
    name: "blindfold_tcp_accepted_connections_total",
    help: "TCP connections to the media port (ICE over TCP), with those that were refused at once.",
    series: single("tcpAccepted"),
  },
  {
    name: "blindfold_tcp_ended_connections_total",
    help: "TCP connections to the media port that have ended or were refused, by reason.",
    series: byReason("tcpEnded"),
  },
  {
    name: "blindfold_tcp_bytes_total",
    help: "Bytes of TCP connections to the media port, with the lengths that frame packets.",
    series: byDirection("tcpReceivedBytes", "tcpSentBytes"),
  },
  {
    name: "blindfold_tcp_dropped_bytes_total",
    help: "Bytes not sent over TCP: to receivers for whom too much waited, and to connections that had ended.",
    series: byReason("tcpDroppedBytes"),
  },
  {
    name: "blindfold_nack_packets_total",
    help: "RTCP generic NACKs: received from subscribers, sent to publishers.",
    series: byDirection("nackPacketsReceived", "nackPacketsSent"),
  },
  {
    name: "blindfold_nack_sequence_numbers_total",
    help: "Sequence numbers asked for by NACKs: received from subscribers, sent to publishers.",
    series: byDirection("nackSeqsReceived", "nackSeqsSent"),
  },
  {
    name: "blindfold_nack_unavailable_sequence_numbers_total",
    help: "Sequence numbers that a subscriber asked for when they were no longer kept, or of no use any more.",
    series: single("nackSeqsNotInHistory"),
  },
  {
    name: "blindfold_nack_refused_sequence_numbers_total",
    help: "Sequence numbers that were not sent again, because the subscriber had asked for too many.",
    series: single("nackSeqsOverBudget"),
  },
  {
    name: "blindfold_keyframe_requests_total",
    help: "Requests for a keyframe: received from subscribers, sent to publishers.",
    series: [
      [{ type: "pli", direction: "received" }, "pliReceived"],
      [{ type: "pli", direction: "sent" }, "pliSent"],
      [{ type: "fir", direction: "received" }, "firReceived"],
    ],
  },
  {
    name: "blindfold_twcc_feedbacks_total",
    help: "Transport-wide congestion control feedback messages: received from subscribers, sent to publishers.",
    series: byDirection("twccReceived", "twccSent"),
  },
  {
    name: "blindfold_remb_received_total",
    help: "Bandwidth estimates received from subscribers (REMB).",
    series: single("rembReceived"),
  },
  {
    name: "blindfold_layer_switches_total",
    help: "Changes of the layers sent to a subscriber: of the spatial one (or encoding), of the temporal one alone.",
    series: [
      [{ dimension: "spatial" }, "layerSwitches_spatial"],
      [{ dimension: "temporal" }, "layerSwitches_temporal"],
    ],
  },
  {
    name: "blindfold_guarded_frames_total",
    help: "Frames looked at of tracks that are said to be end-to-end encrypted, by what their clear end looks like.",
    series: [
      [{ looks: "sealed" }, "guardedFrames_sealed"],
      [{ looks: "plain" }, "guardedFrames_plain"],
    ],
  },
  {
    name: "blindfold_speaker_changes_total",
    help: "Times that somebody took the floor of a room, as each of its media threads heard it.",
    series: single("speakerChanges"),
  },
  {
    name: "blindfold_ice_state_changes_total",
    help: "Transports that entered a state of ICE.",
    series: [
      [{ state: "connected" }, "iceConnected"],
      [{ state: "disconnected" }, "iceDisconnected"],
      [{ state: "failed" }, "iceFailed"],
    ],
  },
  {
    name: "blindfold_ice_role_conflicts_total",
    help: "ICE checks from peers that believe to be the controlled agent.",
    series: single("iceRoleConflicts"),
  },
  {
    name: "blindfold_ice_path_changes_total",
    help: "Transports whose peer moved to another address.",
    series: single("icePathChanges"),
  },
];

const MICRO = 1e-6;

/** Registers everything but the histogram, which `forwardDelayText` writes. */
export function registerMediaMetrics(registry: Registry, totals: MediaTotals): void {
  for (const { name, help, series } of TOTALS) {
    new Counter({
      name,
      help,
      labelNames: Object.keys(series[0]![0]),
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, slot] of series) this.inc(labels, totals.total(slot));
      },
    });
  }
  registerThreadGauges(registry, totals);
}

interface ThreadGauge {
  readonly name: string;
  readonly help: string;
  /** In addition to the label of the thread. */
  readonly labels: readonly string[];
  readonly series: readonly (readonly [labels: Readonly<Record<string, string>>, slot: CounterName])[];
}

const THREAD_GAUGES: readonly ThreadGauge[] = [
  {
    name: "blindfold_media_objects",
    help: "Objects that live in a media thread.",
    labels: ["object"],
    series: [
      [{ object: "transport" }, "transports"],
      [{ object: "up_track" }, "upTracks"],
      [{ object: "down_track" }, "downTracks"],
      [{ object: "cipher_context" }, "cipherContexts"],
    ],
  },
  {
    name: "blindfold_socket_buffer_bytes",
    help: "Kernel buffers that the socket of a media thread was given. Linux says twice what can be filled.",
    labels: ["direction"],
    series: byDirection("socketReceiveBufferBytes", "socketSendBufferBytes"),
  },
  {
    name: "blindfold_tcp_connections",
    help: "TCP connections to the media port that are open.",
    labels: [],
    series: single("tcpConnections"),
  },
];

function registerThreadGauges(registry: Registry, totals: MediaTotals): void {
  for (const { name, help, labels: names, series } of THREAD_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ["thread", ...names],
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, slot] of series) {
          for (const [thread, reading] of totals.present(slot)) {
            this.set({ thread: mediaThreadLabel(thread), ...labels }, reading);
          }
        }
      },
    });
  }
}

export const mediaThreadLabel = (thread: number): string => `media-${thread}`;

/**
 * The forwarding delay as a Prometheus histogram. prom-client's own class takes single observations; these are counted
 * already, in buckets that are not cumulative.
 */
export function forwardDelayText(totals: MediaTotals): string {
  const name = "blindfold_forward_delay_seconds";
  const lines = [
    `# HELP ${name} Time from receiving an RTP packet to handing it to the socket, for each copy sent.`,
    `# TYPE ${name} histogram`,
  ];
  let count = 0;
  FORWARD_DELAY_BOUNDS_US.forEach((boundUs, index) => {
    count += totals.total(`forwardDelay_${index}` as CounterName);
    lines.push(`${name}_bucket{le="${boundUs / 1e6}"} ${count}`);
  });
  count += totals.total("forwardDelay_inf");
  lines.push(
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${totals.total("forwardDelaySumUs") * MICRO}`,
    `${name}_count ${count}`,
  );
  return `${lines.join("\n")}\n`;
}
