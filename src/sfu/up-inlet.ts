/**
 * RTP from one publisher, from ciphertext to the run of packets that is forwarded next: steps 3 and 4 of the packet path.
 * Every drop adds one to a counter by reason.
 */
import { readU16, readU24, writeU16, writeU32 } from "../base/bytes.ts";
import { type CounterName, SLOT } from "../base/counters.ts";
import { extendSeq } from "../base/sequence.ts";
import type { PayloadParams } from "../contract/media.ts";
import { EXTENSION, type ExtensionMap } from "../rtp/header-extensions.ts";
import { parseRtpHeader, readPadding } from "../rtp/rtp-header.ts";
import { SRTP_REPLAYED, SRTP_TOO_MANY_STREAMS, type SrtpReceiver } from "../srtp/srtp-receiver.ts";
import type { CoreContext } from "./core-context.ts";
import type { EncryptionGuard } from "./encryption-guard.ts";
import { endsFrame, looksSealed } from "./payload-reader.ts";
import type { PublisherFeedback } from "./publisher-feedback.ts";
import type { StreamBinding, StreamDemux } from "./stream-demux.ts";
import { OSN_BYTES, type UpPacket } from "./up-packet.ts";
import type { UpStream } from "./up-stream.ts";
import type { UpTrack } from "./up-track.ts";

export class UpInlet {
  /** Null until the handshake has given keys. */
  receiver: SrtpReceiver | null = null;
  readonly #extensions: ExtensionMap;
  readonly #feedback: PublisherFeedback;
  readonly #demux: StreamDemux;
  readonly #context: CoreContext;

  constructor(
    extensions: ExtensionMap,
    feedback: PublisherFeedback,
    demux: StreamDemux,
    context: CoreContext,
  ) {
    this.#extensions = extensions;
    this.#feedback = feedback;
    this.#demux = demux;
    this.#context = context;
  }

  /** `packet` is the next of the thread's run: its `bytes[0, length)` came in at `receivedUs`. */
  receive(packet: UpPacket): void {
    const { header, bytes } = packet;
    if (this.receiver === null) return this.#drop("upDropped_not_secure");
    if (!parseRtpHeader(bytes, packet.length, header)) return this.#drop("upDropped_malformed_rtp");
    const opened = this.receiver.openRtp(bytes, header, packet.length);
    if (opened < 0) return this.#drop(refusal(opened));
    packet.length = opened;
    packet.extSeq = this.receiver.lastExtSeq;
    if (!packet.extensions.parse(bytes, header, this.#extensions))
      return this.#drop("upDropped_malformed_rtp");
    if (!readPadding(bytes, opened, header)) return this.#drop("upDropped_malformed_rtp");
    this.#noteArrival(packet);

    this.#context.run.admit(this, header);
    const binding = this.#demux.find(packet);
    if (typeof binding === "string") return this.#drop(`upDropped_${binding}`);
    if (binding.rtx) this.#receiveRtx(packet, binding);
    else this.#receiveMedia(packet, binding);
  }

  #noteArrival(packet: UpPacket): void {
    const { extensions, bytes, arrivedUs } = packet;
    if (this.#extensions.isNumbered) {
      const at = extensions.at[EXTENSION.transportCc]!;
      if (at >= 0 && extensions.bytes[EXTENSION.transportCc] === 2) {
        this.#feedback.arrivals.onPacket(readU16(bytes, at), arrivedUs);
      }
      return;
    }
    const at = extensions.at[EXTENSION.absSendTime]!;
    if (at < 0 || extensions.bytes[EXTENSION.absSendTime] !== 3) return;
    this.#feedback.onTimedPacket(readU24(bytes, at), packet.length, arrivedUs);
  }

  #receiveMedia(packet: UpPacket, { track, stream }: StreamBinding): void {
    const { header, extSeq, receivedUs } = packet;
    const payload = track.payload(header.payloadType);
    if (payload === undefined) return this.#drop("upDropped_unknown_payload_type");
    stream.statistics.onPacket(extSeq, header.timestamp, packet.arrivedUs);
    stream.nack?.onPacket(extSeq, receivedUs);
    if (stream.nack?.isRepairing === true) this.#context.rests.isHurried = true;
    this.#forward(packet, track, stream, payload);
  }

