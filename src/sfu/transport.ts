/**
 * One peer: its ICE agent, its keys, what it publishes and what it receives. A composition without decisions: incoming RTP
 * goes to `UpInlet`, incoming RTCP to `RtcpInlet`, and ticks to whatever sends reports.
 */
import type { SubscriptionId, TransportId } from "../base/ids.ts";
import type { DownTrackParams, ExtensionIds, TransportStats, UpTrackParams } from "../contract/media.ts";
import type { IceLiteAgent } from "../ice/ice-lite-agent.ts";
import { ExtensionMap } from "../rtp/header-extensions.ts";
import type { SrtpReceiver } from "../srtp/srtp-receiver.ts";
import type { SrtpSender } from "../srtp/srtp-sender.ts";
import { BandwidthAllocation, type RoomOrder } from "./bandwidth-allocation.ts";
import type { CoreContext } from "./core-context.ts";
import { DownStream } from "./down-stream.ts";
import { DownTrack } from "./down-track.ts";
import { Outlet } from "./outlet.ts";
import { PacketWriter } from "./packet-writer.ts";
import { PublisherFeedback } from "./publisher-feedback.ts";
import { RtcpInlet } from "./rtcp-inlet.ts";
import { RtcpOutlet } from "./rtcp-outlet.ts";
import { SendController } from "./send-controller.ts";
import { StreamDemux } from "./stream-demux.ts";
import { SubscriberReports } from "./subscriber-reports.ts";
import { UpInlet } from "./up-inlet.ts";
import { UpTrack } from "./up-track.ts";

/**
 * Interval of ticks of a transport to which nothing happens: they plan probes, allocate layers, and let ICE time out.
 * Longer does so later, shorter costs CPU with everybody: each tick fetches the whole transport from memory.
 */
const REST_US = 100_000;

export class Transport {
  readonly id: TransportId;
  readonly ice: IceLiteAgent;
  readonly outlet: Outlet;
  readonly rtp: UpInlet;
  readonly rtcp: RtcpInlet;
  readonly #extensions: ExtensionMap;
  readonly #demux = new StreamDemux();
  readonly #downTracks: DownTrack[] = [];
  readonly #controller: SendController;
  readonly #allocation: BandwidthAllocation;
  readonly #rtcpOutlet: RtcpOutlet;
  readonly #feedback: PublisherFeedback;
  readonly #reports: SubscriberReports;
  readonly #context: CoreContext;

  /** `session`: the index under which the thread keeps this transport's SRTP sender. */
  constructor(
    id: TransportId,
    session: number,
    ice: IceLiteAgent,
    extensions: ExtensionIds,
    context: CoreContext,
  ) {
    this.id = id;
    this.ice = ice;
    this.outlet = new Outlet(session, context.rests);
    this.#extensions = new ExtensionMap(extensions);
    this.#controller = new SendController(this.outlet, this.#extensions, context);
    this.#allocation = new BandwidthAllocation(this.#downTracks, this.#controller);
    this.#rtcpOutlet = new RtcpOutlet(this.outlet, context);
    this.#feedback = new PublisherFeedback(this.#demux, this.#rtcpOutlet, context);
    this.#reports = new SubscriberReports(this.#downTracks, this.#rtcpOutlet);
    this.rtp = new UpInlet(this.#extensions, this.#feedback, this.#demux, context);
    this.rtcp = new RtcpInlet(
      {
        demux: this.#demux,
        downTracks: this.#downTracks,
        feedback: this.#feedback,
        reports: this.#reports,
        controller: this.#controller,
      },
      context,
    );
    this.#context = context;
  }

  get tracks(): readonly UpTrack[] {
    return this.#demux.tracks;
  }

  get downTracks(): readonly DownTrack[] {
    return this.#downTracks;
  }

  /** The handshake is done: media may flow both ways. */
  onKeys(receiver: SrtpReceiver, sender: SrtpSender, nowUs: number): void {
    this.rtp.receiver = receiver;
    this.rtcp.receiver = receiver;
    this.#rtcpOutlet.sender = sender;
    this.outlet.secure = true;
    this.retarget(nowUs);
  }

  /** The peer has moved to another network: forgets the rates and round-trip times of the old one. */
  onNewPath(nowUs: number): void {
    const hasLost = this.#controller.onNewPath(nowUs);
    this.#feedback.onNewPath();
    for (const downTrack of this.#downTracks) {
      downTrack.reports.onNewPath();
      if (hasLost && downTrack.isVideo) downTrack.interrupt();
    }
  }

  /** Whether and where packets can be sent has changed. */
  retarget(nowUs: number): void {
    this.outlet.hurry();
    if (!this.outlet.open) this.#controller.onPathLost();
    for (const downTrack of this.#downTracks) downTrack.retarget(nowUs);
  }

  /** Applies to all that it sends and receives from now on. */
  addExtensions(extensions: ExtensionIds): void {
    this.#extensions.add(extensions);
  }

  /** What it sends is to take at most `bps`, bits per second; null for no limit but the path's. */
  limit(bps: number | null): void {
    this.#controller.limit(bps);
  }

  publish(params: UpTrackParams): UpTrack {
    const track = new UpTrack(params, this.#extensions);
    this.#demux.add(track);
    this.outlet.hurry();
    return track;
  }

  /** Ends a track of ours; its receivers are left without a source. */
  unpublish(track: UpTrack, nowUs: number): void {
    track.end(nowUs);
    this.#demux.remove(track);
  }

  addDownTrack(params: DownTrackParams): DownTrack {
    const writer = new PacketWriter(this.#extensions, params.mid);
    const stream = new DownStream(params.ssrc, params.rtxSsrc, writer, this.#controller, this.#context);
    const downTrack = new DownTrack(params, stream, this.#controller, this.#context);
    this.#downTracks.push(downTrack);
    return downTrack;
  }

  removeDownTrack(id: SubscriptionId, nowUs: number): void {
    const at = this.#downTracks.findIndex(({ params }) => params.subscriptionId === id);
    if (at === -1) return;
    const [removed] = this.#downTracks.splice(at, 1);
    removed!.setSource(null, nowUs);
    removed!.stream.sent.free();
    this.#rtcpOutlet.sender?.retire(removed!.params.ssrc);
    this.#rtcpOutlet.sender?.retire(removed!.params.rtxSsrc);
  }

  close(nowUs: number): void {
    for (const track of [...this.tracks]) this.unpublish(track, nowUs);
    for (const { params } of [...this.#downTracks]) this.removeDownTrack(params.subscriptionId, nowUs);
  }

  stats(): TransportStats {
    const { estimateBps, rttUs, fractionLost } = this.#controller;
    const { totalBps: allottedBps } = this.#allocation;
    return { transportId: this.id, estimateBps, allottedBps, rttUs, fractionLost };
  }

  tick(nowUs: number, room: RoomOrder): void {
    this.outlet.restUntil(nowUs + REST_US);
    if (!this.outlet.open) return;
    const { tracks } = this;
    for (let i = 0; i < tracks.length; i++) tracks[i]!.tick(nowUs, this.#context.events);
    for (let i = 0; i < this.#downTracks.length; i++) this.#downTracks[i]!.closeGaps(nowUs);
    this.#controller.tick(nowUs, this.#downTracks);
    this.#allocation.tick(nowUs, room);
    this.#feedback.tick(nowUs);
    this.#reports.tick(nowUs);
    if (this.#controller.isPacing || this.#controller.isDue || this.#feedback.isRepairing)
      this.outlet.hurry();
    else if (tracks.length > 0) this.outlet.wake();
  }
}
