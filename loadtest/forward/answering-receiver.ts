/**
 * A subscriber on a socket of its own, which answers what it receives with transport-wide feedback, as browsers do.
 * Received packets are passed to the sink, which counts them.
 */
import { readU16 } from "../../src/base/bytes.ts";
import type { PathId } from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { EXTENSION, ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";
import type { DatagramHandler, DatagramSocket } from "../../src/worker/datagram-socket.ts";
import { EXTENSIONS, keysOf, type Load, subscriberName } from "./load.ts";

/** The sender SSRC of feedback, which is of no stream. */
const FEEDBACK_SSRC = 1;
/** Interval at which due feedback is checked for. */
const ANSWER_MS = 20;
const header = new RtpHeader();
const view = new ExtensionView();
const extensions = new ExtensionMap(EXTENSIONS);

export class AnsweringReceiver implements DatagramHandler {
  #socket: DatagramSocket | null = null;
  #timer: NodeJS.Timeout | undefined;
  readonly #sink: DatagramHandler;
  readonly #nowUs: () => number;
  readonly #sender: SrtpSender;
  readonly #arrivals = new ArrivalRecorder();
  readonly #ring = new TransmitRing(16);
  #path: PathId | null = null;
  #ssrc = 0;

  constructor(
    index: number,
    { profile }: Load,
    ciphers: SrtpCipherFactory,
    sink: DatagramHandler,
    nowUs: () => number,
  ) {
    this.#sink = sink;
    this.#nowUs = nowUs;
    this.#sender = new SrtpSender(ciphers.create(profile, keysOf(subscriberName(index), profile).receive));
  }

  onDatagram(bytes: Uint8Array, length: number, path: PathId, offsetUs: number): void {
    // Before the sink, which may decrypt the packet in place.
    this.#record(bytes, length, path);
    this.#sink.onDatagram(bytes, length, path, offsetUs);
  }

  onBatchEnd(): void {
    this.#answer();
  }

  /** Feedback is also sent by timer: a probe may be the last packet for a while. */
  begin(socket: DatagramSocket): void {
    this.#socket = socket;
    this.#timer = setInterval(() => this.#answer(), ANSWER_MS);
  }

  receiveDrops(): number | undefined {
    return this.#socket?.receiveDrops();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#socket?.close();
  }

  /** Sends the feedback that is due. */
  #answer(): void {
    const nowUs = this.#nowUs();
    const ring = this.#ring;
    ring.clear();
    while (this.#path !== null && ring.count < ring.capacity && this.#arrivals.due(nowUs)) {
      const at = ring.reserve();
      const out = ring.slab.subarray(at, at + SLOT_BYTES);
      const bytes = this.#arrivals.write(nowUs, out, 0, FEEDBACK_SSRC, this.#ssrc);
      ring.commitRaw(this.#sender.sealRtcp(ring.slab, at, bytes), this.#path);
    }
    if (ring.count > 0) this.#socket?.send(ring);
  }

  #record(bytes: Uint8Array, length: number, path: PathId): void {
    const second = bytes[1]!;
    if (bytes[0]! < 128 || (second >= 192 && second <= 223)) return;
    if (!parseRtpHeader(bytes, length, header) || !view.parse(bytes, header, extensions)) return;
    const at = view.at[EXTENSION.transportCc]!;
    if (at < 0) return;
    this.#path = path;
    this.#ssrc = header.ssrc;
    this.#arrivals.onPacket(readU16(bytes, at), this.#nowUs());
  }
}
