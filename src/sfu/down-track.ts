/**
 * One subscriber's copy of a track: a sending section with its own SSRC and numbering.
 *
 * Its SSRC and numbering live as long as it does; what it sends may change (layers, or another track altogether), and the
 * receiver sees one continuous stream. It holds no packets: retransmissions are read from the publisher's history.
 */
import { SLOT } from "../base/counters.ts";
import {
  type DownTrackParams,
  type DownTrackStats,
  type LayerPreference,
  type Layers,
  NO_PREFERENCE,
  type PayloadParams,
} from "../contract/media.ts";
import type { Allocation, LayerChoice } from "./allocator.ts";
import { Allotment } from "./allotment.ts";
import type { CoreContext } from "./core-context.ts";
import { type DownSource, knownOf } from "./down-source.ts";
import type { DownStream } from "./down-stream.ts";
import { wantedSpatial, wantedTemporal } from "./layer-preference.ts";
import { LayerReport } from "./layer-report.ts";
import {
  type Decision,
  type LayerSelector,
  NO_LAYER,
  SimulcastSelector,
  SvcSelector,
} from "./layer-selector.ts";
import { redPrimary } from "./payload-reader.ts";
import { ReceiverReports } from "./receiver-reports.ts";
import { NOT_NUMBERED } from "./renumbering.ts";
import type { SendController } from "./send-controller.ts";
import type { SenderClock } from "./sender-clock.ts";
import { NO_SOURCE, NOT_SENT } from "./sent-packets.ts";
import { UpPacket } from "./up-packet.ts";
import type { UpTrack } from "./up-track.ts";

/** Least payload that is worth repeating for a probe: padding alone is about as large. */
const MIN_REPEATED_BYTES = 256;

/** Approximate size of a packet without payload. */
const EMPTY_BYTES = 32;

/**
 * Packets that a late key picture may have the receivers of a track catch up with, all of them together: 512 for each of 64. More
 * would hold up everybody's media, fewer would ask for another key picture where a repair of a large one could do.
 */
const MAX_CAUGHT_UP = 32_768;

/**
 * Structures read anew while catching up; each comes with a key picture. More would have each receiver read what a publisher
 * may put into each packet, fewer would lose pictures of an encoder that repeats its structure.
 */
const MAX_STRUCTURES = 16;

const NOTHING: Layers = { spatial: NO_LAYER, temporal: 0 };

const NO_BYTES = new Uint8Array(0);

/** Filled and read within one call, by every track in turn. */
const recalled = new UpPacket();

export class DownTrack {
  readonly params: DownTrackParams;
  readonly isVideo: boolean;
  readonly stream: DownStream;
  /** `params.cname` as UTF-8, for SDES. */
  readonly cname: Uint8Array;
  readonly reports = new ReceiverReports();
  source: DownSource | null = null;
  #selector: LayerSelector = new SvcSelector();
  /** What it may send of its source, by bandwidth. */
  allotment = new Allotment();
  #preference = NO_PREFERENCE;
  /**
   * Whether the receiver has paused it or, for a video, bandwidth is lacking: derived from both, for every packet to read.
   */
  #isPaused = false;
  /** The payload type under which the receiver knows the present codec of the source. */
  #payloadType = 0;
  /** Whether the receiver does not know that codec: control has yet to hear of the change, and will respond. */
  #isOtherCodec = false;
  /** Whether the receiver knows the audio only without redundancy: the primary block is taken out of RED. */
  #unwraps = false;
  /** Encoding of the packets being sent; NO_LAYER before the first and after an interruption. */
  #encoding = NO_LAYER;
  /**
   * In that encoding, everything up to this packet has been handled in order, as after a key picture or a switch: a late
   * packet before it no longer changes layers.
   */
  #settledExtSeq = -1;
  /** Clock of the stream that was last sent: capture times continue from it, also after an interruption. */
  #clock: SenderClock | undefined;
  /** Whether a video was interrupted, and gaps that it leaves have yet to be closed. */
  #isCut = false;
  readonly #report: LayerReport;
  readonly #controller: SendController;
  readonly #context: CoreContext;

