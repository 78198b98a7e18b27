/** One participant of a simulated conference: a browser with one transport, on which it publishes and receives. */
import { createHash } from "node:crypto";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import type { SubscriptionId, TransportId } from "../../src/base/ids.ts";
import { ntpMiddle } from "../../src/base/ntp.ts";
import type { SrtpKeys, SrtpMasterKey, SrtpProfile } from "../../src/contract/dtls.ts";
import type { IceCredentials, PayloadParams } from "../../src/contract/media.ts";
import {
  type ReferenceTimeAnswer,
  readDlrr,
  readReferenceTime,
  readSenderSsrc,
  writeDlrr,
} from "../../src/rtp/rtcp/extended-reports.ts";
import { readMediaSsrc, readNack } from "../../src/rtp/rtcp/feedback.ts";
import { readRemb } from "../../src/rtp/rtcp/remb.ts";
import { readReportBlocks, readSenderInfo, type SenderInfo } from "../../src/rtp/rtcp/reports.ts";
import { FEEDBACK, RTCP, RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { TransportWideReader } from "../../src/rtp/rtcp/transport-wide.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { SRTP_REPLAYED, SrtpReceiver } from "../../src/srtp/srtp-receiver.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";
import { type Sends, SimPublisher } from "./sim-publisher.ts";
import { SimReceiver } from "./sim-receiver.ts";
import { type MadePacket, TAG_BYTES } from "./sim-rtp-stream.ts";
import { SimViewer } from "./sim-viewer.ts";

const CHECK_INTERVAL_US = 2_500_000;
const REPORT_INTERVAL_US = 1_000_000;
/** Keeps SSRCs of different receivers' streams distinct. */
const FIRST_VIEW_SSRC = 0x4000_0000;
const VIEW_SSRCS = 4096;
/** An XR with one answer. */
const DLRR_BYTES = 24;

export interface View {
  readonly subscriptionId: SubscriptionId;
  readonly viewer: SimViewer;
}

export interface PeerOptions {
  readonly name: string;
  readonly sends: Sends;
  readonly seed: number;
  readonly ciphers: SrtpCipherFactory;
}

export class SimPeer {
  readonly name: string;
  readonly index: number;
  readonly transportId: TransportId;
  readonly ice: SimIce;
  readonly publisher: SimPublisher;
  readonly receiver = new SimReceiver();
  /** By "audio" or "video", and the publisher's name. */
  readonly views = new Map<string, View>();
  /** By transport-wide sequence number, whether the server reported our packet as received. Later reports override. */
  readonly arrivals = new Map<number, boolean>();
  /** Fraction lost of each of our streams in the server's latest report. */
  readonly toldLoss = new Map<number, number>();
  /** The server's estimates for us (REMB), in order of arrival. */
  readonly estimatesBps: number[] = [];
  /** The server's latest sender report by SSRC. */
  readonly senderReports = new Map<number, SenderInfo>();
  /** The server's answers to our reference times (DLRR), in order of arrival. */
  readonly answers: ReferenceTimeAnswer[] = [];
  /** Packets from the server that were duplicates, or older than the replay window. */
  replayed = 0;
  /** Its uplink is dead: it sends nothing, but still receives. */
  isSilent = false;
  /** It answers the server's reference times (RFC 3611 §4.5). */
  answersReferenceTimes = false;
  readonly #srtp: SrtpEnds;
  #reportUs = 0;
  /** RTCP to be sent at the next tick. */
  readonly #waiting: Uint8Array[] = [];
  /** Reused, because there is a tick each millisecond, mostly without packets. */
  readonly #out: Uint8Array[] = [];
  readonly #sendRtp = (packet: MadePacket): void => void this.#out.push(this.sealRtp(packet));
  readonly #sendRtcp = (packet: Uint8Array): void => void this.#out.push(this.sealRtcp(packet));

  constructor(index: number, options: PeerOptions) {
    const { name, sends, seed, ciphers } = options;
    this.name = name;
    this.index = index;
    this.transportId = `TP_${index}` as TransportId;
    this.ice = new SimIce(index);
    this.publisher = new SimPublisher(index, sends, seed);
    this.#srtp = new SrtpEnds(`${seed} ${index}`, ciphers);
  }

  /** The keys as the handshake would give them to the server; ours are derived from them. */
  serverKeys(profile: SrtpProfile): SrtpKeys {
    return this.#srtp.agree(profile);
  }

  /** Adds a section on which it receives a track of `other`. */
  watch(kind: "audio" | "video", other: SimPeer, payload: PayloadParams): View {
    const ssrc = FIRST_VIEW_SSRC + this.index * VIEW_SSRCS + 2 * this.views.size;
    const rtxSsrc = kind === "video" ? ssrc + 1 : 0;
    const viewer = new SimViewer({ kind, ssrc, rtxSsrc, payload, publisher: other.index });
    const view = { subscriptionId: `SU_${this.index}_${this.views.size}` as SubscriptionId, viewer };
    this.views.set(`${kind} ${other.name}`, view);
    this.receiver.add(viewer);
    return view;
  }

  view(kind: "audio" | "video", name: string): View {
    const view = this.views.get(`${kind} ${name}`);
    if (view === undefined) throw new Error(`${this.name} does not watch the ${kind} of ${name}`);
    return view;
  }

  /** The datagrams that it sends now; valid until the next tick. */
  tick(nowUs: number): readonly Uint8Array[] {
    const out = this.#out;
    out.length = 0;
    for (const packet of this.#waiting.splice(0)) this.#sendRtcp(packet);
    this.ice.check(nowUs, out);
    this.publisher.send(nowUs, this.#sendRtp);
    this.receiver.report(nowUs, this.#sendRtcp);
    if (nowUs >= this.#reportUs) {
      this.#reportUs = nowUs + REPORT_INTERVAL_US;
      for (const report of this.publisher.senderReports(nowUs)) this.#sendRtcp(report);
    }
    if (this.isSilent) out.length = 0;
    return out;
  }

  /** Encodes up to this spatial layer from now on. */
  sendUpTo(highest: number): void {
    this.#waiting.push(...this.publisher.sendUpTo(highest));
  }

  /** Processes a datagram from the server. */
  receive(datagram: Uint8Array, nowUs: number): void {
    if (datagram[0]! < 4) return;
    const second = datagram[1]!;
    if (second >= 192 && second <= 223) this.#receiveRtcp(datagram, nowUs);
    else this.#receiveRtp(datagram, nowUs);
  }

  /** Encrypts an RTP packet with this peer's keys, in place, whatever its contents. */
  sealRtp({ buffer, bytes, headerBytes, extSeq }: MadePacket): Uint8Array {
    const sealed = this.#srtp.sender.sealRtp(buffer, 0, headerBytes, bytes, extSeq);
    if (sealed < 0) throw new Error("the peer sealed one number twice");
    return buffer.subarray(0, sealed);
  }

  /** Encrypts an RTCP packet with this peer's keys, whatever its contents. */
  sealRtcp(packet: Uint8Array): Uint8Array {
    const out = new Uint8Array(packet.length + TAG_BYTES);
    out.set(packet);
    return out.subarray(0, this.#srtp.sender.sealRtcp(out, 0, packet.length));
  }

  #receiveRtp(datagram: Uint8Array, nowUs: number): void {
    const header = new RtpHeader();
    if (!parseRtpHeader(datagram, datagram.length, header)) throw new Error("malformed RTP from the server");
    const length = this.#srtp.receiver.openRtp(datagram, header, datagram.length);
    if (length === SRTP_REPLAYED) {
      this.replayed += 1;
      return;
    }
    if (length < 0) throw new Error(`RTP from the server refused: ${length}`);
    this.receiver.receive(datagram, length, header, nowUs);
  }

  #receiveRtcp(datagram: Uint8Array, nowUs: number): void {
    const length = this.#srtp.receiver.openRtcp(datagram, datagram.length);
    if (length < 0) throw new Error(`RTCP from the server refused: ${length}`);
    const cursor = new RtcpCursor();
    cursor.reset(datagram, length);
    while (cursor.next()) this.#onFeedback(datagram, cursor, nowUs);
    if (!cursor.complete) throw new Error("malformed RTCP from the server");
  }

  #onFeedback(datagram: Uint8Array, cursor: RtcpCursor, nowUs: number): void {
    const ssrc = readMediaSsrc(datagram, cursor) ?? 0;
    if (cursor.packetType === RTCP.payloadFeedback && cursor.count === FEEDBACK.pli) {
      this.publisher.onPli(ssrc, nowUs);
    }
    if (cursor.packetType === RTCP.senderReport) {
      const info = readSenderInfo(datagram, cursor)!;
      this.senderReports.set(info.ssrc, info);
    }
    if (cursor.packetType === RTCP.extendedReport) this.#onExtendedReport(datagram, cursor);
    if (cursor.packetType === RTCP.receiverReport) {
      for (const block of readReportBlocks(datagram, cursor) ?? [])
        this.toldLoss.set(block.ssrc, block.fractionLost / 256);
    }
    if (cursor.packetType === RTCP.payloadFeedback && cursor.count === FEEDBACK.application) {
      this.estimatesBps.push(readRemb(datagram, cursor)!.bps);
    }
    if (cursor.packetType !== RTCP.transportFeedback) return;
    if (cursor.count === FEEDBACK.nack) {
      readNack(datagram, cursor, (seq) => this.publisher.onNack(ssrc, seq));
    } else if (cursor.count === FEEDBACK.transportWide) {
      this.#onTransportWide(datagram, cursor);
    }
  }

  #onExtendedReport(datagram: Uint8Array, cursor: RtcpCursor): void {
    this.answers.push(...readDlrr(datagram, cursor));
    const ntpUs = readReferenceTime(datagram, cursor);
    if (ntpUs === undefined || !this.answersReferenceTimes) return;
    const out = new Uint8Array(DLRR_BYTES);
    const ssrc = readSenderSsrc(datagram, cursor)!;
    writeDlrr(out, 0, 0, [{ ssrc, lastReferenceTime: ntpMiddle(ntpUs), delay: 0 }]);
    this.#waiting.push(out);
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

/** Its ICE agent: checks the server's only candidate, to connect and to renew consent (RFC 7675). */
export class SimIce {
  readonly peer: IceCredentials;
  readonly server: IceCredentials;
  readonly #index: number;
  #checkUs = 0;
  #checks = 0;

  constructor(index: number) {
    this.#index = index;
    this.peer = { ufrag: `peer${index}`, pwd: `password-of-peer-number-${index}` };
    this.server = { ufrag: `server${index}`, pwd: `password-of-server-for-${index}` };
  }

  /** Sends a check at the next tick. */
  checkNow(): void {
    this.#checkUs = 0;
  }

  /** Adds due checks to `out`. */
  check(nowUs: number, out: Uint8Array[]): void {
    if (nowUs < this.#checkUs) return;
    this.#checkUs = nowUs + CHECK_INTERVAL_US;
    out.push(this.request());
  }

  request(): Uint8Array {
    const transactionId = new Uint8Array(12);
    transactionId[0] = this.#index;
    transactionId[1] = this.#checks++;
    const { ufrag, pwd } = this.server;
    return bindingRequest({ localUfrag: this.peer.ufrag, remoteUfrag: ufrag, remotePwd: pwd, transactionId });
  }
}

/** The client's side of both SRTP sessions, with keys derived from a seed. */
class SrtpEnds {
  readonly #name: string;
  readonly #ciphers: SrtpCipherFactory;
  #ends: { readonly sender: SrtpSender; readonly receiver: SrtpReceiver } | null = null;

  constructor(name: string, ciphers: SrtpCipherFactory) {
    this.#name = name;
    this.#ciphers = ciphers;
  }

  get sender(): SrtpSender {
    return this.#ends!.sender;
  }

  get receiver(): SrtpReceiver {
    return this.#ends!.receiver;
  }

  agree(profile: SrtpProfile): SrtpKeys {
    const toServer = this.#master("up");
    const toPeer = this.#master("down");
    this.#ends = {
      sender: new SrtpSender(this.#ciphers.create(profile, toServer)),
      receiver: new SrtpReceiver(this.#ciphers.create(profile, toPeer)),
    };
    return { profile, receive: toServer, send: toPeer };
  }

  #master(way: string): SrtpMasterKey {
    const hash = createHash("sha256").update(`${this.#name} ${way}`).digest();
    return { key: hash.subarray(0, 16), salt: hash.subarray(16, 28) };
  }
}
