/**
 * Sender reports and CNAMEs for a subscriber (RFC 3550 §6.4.1, §6.5.1). NTP times are the publisher's own, mapped to our
 * RTP timestamps, so that a receiver synchronises its audio and video as if it received them directly. A stream without a
 * report from its publisher has none from us.
 */

import { ntpMiddle } from "../base/ntp.ts";
import { writeDlrr } from "../rtp/rtcp/extended-reports.ts";
import { writeCname, writeSenderReport } from "../rtp/rtcp/reports.ts";
import type { DownTrack } from "./down-track.ts";
import type { RtcpOutlet } from "./rtcp-outlet.ts";

const REPORT_INTERVAL_US = 1_000_000;

export class SubscriberReports {
  #nextUs = 0;
  /** The receiver reference time to answer in the next report. */
  #asked: { readonly ssrc: number; readonly middle: number; readonly atUs: number } | null = null;
  readonly #downTracks: readonly DownTrack[];
  readonly #rtcp: RtcpOutlet;

  constructor(downTracks: readonly DownTrack[], rtcp: RtcpOutlet) {
    this.#downTracks = downTracks;
    this.#rtcp = rtcp;
  }

  /** A receiver reference time has come (RFC 3611 §4.4), to be answered by DLRR. */
  onReferenceTime(ssrc: number, ntpUs: number, nowUs: number): void {
    this.#asked = { ssrc, middle: ntpMiddle(ntpUs), atUs: nowUs };
  }

  tick(nowUs: number): void {
    const downTracks = this.#downTracks;
    for (let i = 0; i < downTracks.length; i++) downTracks[i]!.stream.rate.tick(nowUs);
    if (nowUs < this.#nextUs) return;
    this.#nextUs = nowUs + REPORT_INTERVAL_US;
    for (const downTrack of this.#downTracks) this.#report(downTrack, nowUs);
  }

  #report(downTrack: DownTrack, nowUs: number): void {
    const { source, stream, params, reports } = downTrack;
    const clock = source?.track.streams[downTrack.encoding]?.clock;
    if (source === null || clock === undefined || !clock.known) return;
    const ntpUs = clock.ntpUsNow(nowUs);
    const timestamp =
      (clock.timestampAt(ntpUs, source.payload.clockRate) + stream.numbers.timestampOffset) >>> 0;
    const { ssrc } = params;
    const info = { ssrc, ntpUs, timestamp, packets: stream.rate.packets, payloadBytes: stream.payloadBytes };
    this.#rtcp.send((out, at) => {
      const end = writeCname(out, writeSenderReport(out, at, info), ssrc, downTrack.cname);
      return this.#writeAnswer(out, end, ssrc, nowUs);
    });
    reports.onSenderReportSent(ntpUs, nowUs);
  }
  /** Each reference time is answered once, in the first report that is sent. */
  #writeAnswer(out: Uint8Array, at: number, senderSsrc: number, nowUs: number): number {
    const asked = this.#asked;
    if (asked === null) return at;
    this.#asked = null;
    const delay = Math.round(((nowUs - asked.atUs) * 65_536) / 1_000_000);
    return writeDlrr(out, at, senderSsrc, [{ ssrc: asked.ssrc, lastReferenceTime: asked.middle, delay }]);
  }
}
