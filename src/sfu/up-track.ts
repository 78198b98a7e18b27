/** What a participant publishes: one audio, or one video in one or more encodings. Owned by its Transport. */

import type { CodecName } from "../base/codec.ts";
import type { Ssrc, TrackId } from "../base/ids.ts";
import type { TransmitRing } from "../base/transmit-ring.ts";
import type {
  Layers,
  MediaEvent,
  PayloadParams,
  PixelSize,
  UpLayerStats,
  UpTrackParams,
  UpTrackStats,
} from "../contract/media.ts";
import type { ExtensionMap } from "../rtp/header-extensions.ts";
import type { LayerChoice } from "./allocator.ts";
import type { DownTrack } from "./down-track.ts";
import { EncodingOrder } from "./encoding-order.ts";
import { EncryptionGuard } from "./encryption-guard.ts";
import { MeasuredLadder } from "./layer-ladder.ts";
import { NO_LAYER } from "./layer-selector.ts";
import { PayloadNotice } from "./payload-notice.ts";
import type { TrackPipe } from "./track-pipe.ts";
import type { UpPacket } from "./up-packet.ts";
import { UpStream } from "./up-stream.ts";
import type { Voice } from "./voice.ts";
import { WantedLayer } from "./wanted-layer.ts";

/**
 * Interval of checks of all receivers, for encodings that fall silent. Longer leaves receivers without a picture for as
 * much longer, shorter costs CPU with each of them.
 */
const LOOK_US = 50_000;

export class UpTrack {
  /** As they were given, but for the order of the encodings. */
  params: UpTrackParams;
  readonly #extensions: ExtensionMap;
  /** By encoding; a hole until its first packet. */
  readonly streams: (UpStream | undefined)[] = [];
  readonly downTracks: DownTrack[] = [];
  /** Pipes to receivers in other threads. */
  readonly pipes: TrackPipe[] = [];
  /** Null where RIDs tell the order of the encodings. */
  readonly #order: EncodingOrder | null;
  readonly #ladder = new MeasuredLadder();
  #lookUs = 0;
  /** Set by the router for tracks that its room ranks. */
  voice: Voice | null = null;
  /** Whether its publisher is hidden. */
  hidden: boolean;
  /** Null unless it is declared to be encrypted in a format that can be recognised, and its room wants it checked. */
  guard: EncryptionGuard | null = null;
  /** Payload type and codec of the latest packet; null before the first. */
  latestPayload: PayloadParams | null = null;
  readonly #notice = new PayloadNotice();
  #muted = false;
  /** The one of several encodings that carries all spatial layers; null under simulcast, or with a single encoding. */
  #svcEncoding: number | null = null;
  readonly #wanted = new WantedLayer();
  readonly #payloadByType: (PayloadParams | undefined)[] = new Array(128);

  /** `extensions`: the publisher's extension ids, to read stored packets again. */
  constructor(params: UpTrackParams, extensions: ExtensionMap) {
    this.params = params;
    this.hidden = params.isHidden === true;
    this.#order = params.isOrderGuessed === true ? new EncodingOrder() : null;
    this.#extensions = extensions;
    for (const payload of params.payloads) this.#payloadByType[payload.payloadType] = payload;
  }

  get id(): TrackId {
    return this.params.trackId;
  }

  /**
   * Whether each spatial layer is an encoding of its own. Safari and React Native announce several for VP9 and AV1 but send
   * one with all spatial layers: that is SVC.
   */
  get isSimulcast(): boolean {
    return this.params.rids.length > 1 && this.#svcEncoding === null;
  }

