/** One person of a simulated conference: a browser that publishes, watches, checks connectivity and answers feedback. */
import { createHash } from "node:crypto";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import type { SubscriptionId, TrackId, TransportId } from "../../src/base/ids.ts";
import type { SrtpKeys, SrtpMasterKey, SrtpProfile } from "../../src/contract/dtls.ts";
import type { IceCredentials } from "../../src/contract/media.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { readMediaSsrc, readNack, writeNack } from "../../src/rtp/rtcp/feedback.ts";
import { FEEDBACK, RTCP, RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { TransportWideReader } from "../../src/rtp/rtcp/transport-wide.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import { SRTP_REPLAYED, SrtpReceiver } from "../../src/srtp/srtp-receiver.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";
import { type MadePacket, SimPublisher } from "./sim-publisher.ts";
import { SimViewer } from "./sim-viewer.ts";

const CHECK_INTERVAL_US = 2_500_000;
const AUDIO_INTERVAL_US = 20_000;
const FRAME_INTERVAL_US = 33_333;
const REPORT_INTERVAL_US = 1_000_000;
const TAG_BYTES = 32;
/** Bytes of one outgoing stream's SSRC apart. */
const VIEW_SSRC = 0x4000_0000;

type Habit = "check" | "audio" | "frame" | "report";

export interface View {
  readonly subscriptionId: SubscriptionId;
  readonly viewer: SimViewer;
}

export class SimPeer {
  readonly name: string;
  readonly transportId: TransportId;
  readonly audioTrack: TrackId;
  readonly videoTrack: TrackId;
  readonly ice: IceCredentials;
  serverIce: IceCredentials;
  readonly publisher: SimPublisher;
  readonly views = new Map<string, View>();
  /** PLIs received, by SSRC, with their times. */
  readonly plis: { readonly ssrc: number; readonly atUs: number }[] = [];
  /** Transport-wide feedback, by sequence number: whether it came. A later report of one number overrules. */
  readonly arrivals = new Map<number, boolean>();
  /** Packets from the server that came again, or later than the replay window reaches. */
  replayed = 0;
  isChecking = true;
  /** A network that takes nothing any more, though it still brings. */
  isSilent = false;
  readonly #index: number;
  readonly #keys: { readonly toServer: SrtpMasterKey; readonly toPeer: SrtpMasterKey };
  readonly #out: Uint8Array[] = [];
  #sender: SrtpSender | null = null;
  #receiver: SrtpReceiver | null = null;
  readonly #due: Record<Habit, number> = { check: 0, audio: 0, frame: 0, report: 0 };
  #transaction = 0;

  constructor(index: number, seed: number) {
    this.#index = index;
    this.name = `peer-${index}`;
    this.transportId = `TP_${index}` as TransportId;
    this.audioTrack = `TR_${index}a` as TrackId;
    this.videoTrack = `TR_${index}v` as TrackId;
    this.ice = { ufrag: `peer${index}`, pwd: `password-of-peer-number-${index}` };
    this.serverIce = { ufrag: `server${index}`, pwd: `password-of-server-for-${index}` };
    this.publisher = new SimPublisher(seed * 100 + index, { audio: "0", video: "1" });
    const master = (what: string): SrtpMasterKey => {
      const hash = createHash("sha256").update(`${seed} ${index} ${what}`).digest();
      return { key: hash.subarray(0, 16), salt: hash.subarray(16, 28) };
    };
    this.#keys = { toServer: master("up"), toPeer: master("down") };
  }

  /** The keys as the handshake would give them to the server; ours follow from them. */
  serverKeys(profile: SrtpProfile): SrtpKeys {
    this.#sender = new SrtpSender(portableCipherFactory.create(profile, this.#keys.toServer));
    this.#receiver = new SrtpReceiver(portableCipherFactory.create(profile, this.#keys.toPeer));
    return { profile, receive: this.#keys.toServer, send: this.#keys.toPeer };
  }

  viewOf(other: SimPeer, kind: "audio" | "video"): View {
    const key = `${other.name} ${kind}`;
    let view = this.views.get(key);
    if (view === undefined) {
      const ssrc = VIEW_SSRC + this.#index * 256 + this.views.size * 2;
      const subscriptionId = `SU_${this.#index}_${this.views.size}` as SubscriptionId;
      view = { subscriptionId, viewer: new SimViewer(ssrc, ssrc + 1) };
      this.views.set(key, view);
    }
    return view;
  }

  /** What it sends now. */
  tick(nowUs: number): Uint8Array[] {
    const { publisher } = this;
    if (this.isChecking && this.#isDue("check", nowUs, CHECK_INTERVAL_US)) this.#check();
    if (this.#isDue("audio", nowUs, AUDIO_INTERVAL_US)) this.#sendRtp(publisher.audioPacket(nowUs));
    if (this.#isDue("frame", nowUs, FRAME_INTERVAL_US)) {
      for (const packet of publisher.videoPackets(nowUs)) this.#sendRtp(packet);
    }
    if (this.#isDue("report", nowUs, REPORT_INTERVAL_US)) {
      for (const report of publisher.senderReports(nowUs)) this.#sendRtcp(report);
    }
    this.#askAgain(nowUs);
    const out = this.#out.splice(0);
    return this.isSilent ? [] : out;
  }

  /** Encodes up to this spatial layer from now on. */
  sendUpTo(highest: number): void {
    for (const bye of this.publisher.sendUpTo(highest)) this.#sendRtcp(bye);
  }

  /** A datagram from the server. */
  receive(datagram: Uint8Array, nowUs: number): void {
    if (datagram[0]! < 4) return;
    const second = datagram[1]!;
    if (second >= 192 && second <= 223) this.#receiveRtcp(datagram, nowUs);
    else this.#receiveRtp(datagram, nowUs);
  }

  /** The datagram that this peer makes of an RTP packet, whatever is in it. */
  sealRtp({ packet, headerBytes, extSeq }: MadePacket): Uint8Array {
    const out = new Uint8Array(packet.length + TAG_BYTES);
    out.set(packet);
    const bytes = this.#sender!.sealRtp(out, 0, headerBytes, packet.length, extSeq);
    if (bytes < 0) throw new Error("the peer sealed one number twice");
    return out.subarray(0, bytes);
  }

  /** The datagram that this peer makes of RTCP, whatever is in it. */
  sealRtcp(packet: Uint8Array): Uint8Array {
    const out = new Uint8Array(packet.length + TAG_BYTES);
    out.set(packet);
    return out.subarray(0, this.#sender!.sealRtcp(out, 0, packet.length));
  }

  #isDue(what: Habit, nowUs: number, intervalUs: number): boolean {
    if (nowUs < this.#due[what]) return false;
    this.#due[what] = (this.#due[what] === 0 ? nowUs : this.#due[what]) + intervalUs;
    return true;
  }

  #check(): void {
    const transactionId = new Uint8Array(12);
    transactionId[0] = this.#index;
    transactionId[1] = this.#transaction++;
    this.#out.push(
      bindingRequest({
        localUfrag: this.ice.ufrag,
        remoteUfrag: this.serverIce.ufrag,
        remotePwd: this.serverIce.pwd,
        transactionId,
      }),
    );
  }

  #sendRtp(made: MadePacket): void {
    this.#out.push(this.sealRtp(made));
  }

  #sendRtcp(packet: Uint8Array): void {
    this.#out.push(this.sealRtcp(packet));
  }

  #askAgain(nowUs: number): void {
    const missing = new Uint16Array(64);
    for (const [key, { viewer }] of this.views) {
      if (!key.endsWith("video")) continue;
      const count = viewer.missing(nowUs, missing);
      if (count === 0) continue;
      const out = new Uint8Array(512);
      this.#sendRtcp(out.slice(0, writeNack(out, 0, 1, viewer.ssrc, missing, count)));
    }
  }

  #receiveRtp(datagram: Uint8Array, nowUs: number): void {
    const header = new RtpHeader();
    if (!parseRtpHeader(datagram, datagram.length, header)) throw new Error("malformed RTP from the server");
    const length = this.#receiver!.openRtp(datagram, header, datagram.length);
    if (length === SRTP_REPLAYED) {
      this.replayed += 1;
      return;
    }
    if (length < 0) throw new Error(`RTP from the server refused: ${length}`);
    for (const { viewer } of this.views.values()) {
      if (header.ssrc === viewer.ssrc || header.ssrc === viewer.rtxSsrc)
        viewer.receive(datagram, length, nowUs);
    }
  }

  #receiveRtcp(datagram: Uint8Array, nowUs: number): void {
    const length = this.#receiver!.openRtcp(datagram, datagram.length);
    if (length < 0) throw new Error(`RTCP from the server refused: ${length}`);
    const cursor = new RtcpCursor();
    cursor.reset(datagram, length);
    while (cursor.next()) this.#onFeedback(datagram, cursor, nowUs);
    if (!cursor.complete) throw new Error("malformed RTCP from the server");
  }

  #onFeedback(datagram: Uint8Array, cursor: RtcpCursor, nowUs: number): void {
    const ssrc = readMediaSsrc(datagram, cursor) ?? 0;
    if (cursor.packetType === RTCP.payloadFeedback && cursor.count === FEEDBACK.pli) {
      this.plis.push({ ssrc, atUs: nowUs });
      this.publisher.onKeyframeRequest(ssrc);
    }
    if (cursor.packetType !== RTCP.transportFeedback) return;
    if (cursor.count === FEEDBACK.nack) {
      readNack(datagram, cursor, (seq) => {
        const packet = this.publisher.retransmission(ssrc, seq, nowUs);
        if (packet !== undefined) this.#sendRtp(packet);
      });
    } else if (cursor.count === FEEDBACK.transportWide) {
      this.#onTransportWide(datagram, cursor);
    }
  }

  #onTransportWide(datagram: Uint8Array, cursor: RtcpCursor): void {
    const reader = new TransportWideReader();
    reader.open(datagram, cursor);
    while (reader.next()) {
      this.#onLost(reader);
      this.arrivals.set(reader.seq, true);
    }
    this.#onLost(reader);
  }

  #onLost({ seq, lost }: TransportWideReader): void {
    for (let i = 1; i <= lost; i++) {
      const before = (seq - i) & 0xffff;
      this.arrivals.set(before, this.arrivals.get(before) === true);
    }
  }
}
