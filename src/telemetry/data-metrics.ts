/** Metrics of data channels: every count of `base/data-counters.ts`, with its name, help text and labels. */
import { Counter, type Registry } from "prom-client";
import { type DataCounts, zeroDataCounts } from "../base/data-counters.ts";

type DataCounter = keyof DataCounts;

interface Total {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** Value of the label to count. */
  readonly counts: Readonly<Record<string, DataCounter>>;
}

/** Counts are named `<prefix>_<reason>`: a new reason there is a new series here. */
function byReason(prefix: string): Total["counts"] {
  const names = Object.keys(zeroDataCounts()).filter((name) => name.startsWith(`${prefix}_`));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length + 1), name as DataCounter]));
}

const TOTALS: readonly Total[] = [
  {
    name: "blindfold_data_messages_total",
    help: "Messages on data channels: received from peers, and sent to peers.",
    label: "direction",
    counts: { received: "receivedMessages", sent: "sentMessages" },
  },
  {
    name: "blindfold_data_bytes_total",
    help: "Bytes of these messages.",
    label: "direction",
    counts: { received: "receivedBytes", sent: "sentBytes" },
  },
  {
    name: "blindfold_data_dropped_messages_total",
    help: "Messages on data channels that were refused or not passed on, by reason.",
    label: "reason",
    counts: byReason("droppedMessages"),
  },
  {
    name: "blindfold_data_ended_associations_total",
    help: "SCTP associations that ended before their transport did, by reason.",
    label: "reason",
    counts: byReason("ended"),
  },
  {
    name: "blindfold_sctp_dropped_packets_total",
    help: "SCTP packets that were not read, by reason.",
    label: "reason",
    counts: byReason("droppedPackets"),
  },
];

export function registerDataMetrics(registry: Registry, totals: DataCounts): void {
  for (const { name, help, label, counts } of TOTALS) {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(counts)) this.inc({ [label]: value }, totals[count]);
      },
    });
  }
}
