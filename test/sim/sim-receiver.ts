/**
 * The receiving half of a simulated browser: passes packets to their streams, and answers as a browser does: NACKs,
 * PLIs, a receiver report each second, and transport-wide feedback once packets carry transport-wide sequence numbers.
 */
import { readU16 } from "../../src/base/bytes.ts";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { EXTENSION, ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { writeNack, writePli } from "../../src/rtp/rtcp/feedback.ts";
import { MAX_REPORT_BLOCKS, writeReceiverReport } from "../../src/rtp/rtcp/reports.ts";
import { type RtpHeader, readPadding } from "../../src/rtp/rtp-header.ts";
import { EXTENSION_IDS } from "./session-parameters.ts";
import type { SimViewer } from "./sim-viewer.ts";

const REPORT_INTERVAL_US = 1_000_000;
/** Sender SSRC of our RTCP. Any value that no stream has. */
const FEEDBACK_SSRC = 1;
/** Feedback packets are not larger. */
const MAX_RTCP_BYTES = 1_400;
const MAX_NACKS = 128;

type SendRtcp = (packet: Uint8Array) => void;

export class SimReceiver {
  readonly #bySsrc = new Map<number, SimViewer>();
  readonly #viewers: SimViewer[] = [];
  readonly #arrivals = new ArrivalRecorder();
  readonly #extensions = new ExtensionView();
  readonly #map = new ExtensionMap(EXTENSION_IDS);
  readonly #missing = new Uint16Array(MAX_NACKS);
  #reportUs = 0;

  add(viewer: SimViewer): void {
    this.#viewers.push(viewer);
    this.#bySsrc.set(viewer.params.ssrc, viewer);
    if (viewer.params.rtxSsrc !== 0) this.#bySsrc.set(viewer.params.rtxSsrc, viewer);
  }

  /** Processes a decrypted packet; malformed ones are ignored, since another participant may have made them. */
  receive(bytes: Uint8Array, length: number, header: RtpHeader, nowUs: number): void {
    if (!readPadding(bytes, length, header)) return;
    if (!this.#extensions.parse(bytes, header, this.#map)) return;
    const at = this.#extensions.at[EXTENSION.transportCc]!;
    if (at >= 0) this.#arrivals.onPacket(readU16(bytes, at), nowUs);
    this.#bySsrc.get(header.ssrc)?.receive(bytes, header, this.#extensions, nowUs);
  }

  /** Passes the RTCP that is due to `send`. */
  report(nowUs: number, send: SendRtcp): void {
    while (this.#arrivals.due(nowUs)) {
      send(rtcp((to) => this.#arrivals.write(nowUs, to, 0, FEEDBACK_SSRC, FEEDBACK_SSRC)));
    }
    for (const viewer of this.#viewers) this.#repair(viewer, nowUs, send);
    if (nowUs >= this.#reportUs) {
      this.#reportUs = nowUs + REPORT_INTERVAL_US;
      this.#reportLosses(nowUs, send);
    }
  }

  #repair(viewer: SimViewer, nowUs: number, send: SendRtcp): void {
    const { ssrc } = viewer.params;
    const count = viewer.missing(nowUs, this.#missing);
    if (count > 0) send(rtcp((to) => writeNack(to, 0, FEEDBACK_SSRC, ssrc, this.#missing, count)));
    if (viewer.wantsKeyframe(nowUs)) send(rtcp((to) => writePli(to, 0, FEEDBACK_SSRC, ssrc)));
  }

  #reportLosses(nowUs: number, send: SendRtcp): void {
    const heard = this.#viewers.filter(({ statistics }) => statistics.highestExtSeq >= 0);
    for (let first = 0; first < heard.length; first += MAX_REPORT_BLOCKS) {
      const blocks = heard
        .slice(first, first + MAX_REPORT_BLOCKS)
        .map(({ statistics, params }) => statistics.report(params.ssrc, nowUs));
      send(rtcp((to) => writeReceiverReport(to, 0, FEEDBACK_SSRC, blocks)));
    }
  }
}

function rtcp(write: (out: Uint8Array) => number): Uint8Array {
  const out = new Uint8Array(MAX_RTCP_BYTES);
  return out.subarray(0, write(out));
}
