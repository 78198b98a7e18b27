/**
 * A track that is published in another thread, as receivers in this one see it: an UpTrack fed from a pipe. Repair and
 * feedback towards the publisher are done by the thread that receives it. A packet that a full pipe dropped stays lost, and
 * that thread asks for a key frame when the pipe has room again; what a receiver lost is retransmitted from the history here.
 */
import { SLOT } from "../base/counters.ts";
import type { ExtensionIds, UpTrackParams } from "../contract/media.ts";
import { ExtensionMap } from "../rtp/header-extensions.ts";
import { parseRtpHeader, readPadding } from "../rtp/rtp-header.ts";
import type { CoreContext } from "./core-context.ts";
import type { UpPacket } from "./up-packet.ts";
import { UpTrack } from "./up-track.ts";

export class PipedTrack {
  readonly track: UpTrack;
  readonly #extensions: ExtensionMap;
  readonly #context: CoreContext;

  constructor(params: UpTrackParams, extensions: ExtensionIds, context: CoreContext) {
    this.#extensions = new ExtensionMap(extensions);
    // The thread that receives it puts its encodings in order.
    this.track = new UpTrack({ ...params, isOrderGuessed: false }, this.#extensions);
    this.#context = context;
  }

  /** `packet`, the next of the thread's run, has its bytes, length, encoding, extended number and time of reception. */
  receive(packet: UpPacket): void {
    const { header, bytes, extensions, extSeq } = packet;
    const { track } = this;
    this.#context.counters[SLOT.pipedPackets_received]! += 1;
    // It was well-formed when the other thread received it.
    if (!parseRtpHeader(bytes, packet.length, header) || !readPadding(bytes, packet.length, header)) return;
    if (!extensions.parse(bytes, header, this.#extensions)) return;
    const payload = track.payload(header.payloadType);
    if (payload === undefined) return;
    this.#context.run.admit(this, header);
    const known = track.streams[packet.encoding];
    const stream =
      known?.ssrc === header.ssrc ? known : track.startStream(header.ssrc, packet.encoding, payload);
    if (stream.isDuplicate(extSeq)) return;
    if (header.payloadBytes === 0) {
      this.#context.run.forward();
      return track.skip(packet);
    }
    packet.keep();
    this.#context.run.precede(stream, extSeq);
    stream.accept(packet, payload);
    track.onPayload(payload);
    // Muted in this room; in the publisher's own room it may go on.
    if (track.muted) this.#context.counters[SLOT.upDropped_muted]! += 1;
    else this.#context.run.add(track, packet);
  }

  onClock(encoding: number, ntpUs: number, timestamp: number, receivedUs: number): void {
    this.track.streams[encoding]?.clock.onSenderReport(ntpUs, timestamp, receivedUs);
  }

  onBye(encoding: number, receivedUs: number): void {
    this.track.streams[encoding]?.activity.stop(receivedUs);
  }

  unpublish(track: UpTrack, nowUs: number): void {
    track.end(nowUs);
  }

  tick(nowUs: number): void {
    const { track } = this;
    track.tick(nowUs, this.#context.events);
    // A key frame would not come: it is wanted as soon as the track goes on.
    if (track.muted) return;
    for (const stream of track.streams) {
      if (stream?.keyframes.poll(nowUs, stream.activity.idleUs(nowUs)) !== true) continue;
      this.#context.events.push({
        kind: "piped-track.keyframe",
        trackId: track.id,
        encoding: stream.encoding,
      });
    }
  }
}