  /** The stream that carries a spatial layer. */
  streamOf(spatial: number): UpStream | undefined {
    return this.streams[this.isSimulcast ? spatial : (this.#svcEncoding ?? 0)];
  }

  payload(payloadType: number): PayloadParams | undefined {
    return this.#payloadByType[payloadType];
  }

  /** The primary payload whose retransmissions carry `payloadType` (RFC 4588 §8.1, `apt`). */
  payloadOfRtx(payloadType: number): PayloadParams | undefined {
    return this.params.payloads.find((payload) => payload.rtxPayloadType === payloadType);
  }

  /** The codec of the latest packet; null before the first. */
  get codec(): CodecName | null {
    return this.latestPayload?.codec ?? null;
  }

  /** Notes the payload of a packet that will be forwarded. Returns whether it has changed. */
  onPayload(payload: PayloadParams): boolean {
    if (payload === this.latestPayload) return false;
    this.latestPayload = payload;
    for (let i = 0; i < this.downTracks.length; i++) this.downTracks[i]!.onPayload(payload);
    return true;
  }

  /** In the thread that receives the publisher: reports the payload to control, now or after a pause. */
  announcePayload(payload: PayloadParams, nowUs: number, events: MediaEvent[]): void {
    this.#notice.note(payload, nowUs);
    this.#tellPayload(nowUs, events);
  }

  /** A muted track is received and not forwarded; receivers start again from a key frame. */
  set muted(muted: boolean) {
    this.#muted = muted;
    this.setDue();
    if (muted) this.interrupt();
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Interrupts all receivers: whatever they are sent next continues their numbering. */
  interrupt(): void {
    for (const downTrack of this.downTracks) downTrack.interrupt();
  }

  /**
   * The one loop over receivers (ARCHITECTURE §4, step 5), which write into `ring`. Of a voice the packets come one by one;
   * pipes also get those that are held back in this thread.
   */
  forward(packets: readonly UpPacket[], count: number, ring: TransmitRing): void {
    if (this.voice === null || this.voice.hear(packets[0]!)) {
      for (let i = 0; i < this.downTracks.length; i++) {
        const downTrack = this.downTracks[i]!;
        for (let at = 0; at < count; at++) downTrack.write(packets[at]!);
        ring.makeRoom(count);
      }
    }
    for (let at = 0; at < count; at++) this.#pipe(packets[at]!);
  }

  /** A packet without media (padding only), which no receiver gets: closes the gap in their numbering. */
  skip(packet: UpPacket): void {
    for (let i = 0; i < this.downTracks.length; i++) this.downTracks[i]!.skip(packet);
    this.#pipe(packet);
  }

  /** What a full pipe has lost is not repaired. Before it has room again a key frame would be lost too. */
  #pipe(packet: UpPacket): void {
    for (let i = 0; i < this.pipes.length; i++) {
      if (this.pipes[i]!.write(packet) && this.params.kind === "video")
        this.streams[packet.encoding]?.keyframes.need();
    }
  }

  /** Its receivers are left without a source. */
  end(nowUs: number): void {
    for (const downTrack of [...this.downTracks]) downTrack.setSource(null, nowUs);
    // Packets that are still under way find no ended stream.
    for (const stream of this.streams.splice(0)) stream?.history.free();
  }

  /** The steps that a receiver of at most these layers can be sent now, lowest first. */
  ladder(limit: Layers, nowUs: number): readonly LayerChoice[] {
    return this.#ladder.upTo(limit, this, nowUs);
  }

  unpipe(to: number, channel: number): void {
    const at = this.pipes.findIndex((pipe) => pipe.to === to && pipe.channel === channel);
    if (at !== -1) this.pipes.splice(at, 1);
  }

  /** A new SSRC for an encoding: a publisher that restarts it uses another, and the old stream is forgotten. */
  startStream(ssrc: Ssrc, encoding: number, payload: PayloadParams): UpStream {
    const former = this.streams[encoding];
    if (former !== undefined) {
      for (const downTrack of this.downTracks) downTrack.onRestart(encoding);
      former.history.free();
    }
    this.setDue();
    const stream = new UpStream(ssrc, encoding, payload, this.#extensions);
    this.streams[encoding] = stream;
    // At once: two encodings must never be forwarded in one numbering.
    this.#classify();
    return stream;
  }

  /** Decides between simulcast and SVC, from the streams that have been received. */
  #classify(): void {
    if (this.params.rids.length < 2) return;
    const heard = this.streams.filter((stream) => stream !== undefined);
    const [only] = heard.length === 1 ? heard : [];
    // It restarts under another SSRC, and has shown its layers before.
    const isKnown = only !== undefined && only.encoding === this.#svcEncoding;
    const svcEncoding =
      only !== undefined && (isKnown || only.layerRates.maxSpatial > 0) ? only.encoding : null;
    if (svcEncoding === this.#svcEncoding) return;
    this.#svcEncoding = svcEncoding;
    this.#ladder.forget();
    this.setDue();
    for (const downTrack of this.downTracks) downTrack.onLayering();
  }

  /** Puts the encodings in order, if that was guessed and turns out to be wrong. */
  #sort(nowUs: number): void {
    const { rids, ssrcs } = this.params;
    const lowestFirst = this.#order?.find(this.streams, rids.length, nowUs) ?? null;
    if (lowestFirst === null) return;
    const sorted = <T>(former: readonly T[]): T[] =>
      former.length === rids.length ? lowestFirst.map((index) => former[index]!) : [...former];
    this.params = { ...this.params, rids: sorted(rids), ssrcs: sorted(ssrcs) };
    this.streams.splice(0, rids.length, ...sorted(this.streams));
    this.streams.forEach((stream, encoding) => {
      if (stream !== undefined) stream.encoding = encoding;
    });
    this.#ladder.forget();
    const indices = rids.map((_, former) => lowestFirst.indexOf(former));
    for (const downTrack of this.downTracks) downTrack.onReorder(indices);
  }

  /** A sender report of one of its streams (RFC 3550 §6.4.1). */
  onSenderReport(stream: UpStream, ntpUs: number, timestamp: number, nowUs: number): void {
    // One of a turn is enough: a datagram holds fifty, each of which would take the place of a packet in a pipe.
    if (stream.clock.receivedUs === nowUs) return;
    stream.clock.onSenderReport(ntpUs, timestamp, nowUs);
    stream.statistics.onSenderReport(ntpUs, nowUs);
    for (const pipe of this.pipes) pipe.writeClock(stream.encoding, ntpUs, timestamp, nowUs);
  }

  /**
   * A BYE for one of its streams (RFC 3550 §6.6). Chromium sends one for an encoding that it only pauses: the track lives
   * on, and receivers switch to another encoding.
   */
  onBye(stream: UpStream, nowUs: number): void {
    const { isStopped } = stream.activity;
    stream.activity.stop(nowUs);
    // At the other end of a pipe an encoding has only its latest stream, and nothing has come since the last BYE.
    if (this.streams[stream.encoding] !== stream || isStopped) return;
    for (const pipe of this.pipes) pipe.writeBye(stream.encoding, nowUs);
  }

  /** Size of a spatial layer, from the Dependency Descriptor; undefined where that has none. */
  resolution(spatial: number): PixelSize | undefined {
    const resolutions = this.streamOf(spatial)?.layerRates.resolutions;
    return this.isSimulcast ? resolutions?.at(-1) : resolutions?.[spatial];
  }

  /**
   * The encoding nearest to `wanted` that is active: the highest not above it, else the lowest; `wanted` itself before any
   * packet has come.
   */
  nearestActiveEncoding(wanted: number, nowUs: number): number {
    if (!this.isSimulcast) return wanted;
    let lowest = -1;
    for (let encoding = this.streams.length - 1; encoding >= 0; encoding--) {
      if (this.streams[encoding]?.isActive(nowUs) !== true) continue;
      if (encoding <= wanted) return encoding;
      lowest = encoding;
    }
    return lowest === -1 ? wanted : lowest;
  }

  /** Whether its frames are checked for encryption, if they are declared to be encrypted. */
  set guarded(guarded: boolean) {
    const { trailer, rids, ssrcs } = this.params;
    if (!guarded || trailer === undefined) this.guard = null;
    else this.guard ??= new EncryptionGuard(Math.max(1, rids.length, ssrcs.length));
  }

  /** What receivers can get, or want, has changed: the next tick checks them. */
  setDue(): void {
    this.#lookUs = 0;
  }

  /** Pushes events for control to `events`. */
  tick(nowUs: number, events: MediaEvent[]): void {
    for (let i = 0; i < this.streams.length; i++) this.streams[i]?.rate.tick(nowUs);
    this.#tellPayload(nowUs, events);
    if (this.params.kind === "video" && nowUs >= this.#lookUs) {
      this.#classify();
      this.#sort(nowUs);
      this.#lookUs = nowUs + LOOK_US;
      for (const downTrack of this.downTracks) downTrack.retarget(nowUs);
      this.#tellWanted(nowUs, events);
    }
    const suspect = this.guard?.verdict(nowUs) ?? null;
    if (suspect !== null) events.push({ kind: "up-track.suspect", trackId: this.id, suspect });
  }

  #tellPayload(nowUs: number, events: MediaEvent[]): void {
    const payload = this.#notice.take(nowUs);
    if (payload === null) return;
    const { codec, payloadType } = payload;
    events.push({ kind: "up-track.codec", trackId: this.id, codec, payloadType });
  }

  #tellWanted(nowUs: number, events: MediaEvent[]): void {
    let wanted = NO_LAYER;
    for (const downTrack of this.downTracks) wanted = Math.max(wanted, downTrack.wantedSpatial);
    // Nobody can want a track whose codec is not known yet: its publisher must not be told to stop.
    if (wanted === NO_LAYER && this.codec === null) return;
    if (this.isSimulcast) wanted = Math.min(wanted, this.params.rids.length - 1);
    const spatial = this.#wanted.update(wanted, nowUs);
    if (spatial !== null) events.push({ kind: "up-track.wanted", trackId: this.id, spatial });
  }

  stats(nowUs: number): UpTrackStats {
    const layers = this.streams.flatMap((stream): UpLayerStats[] => {
      if (stream === undefined) return [];
      const { maxSpatial, maxTemporal } = stream.layerRates;
      const spatials = this.isSimulcast ? [stream.encoding] : [...Array(maxSpatial + 1).keys()];
      return spatials.map((spatial) => ({
        spatial,
        rid: this.params.rids[stream.encoding] ?? "",
        active: stream.isActive(nowUs),
        bitrateBps: stream.rate.bitrateBps,
        packets: stream.rate.packets,
        packetsLost: stream.statistics.cumulativeLost,
        maxTemporal,
      }));
    });
    return {
      trackId: this.id,
      codec: this.codec,
      layers,
      dependencyDescriptor: this.streams.some((stream) => stream?.hasDescriptor === true),
    };
  }
}
