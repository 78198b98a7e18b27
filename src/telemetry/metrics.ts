/**
 * All metrics of a server, and the text that Prometheus scrapes. Names begin with `blindfold_` and end in their base
 * unit; labels have few values, which clients cannot choose.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { addDataCounts, type DataCounts, zeroDataCounts } from "../base/data-counters.ts";
import { REPORT_REASONS, type ReportReason } from "../base/report-reason.ts";
import { registerDataMetrics } from "./data-metrics.ts";
import { forwardDelayText, mediaThreadLabel, registerMediaMetrics } from "./media-metrics.ts";
import { MediaTotals } from "./media-totals.ts";
import { SignalMetrics } from "./signal-metrics.ts";
import { RESOLUTION_MS, type ThreadLoadReading } from "./thread-load.ts";
import { WebhookMetrics } from "./webhook-metrics.ts";

export interface RoomGauges {
  readonly rooms: number;
  readonly participants: number;
  readonly tracks: number;
  readonly subscriptions: number;
  readonly speakers: number;
}

/** The DTLS thread's report, about once a second. */
export interface DtlsLoad extends ThreadLoadReading {
  readonly associations: number;
  readonly dataAssociations: number;
  /** Counted since the last report. */
  readonly data: DataCounts;
}

export interface HttpExchange {
  readonly method: string;
  /** The pattern, such as `/v1/rooms/:room`, never the path: paths hold names, so their number is unbounded. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

const SUSPECT_OUTCOMES = ["found", "cut"] as const;
type SuspectOutcome = (typeof SUSPECT_OUTCOMES)[number];

/** Why a media or DTLS thread had to be replaced: it died of an error, or was killed for lack of heartbeats. */
const THREAD_LOSSES = ["died", "hung"] as const;
type ThreadLoss = (typeof THREAD_LOSSES)[number];

const NO_LOAD: DtlsLoad = {
  cpuUs: 0,
  eventLoopDelayP50Us: 0,
  eventLoopDelayP99Us: 0,
  eventLoopDelayMaxUs: 0,
  associations: 0,
  dataAssociations: 0,
  data: zeroDataCounts(),
};

/** Gauges of prom-client with a suffix that is reserved for counters; they also exist without it. */
const MISNAMED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** A handshake takes two round trips and 4 to 12 ms of computing; a lost flight adds its timeout of a second. */
const HANDSHAKE_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Handlers answer from memory, in about a millisecond; statistics wait for a media thread, up to a second. */
const HTTP_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export class Metrics {
  readonly media = new MediaTotals();
  readonly webhooks: WebhookMetrics;
  readonly signal: SignalMetrics;
  /** Sums of the reports of all DTLS threads; control adds what it drops itself. */
  readonly data = zeroDataCounts();
  readonly #registry = new Registry();
  readonly #http: Histogram<"method" | "route" | "status">;
  readonly #handshake: Histogram;
  readonly #handshakeFailures: Counter<"reason">;
  readonly #suspectTracks: Counter<"outcome">;
  readonly #threadLosses: Counter<"reason">;
  readonly #reports: Counter<"reason">;
  #dtls = NO_LOAD;
  /** CPU time of DTLS threads that were replaced, so that the total never falls. */
  #endedDtlsCpuUs = 0;
  /** Number of reports, one a second. */
  #dtlsHeartbeats = 0;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: RESOLUTION_MS });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
    registerMediaMetrics(this.#registry, this.media);
    registerDataMetrics(this.#registry, this.data);
    this.#registerThreads();
    this.webhooks = new WebhookMetrics(this.#registry);
    this.signal = new SignalMetrics(this.#registry);
    this.#http = new Histogram({
      name: "blindfold_http_request_duration_seconds",
      help: "Time from the head of an HTTP request to the end of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: HTTP_BUCKETS_SECONDS,
      registers,
    });
    this.#handshake = new Histogram({
      name: "blindfold_dtls_handshake_duration_seconds",
      help: "Time from the first flight of a DTLS handshake that succeeded to its keys.",
      buckets: HANDSHAKE_BUCKETS_SECONDS,
      registers,
    });
    this.#handshakeFailures = new Counter({
      name: "blindfold_dtls_handshake_failures_total",
      help: "DTLS handshakes that failed, by reason.",
      labelNames: ["reason"],
      registers,
    });
    this.#suspectTracks = new Counter({
      name: "blindfold_suspect_tracks_total",
      help: "Tracks that are said to be end-to-end encrypted and were found not to look so; and those of them that were cut.",
      labelNames: ["outcome"],
      registers,
    });
    for (const outcome of SUSPECT_OUTCOMES) this.#suspectTracks.inc({ outcome }, 0);
    this.#threadLosses = new Counter({
      name: "blindfold_thread_losses_total",
      help: "Media and DTLS threads that had to be replaced, by reason.",
      labelNames: ["reason"],
      registers,
    });
    for (const reason of THREAD_LOSSES) this.#threadLosses.inc({ reason }, 0);
    this.#reports = new Counter({
      name: "blindfold_reports_total",
      help: "Reports of abuse by people in rooms, by reason.",
      labelNames: ["reason"],
      registers,
    });
    for (const reason of REPORT_REASONS) this.#reports.inc({ reason }, 0);
  }

  onThreadLoss(reason: ThreadLoss): void {
    this.#threadLosses.inc({ reason });
  }

  /** A track does not look encrypted though declared so, or was cut for that. */
  onSuspectTrack(outcome: SuspectOutcome): void {
    this.#suspectTracks.inc({ outcome });
  }

  onReport(reason: ReportReason): void {
    this.#reports.inc({ reason });
  }

  /** Reads the counts of rooms and their contents at each scrape. */
  exposeRooms(read: () => RoomGauges): void {
    const helps: Record<keyof RoomGauges, string> = {
      rooms: "Rooms.",
      participants: "Participants in all rooms.",
      tracks: "Published tracks in all rooms.",
      subscriptions: "Subscriptions that carry a track, in all rooms.",
      speakers: "Audio tracks on which somebody speaks now, in all rooms.",
    };
    for (const [key, help] of Object.entries(helps) as [keyof RoomGauges, string][]) {
      new Gauge({
        name: `blindfold_${key}`,
        help,
        registers: [this.#registry],
        collect() {
          this.set(read()[key]);
        },
      });
    }
  }

  /** Sets, once, which tier of the fast path runs. */
  exposeTier(tier: string): void {
    new Gauge({
      name: "blindfold_fast_path_info",
      help: "The tier that moves media packets: always 1, the label says which.",
      labelNames: ["tier"],
      registers: [this.#registry],
    }).set({ tier }, 1);
  }

  onHttpExchange({ method, route, status, seconds }: HttpExchange): void {
    this.#http.observe({ method, route, status }, seconds);
  }

  /** `outcome`: `ok`, or the reason of a failure, one of a fixed list. */
  onHandshake(outcome: string, seconds: number): void {
    if (outcome === "ok") this.#handshake.observe(seconds);
    else this.#handshakeFailures.inc({ reason: outcome });
  }

  onDtlsLoad(load: DtlsLoad): void {
    this.#dtls = load;
    this.#dtlsHeartbeats += 1;
    addDataCounts(this.data, load.data);
  }

  /** The thread has ended, and its associations with it; there may be no report until its successor runs. */
  onDtlsEnd(): void {
    this.#endedDtlsCpuUs += this.#dtls.cpuUs;
    this.#dtls = NO_LOAD;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text exposition format, version 0.0.4. */
  async exposition(): Promise<string> {
    return `${await this.#registry.metrics()}\n${forwardDelayText(this.media)}`;
  }

  #registerThreads(): void {
    const { media } = this;
    const dtls = (): DtlsLoad => this.#dtls;
    const dtlsCpuUs = (): number => this.#endedDtlsCpuUs + this.#dtls.cpuUs;
    const dtlsHeartbeats = (): number => this.#dtlsHeartbeats;
    const registers = [this.#registry];
    new Counter({
      name: "blindfold_thread_cpu_seconds_total",
      help: "CPU time of a thread, of those it replaced too.",
      labelNames: ["thread"],
      registers,
      collect() {
        this.reset();
        for (const thread of media.threads) {
          this.inc({ thread: mediaThreadLabel(thread) }, media.totalOf(thread, "threadCpuUs") / 1e6);
        }
        this.inc({ thread: "dtls" }, dtlsCpuUs() / 1e6);
      },
    });
    new Counter({
      name: "blindfold_thread_heartbeats_total",
      help: "Seconds in which the loop of a thread turned, of those it replaced too.",
      labelNames: ["thread"],
      registers,
      collect() {
        this.reset();
        for (const thread of media.threads) {
          this.inc({ thread: mediaThreadLabel(thread) }, media.totalOf(thread, "heartbeats"));
        }
        this.inc({ thread: "dtls" }, dtlsHeartbeats());
      },
    });
    const slots = {
      p50: "eventLoopDelayP50Us",
      p99: "eventLoopDelayP99Us",
      max: "eventLoopDelayMaxUs",
    } as const;
    new Gauge({
      name: "blindfold_thread_event_loop_delay_seconds",
      help: "How late a thread's event loop was during the last second.",
      labelNames: ["thread", "statistic"],
      registers,
      collect() {
        this.reset();
        for (const [statistic, slot] of Object.entries(slots)) {
          for (const [thread, delayUs] of media.present(slot)) {
            this.set({ thread: mediaThreadLabel(thread), statistic }, delayUs / 1e6);
          }
          this.set({ thread: "dtls", statistic }, dtls()[slot] / 1e6);
        }
      },
    });
    new Gauge({
      name: "blindfold_dtls_associations",
      help: "DTLS associations, being established or secure.",
      registers,
      collect() {
        this.set(dtls().associations);
      },
    });
    new Gauge({
      name: "blindfold_data_associations",
      help: "SCTP associations for data channels, being established or ready.",
      registers,
      collect() {
        this.set(dtls().dataAssociations);
      },
    });
  }
}
