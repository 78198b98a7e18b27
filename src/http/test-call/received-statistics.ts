/** A browser's statistics of a peer connection, reduced to what tiles show and tests need. */

export interface MediaStatistics {
  readonly framesDecoded: number;
  readonly framesPerSecond: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  /** With simulcast, the encoding that is measured; otherwise empty. */
  readonly rid: string;
  readonly freezeCount: number;
  readonly totalFreezesDuration: number;
  /** Square of the level in [0, 1], integrated over time (W3C webrtc-stats); stays 0 while only silence is played. */
  readonly totalAudioEnergy: number;
  /** In [0, 1], now. */
  readonly audioLevel: number;
  /** Samples played; of these, concealed because nothing came in time; of these, silent. */
  readonly totalSamplesReceived: number;
  readonly concealedSamples: number;
  readonly silentConcealedSamples: number;
  /** For video: seconds that frames waited before decoding, summed over the emitted frames (W3C webrtc-stats). */
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  /** For video: NACKs and PLIs, sent by a receiver or received by a sender. */
  readonly nackCount: number;
  readonly pliCount: number;
  /** Of audio and video together, since the last reading. */
  readonly bitrateBps: number;
  /** The browser's bandwidth estimate; 0 while it has none. */
  readonly availableOutgoingBps: number;
}

export const NO_STATISTICS: MediaStatistics = {
  framesDecoded: 0,
  framesPerSecond: 0,
  frameWidth: 0,
  frameHeight: 0,
  rid: "",
  freezeCount: 0,
  totalFreezesDuration: 0,
  totalAudioEnergy: 0,
  audioLevel: 0,
  totalSamplesReceived: 0,
  concealedSamples: 0,
  silentConcealedSamples: 0,
  jitterBufferDelay: 0,
  jitterBufferEmittedCount: 0,
  nackCount: 0,
  pliCount: 0,
  bitrateBps: 0,
  availableOutgoingBps: 0,
};

/** TypeScript's `RTCStats` has only the members common to all kinds. */
type Report = Record<string, number | string | undefined>;

/** Reads the statistics of one connection repeatedly; rates are computed between two readings. */
export class StatisticsReader {
  readonly #connection: RTCPeerConnection;
  #bytes = 0;
  #atMs = 0;

  constructor(connection: RTCPeerConnection) {
    this.#connection = connection;
  }

  /** What is received and decoded. */
  async received(): Promise<MediaStatistics> {
    return this.#read("inbound-rtp", "framesDecoded");
  }

  /** What is encoded and sent: sizes are those of the largest encoding that is being sent. */
  async sent(): Promise<MediaStatistics> {
    return this.#read("outbound-rtp", "framesEncoded");
  }

  async #read(type: "inbound-rtp" | "outbound-rtp", frames: string): Promise<MediaStatistics> {
    const reports: Report[] = [];
    for (const report of (await this.#connection.getStats()).values()) reports.push(report as Report);
    const streams = reports.filter((report) => report.type === type);
    const videos = streams.filter((report) => report.kind === "video");
    const video = widest(videos);
    const isAudio = (report: Report): boolean =>
      report.kind === "audio" && (report.type === type || report.type === "media-source");
    const audio = reports.find((report) => isAudio(report) && report.audioLevel !== undefined);
    return {
      framesDecoded: numberOf(video?.[frames]),
      framesPerSecond: numberOf(video?.framesPerSecond),
      frameWidth: numberOf(video?.frameWidth),
      frameHeight: numberOf(video?.frameHeight),
      rid: String(video?.rid ?? ""),
      freezeCount: numberOf(video?.freezeCount),
      totalFreezesDuration: numberOf(video?.totalFreezesDuration),
      totalAudioEnergy: numberOf(audio?.totalAudioEnergy),
      audioLevel: numberOf(audio?.audioLevel),
      totalSamplesReceived: numberOf(audio?.totalSamplesReceived),
      concealedSamples: numberOf(audio?.concealedSamples),
      silentConcealedSamples: numberOf(audio?.silentConcealedSamples),
      jitterBufferDelay: numberOf(video?.jitterBufferDelay),
      jitterBufferEmittedCount: numberOf(video?.jitterBufferEmittedCount),
      nackCount: sumOf(videos, "nackCount"),
      pliCount: sumOf(videos, "pliCount"),
      bitrateBps: this.#rate(sumOf(streams, "bytesReceived") + sumOf(streams, "bytesSent")),
      availableOutgoingBps: numberOf(
        reports.find((report) => report.availableOutgoingBitrate !== undefined)?.availableOutgoingBitrate,
      ),
    };
  }

  #rate(bytes: number): number {
    const nowMs = performance.now();
    const bitrateBps = this.#atMs === 0 ? 0 : ((bytes - this.#bytes) * 8000) / (nowMs - this.#atMs);
    this.#bytes = bytes;
    this.#atMs = nowMs;
    return Math.max(0, bitrateBps);
  }
}

function widest(reports: readonly Report[]): Report | undefined {
  const size = (report: Report): number =>
    numberOf(report.framesPerSecond) > 0 ? numberOf(report.frameWidth) : 0;
  return reports.toSorted((a, b) => size(b) - size(a))[0];
}

function sumOf(reports: readonly Report[], name: string): number {
  return reports.reduce((sum, report) => sum + numberOf(report[name]), 0);
}

function numberOf(value: number | string | undefined): number {
  return typeof value === "number" ? value : 0;
}