  /** Restores the original packet from a retransmission, in place, as if it had come late. */
  #receiveRtx(packet: UpPacket, { track, stream }: StreamBinding): void {
    const { header, bytes } = packet;
    this.#context.counters[SLOT.upRtxPackets]! += 1;
    const payload = track.payloadOfRtx(header.payloadType);
    if (payload === undefined) return this.#drop("upDropped_unknown_payload_type");
    // Chromium probes for bandwidth with empty retransmissions.
    if (header.payloadBytes < OSN_BYTES) return this.#drop("upDropped_padding_only");

    const originalSeq = readU16(bytes, header.headerBytes);
    bytes.copyWithin(header.headerBytes, header.headerBytes + OSN_BYTES, packet.length);
    packet.length -= OSN_BYTES;
    header.payloadBytes -= OSN_BYTES;
    header.payloadType = payload.payloadType;
    header.seq = originalSeq;
    header.ssrc = stream.ssrc;
    bytes[1] = (bytes[1]! & 0x80) | payload.payloadType;
    writeU16(bytes, 2, originalSeq);
    writeU32(bytes, 8, stream.ssrc);

    packet.extSeq = extendSeq(stream.statistics.highestExtSeq, originalSeq);
    stream.nack?.onPacket(packet.extSeq, packet.receivedUs);
    this.#forward(packet, track, stream, payload);
  }

  #forward(packet: UpPacket, track: UpTrack, stream: UpStream, payload: PayloadParams): void {
    const { header } = packet;
    if (stream.isDuplicate(packet.extSeq)) return this.#drop("upDropped_duplicate");
    packet.encoding = stream.encoding;
    if (header.payloadBytes === 0) {
      this.#context.run.forward();
      track.skip(packet);
      return this.#drop("upDropped_padding_only");
    }
    if (track.params.kind === "video") this.#context.isInFrame = !header.marker;
    packet.keep();
    this.#context.run.precede(stream, packet.extSeq);
    stream.accept(packet, payload);
    this.#count(packet, track);
    if (track.guard !== null && endsFrame(packet, payload.codec)) this.#look(packet, track.guard, payload);
    if (track.onPayload(payload)) track.announcePayload(payload, packet.receivedUs, this.#context.events);
    if (track.muted) return this.#drop("upDropped_muted");
    this.#context.run.add(track, packet);
  }

  #count(packet: UpPacket, track: UpTrack): void {
    const { counters } = this.#context;
    const video = track.params.kind === "video";
    counters[video ? SLOT.upPackets_video : SLOT.upPackets_audio]! += 1;
    counters[video ? SLOT.upBytes_video : SLOT.upBytes_audio]! += packet.length;
  }

  /** Checks a frame that is declared to be encrypted, at its last packet. */
  #look(packet: UpPacket, guard: EncryptionGuard, { codec }: PayloadParams): void {
    if (!guard.isDue(packet.encoding)) return;
    const isSealed = looksSealed(packet, codec);
    guard.onLook(packet.encoding, isSealed);
    this.#context.counters[isSealed ? SLOT.guardedFrames_sealed : SLOT.guardedFrames_plain]! += 1;
  }

  #drop(reason: CounterName): void {
    this.#context.counters[SLOT[reason]]! += 1;
  }
}

function refusal(code: number): CounterName {
  if (code === SRTP_REPLAYED) return "upDropped_srtp_replay";
  return code === SRTP_TOO_MANY_STREAMS ? "upDropped_stream_limit" : "upDropped_srtp_auth";
}