  constructor(params: DownTrackParams, stream: DownStream, controller: SendController, context: CoreContext) {
    this.params = params;
    this.isVideo = params.kind === "video";
    this.cname = new TextEncoder().encode(params.cname);
    this.stream = stream;
    this.#report = new LayerReport(params.subscriptionId, context);
    this.#controller = controller;
    this.#context = context;
  }

  /** The payload type of retransmissions; undefined without RTX, or without a source. */
  get rtxPayloadType(): number | undefined {
    return this.params.rtxSsrc === 0 ? undefined : this.source?.payload.rtxPayloadType;
  }

  get preference(): LayerPreference {
    return this.#preference;
  }

  /** The encoding being sent, or NO_LAYER. */
  get encoding(): number {
    return this.#encoding;
  }

  get current(): Layers | null {
    if (this.#encoding === NO_LAYER) return null;
    return this.isVideo
      ? { spatial: this.#selector.currentSpatial, temporal: this.#temporal() }
      : { spatial: 0, temporal: 0 };
  }

  /** The highest spatial layer that the receiver wants, regardless of bandwidth; NO_LAYER for none. */
  get wantedSpatial(): number {
    const { source } = this;
    if (source === null || !this.#isOpen()) return NO_LAYER;
    return wantedSpatial(this.#preference, source.track);
  }

  /** Connects to a track, or to none. What is sent next continues the stream. */
  setSource(source: DownSource | null, nowUs: number): void {
    const viewers = this.source?.track.downTracks;
    if (viewers !== undefined) viewers.splice(viewers.indexOf(this), 1);
    this.interrupt();
    if (this.#isOpen()) this.closeGaps(nowUs);
    this.stream.forgetSent();
    this.#clock = undefined;
    this.allotment = new Allotment();
    this.#updatePaused();
    this.source = source;
    this.#controller.setDue();
    if (source === null) return;
    this.onPayload(source.track.latestPayload ?? source.payload);
    this.#selector = selectorFor(source.track);
    source.track.downTracks.push(this);
    source.track.setDue();
    this.retarget(nowUs);
  }

  /** The payload of the source's packets from now on. */
  onPayload(payload: PayloadParams): void {
    const known = knownOf(this.source!, payload);
    this.#isOtherCodec = known === null;
    // Empty packets that fill gaps meanwhile go out under the former payload type.
    if (known === null) return;
    this.#payloadType = known.payloadType;
    this.#unwraps = known.codec !== payload.codec;
  }

  /** The source has turned out to be SVC instead of simulcast, or the reverse; `retarget` follows. */
  onLayering(): void {
    this.interrupt();
    this.#selector = selectorFor(this.source!.track);
    this.#controller.setDue();
  }

  /** The encodings of the source have other indices: `indices[former]`. What is being sent goes on; `retarget` follows. */
  onReorder(indices: readonly number[]): void {
    this.stream.onReorder(indices);
    if (this.#encoding !== NO_LAYER) this.#encoding = indices[this.#encoding]!;
    this.#selector.onReorder(indices);
    this.#controller.setDue();
  }

  /** An encoding of the source restarts, with other numbers. */
  onRestart(encoding: number): void {
    this.stream.onRestart(encoding);
    if (this.#encoding === encoding) this.interrupt();
  }

  setPreference(preference: LayerPreference, nowUs: number): void {
    this.#preference = preference;
    this.#updatePaused();
    this.source?.track.setDue();
    this.#controller.setDue();
    if (preference.paused) this.interrupt();
    this.retarget(nowUs);
  }

  /** `choice`: what a video may send from now on; null pauses it. `budgetBps`: for all tracks of the receiver. */
  allot(choice: LayerChoice | null, allocation: Allocation, budgetBps: number, nowUs: number): void {
    const before = this.allotment.open;
    const reason = this.allotment.take(choice, allocation, budgetBps, nowUs);
    this.#updatePaused();
    if (this.allotment.open === null && before !== null) this.interrupt();
    if (reason === null) return;
    const { subscriptionId } = this.params;
    this.#context.events.push({
      kind: "down-track.allotted",
      subscriptionId,
      layers: this.allotment.layers,
      cause: allocation.reason.kind,
      reason,
    });
    this.retarget(nowUs);
  }

  /** Targets the preferred layer, or the nearest that the publisher sends now; asks for a key frame if that needs one. */
  retarget(nowUs: number): void {
    if (!this.#isOpen() && this.#encoding !== NO_LAYER) this.interrupt();
    const { source } = this;
    if (source === null || !this.isVideo) return;
    const selector = this.#selector;
    const wanted = source.track.muted ? NO_LAYER : this.wantedSpatial;
    const { spatial, temporal } = this.allotment.open ?? NOTHING;
    // The preference may be lower than when bandwidth was allocated.
    const goal = Math.min(wanted, spatial);
    selector.targetSpatial = goal === NO_LAYER ? NO_LAYER : source.track.nearestActiveEncoding(goal, nowUs);
    selector.targetTemporal = Math.min(wantedTemporal(this.#preference), temporal);
    const mustWait = source.track.isSimulcast || selector.currentSpatial === NO_LAYER;
    if (mustWait && selector.needsKeyframe) this.#needKeyframe(selector.targetSpatial);
  }

  /** The next packet of a video must start at a key frame again. */
  interrupt(): void {
    this.#selector.reset();
    if (this.isVideo && this.#encoding !== NO_LAYER) {
      this.#isCut = true;
      this.stream.cut();
      this.#controller.outlet.hurry();
    }
    this.#encoding = NO_LAYER;
    this.#report.clear();
  }

  /** To be called at each tick with a path: after an interruption, nothing will come for the numbers that are missing. */
  closeGaps(nowUs: number): void {
    if (!this.#isCut) return;
    this.#isCut = false;
    this.#fillGaps(nowUs);
  }

  /** The receiver has sent a PLI or FIR: passes it on to the encoding that it gets. */
  onKeyframeRequest(): void {
    if (this.source !== null && this.#encoding !== NO_LAYER) this.#needKeyframe(this.#encoding);
  }

  /** Forwards or drops one packet of the source, or switches at it: step 6 of the packet path (ARCHITECTURE §4). */
  write(packet: UpPacket): void {
    const { counters } = this.#context;
    if (!this.#isOpen()) {
      counters[SLOT.downDropped_no_path]! += 1;
    } else if (this.#isPaused) {
      counters[SLOT.downDropped_paused]! += 1;
    } else if (this.#isOtherCodec) {
      counters[SLOT.downDropped_other_codec]! += 1;
      this.skip(packet);
    } else if (!this.isVideo) {
      if (this.#encoding === NO_LAYER) this.#switchTo(packet);
      this.#send(packet, packet.header.marker);
    } else {
      this.#writeVideo(packet);
    }
  }

  /** A packet of the source that is not sent: closes the gap in the numbering. */
  skip(packet: UpPacket): void {
    if (packet.encoding !== this.#encoding || !this.#isOpen()) return;
    this.#fill(this.stream.skip(packet), packet.nowUs);
  }

  /** Reads the packet in `row` of `stream.sent` back from the publisher's history. Returns false when it is forgotten. */
  recall(row: number, nowUs: number, out: UpPacket): boolean {
    return this.stream.recall(row, this.source?.track, nowUs, out);
  }

  /** Minimum playout delay that the receiver is told for a video, microseconds; below 0: none. */
  holdBack(us: number): void {
    if (this.isVideo) this.stream.playoutDelayUs = us;
  }

  /** Sends a packet that was queued for pacing. */
  release(extSeq: number, nowUs: number): void {
    const { stream } = this;
    const row = stream.sent.find(extSeq);
    if (row === NOT_SENT || !this.recall(row, nowUs, recalled)) {
      this.#context.counters[SLOT.downDropped_pacer_late]! += 1;
    } else if (stream.sent.sourceExtSeq(row) === NO_SOURCE) stream.fill(extSeq, this.#payloadType, nowUs);
    else this.#transmit(recalled, extSeq);
  }

  /**
   * Sends a packet for a probe of the path: the latest packet once more, else padding. Returns its size, or 0 without RTX or
   * a source.
   */
  pad(nowUs: number): number {
    const { rtxPayloadType, stream } = this;
    if (rtxPayloadType === undefined) return 0;
    const latest = stream.numbers.seq.highestOut;
    const row = stream.sent.find(latest);
    const isKnown = row !== NOT_SENT && this.#encoding !== NO_LAYER && this.recall(row, nowUs, recalled);
    // A probe of small packets would have too many of them: some would overtake others by more than a replay window.
    return isKnown && recalled.payload.length >= MIN_REPEATED_BYTES
      ? stream.resend(recalled, row, rtxPayloadType)
      : stream.pad(rtxPayloadType, nowUs);
  }

  stats(): DownTrackStats {
    const { rate } = this.stream;
    return {
      subscriptionId: this.params.subscriptionId,
      current: this.current,
      bitrateBps: rate.bitrateBps,
      packets: rate.packets,
      retransmitted: this.reports.retransmitted,
      fractionLost: this.reports.fractionLost,
      rttUs: this.reports.rttUs,
    };
  }

  #writeVideo(packet: UpPacket): void {
    const { frame } = packet;
    // Layers change at a key picture whose first frame comes late: frames that depend on it were dropped before.
    const isLate = frame.keyframe && this.#selector.changesAt(frame) && this.#isOvertaken(packet);
    const isTooLate = frame.keyframe && packet.extSeq < packet.highestExtSeq && this.#isTooLate(packet);
    if (isTooLate && this.#mustStartAt(packet)) return this.#pass(packet, "other");
    if (isLate && (isTooLate || packet.extSeq <= this.#settledExtSeq)) {
      this.#context.counters[SLOT.downDropped_late]! += 1;
      return this.#fill(this.stream.drop(packet), packet.nowUs);
    }
    const { encoding, extSeq } = packet;
    const selected = this.#selector.select(frame, encoding, extSeq, this.#isOvertaken(packet));
    if (selected !== "switch" && !(isLate && selected === "forward")) return this.#pass(packet, selected);
    this.#switchTo(packet);
    this.#pass(packet, selected);
    this.#catchUp(packet);
  }

  /** Sends or drops a packet, as selected. */
  #pass(packet: UpPacket, decision: Decision): void {
    const { frame } = packet;
    const selector = this.#selector;
    if (frame.startsFrame) {
      if (selector.needsKeyframe) this.#needKeyframe(selector.targetSpatial);
      if (this.#encoding !== NO_LAYER) this.#report.update(selector.currentSpatial, this.#temporal());
    }
    if (decision === "forward" || decision === "switch") {
      if (frame.keyframe && frame.startsFrame) this.#settle(packet.extSeq);
      return this.#send(packet, packet.header.marker || selector.endsPicture(frame, packet.extSeq));
    }
    this.#context.counters[SLOT.downDropped_layer]! += 1;
    if (decision === "drop") this.#fill(this.stream.drop(packet), packet.nowUs);
  }

  #isOvertaken({ extSeq, highestExtSeq, encoding }: UpPacket): boolean {
    return encoding === this.#encoding && extSeq < highestExtSeq;
  }

  /** Whether more has come after a key picture than may be caught up with: the next one is waited for. */
  #isTooLate({ extSeq, highestExtSeq, encoding }: UpPacket): boolean {
    const { streams, downTracks } = this.source!.track;
    const behind = Math.min(highestExtSeq - extSeq, streams[encoding]!.history.rows);
    return behind * downTracks.length > MAX_CAUGHT_UP;
  }

  /** Whether nothing can be sent of the encoding before a key picture. */
  #mustStartAt({ encoding }: UpPacket): boolean {
    return encoding !== this.#encoding || this.#selector.currentSpatial === NO_LAYER;
  }

  #settle(extSeq: number): void {
    if (extSeq > this.#settledExtSeq) this.#settledExtSeq = extSeq;
  }

  /**
   * After a switch at a late packet: those that came before it and are numbered above were dropped, and are in the history.
   * Passes them once, in order; packets that come even later change nothing about that.
   */
  #catchUp({ extSeq, highestExtSeq, receivedUs, nowUs, header, frame }: UpPacket): void {
    const { track } = this.source!;
    const stream = track.streams[this.#encoding]!;
    const payload = track.payload(header.payloadType)!;
    // A retransmission may claim a place 2^15 numbers back: each receiver would look for all of them.
    const first = Math.max(extSeq, highestExtSeq - stream.history.rows) + 1;
    let structures = 0;
    let { structure } = frame;
    for (let next = first; next <= highestExtSeq && structures <= MAX_STRUCTURES; next++) {
      if (!stream.recall(next, nowUs, recalled)) continue;
      recalled.receivedUs = receivedUs;
      if (recalled.header.payloadType !== header.payloadType) {
        this.skip(recalled);
        continue;
      }
      stream.readFrame(recalled, payload);
      if (recalled.frame.structure !== structure) structures += 1;
      structure = recalled.frame.structure;
      this.#pass(recalled, this.#selector.select(recalled.frame, recalled.encoding, next, false));
    }
    this.#settle(highestExtSeq);
  }

  #switchTo(packet: UpPacket): void {
    const { track, payload } = this.source!;
    const { clock } = track.streams[packet.encoding]!;
    this.#isCut = false;
    // A decoder of audio conceals what is missing, and sends no NACKs.
    if (this.isVideo) this.#fillGaps(packet.nowUs);
    this.stream.resync(packet, payload.clockRate, this.#clock, clock);
    this.#clock = clock;
    this.#encoding = packet.encoding;
    this.#settledExtSeq = packet.extSeq;
  }

  #fillGaps(nowUs: number): void {
    for (const extSeq of this.stream.takeGaps()) this.#fill(extSeq, nowUs);
  }

  /**
   * Sends an empty packet under a reserved number that is not needed, if `extSeq` is one. Queued behind other packets if
   * there are any: if it overtook them, the receiver would send NACKs for all of those.
   */
  #fill(extSeq: number, nowUs: number): void {
    if (!this.stream.giveUp(extSeq)) return;
    if (this.isVideo && this.#controller.mustWait(nowUs)) this.#controller.enqueue(this, extSeq, EMPTY_BYTES);
    else this.stream.fill(extSeq, this.#payloadType, nowUs);
  }

  #send(packet: UpPacket, marker: boolean): void {
    const extSeq = this.stream.number(packet, marker);
    const { nowUs } = packet;
    if (extSeq === NOT_NUMBERED) return this.#fill(this.stream.skip(packet), nowUs);
    if (this.isVideo && this.#controller.mustWait(nowUs)) {
      this.#controller.enqueue(this, extSeq, packet.length);
    } else this.#transmit(packet, extSeq);
  }

  #transmit(packet: UpPacket, extSeq: number): void {
    const payload = this.#unwraps ? (redPrimary(packet) ?? NO_BYTES) : packet.payload;
    const bytes = this.stream.send(packet, extSeq, this.#payloadType, payload);
    if (bytes === 0) return;
    const { counters } = this.#context;
    counters[this.isVideo ? SLOT.downPackets_video : SLOT.downPackets_audio]! += 1;
    counters[this.isVideo ? SLOT.downBytes_video : SLOT.downBytes_audio]! += bytes;
  }

  /** Audio is never paused for lack of bandwidth. */
  #updatePaused(): void {
    this.#isPaused = this.#preference.paused || (this.isVideo && this.allotment.open === null);
  }

  #isOpen(): boolean {
    return this.#controller.outlet.open;
  }

  #needKeyframe(spatial: number): void {
    const { track } = this.source!;
    track.streamOf(spatial)?.keyframes.need();
    this.#context.rests.isHurried = true;
  }

  /** The highest temporal layer that a video is sent, and has. */
  #temporal(): number {
    const sent = this.source?.track.streams[this.#encoding]?.layerRates.maxTemporal ?? 0;
    return Math.min(this.#selector.currentTemporal, sent);
  }
}

function selectorFor({ isSimulcast }: UpTrack): LayerSelector {
  return isSimulcast ? new SimulcastSelector() : new SvcSelector();
}
