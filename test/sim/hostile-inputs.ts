/**
 * Hostile datagrams from a seed: noise, damaged copies of real ones, and malformed packets that a participant has
 * encrypted correctly.
 */
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import type { PathId } from "../../src/base/ids.ts";
import type { Conference, Seat } from "./conference.ts";
import { seededRandom } from "./seeded-random.ts";
import { OPUS, RIDS, VIDEO_PAYLOAD } from "./session-parameters.ts";
import { TAG_BYTES } from "./sim-rtp-stream.ts";

/** Real datagrams kept for damaging. More would only make older ones likelier. */
const OVERHEARD = 256;
const MAX_NOISE_BYTES = 2048;
/** Share of noise that is an empty datagram, which would hardly occur by chance. */
const EMPTY_SHARE = 0.01;
const FIRST_INVENTED_SSRC = 0x7000_0000;
const PROFILES = [0xbede, 0x1000, 0x100f, 0xbedf] as const;
const VP8 = VIDEO_PAYLOAD.simulcast;
const PAYLOAD_TYPES = [OPUS.payloadType, VP8.payloadType, VP8.rtxPayloadType!, 0, 127];
/** Reports, SDES, BYE, APP, both kinds of feedback, extended report, and types that no RFC defines. */
const RTCP_TYPES = [192, 200, 201, 202, 203, 204, 205, 206, 207, 223] as const;

export interface HostileInput {
  readonly kind: string;
  readonly datagram: Uint8Array;
  readonly path: PathId;
}

export class HostileInputs {
  readonly #random: () => number;
  readonly #conference: Conference;
  readonly #insider: Seat;
  readonly #overheard: Uint8Array[] = [];
  /** SSRCs that the insider has made up. */
  invented = 0;

  /** `insider`: the participant that encrypts malformed packets. */
  constructor(conference: Conference, insider: Seat, seed: number) {
    this.#random = seededRandom(seed);
    this.#conference = conference;
    this.#insider = insider;
    conference.overheard = (datagram) => this.#overhear(datagram);
  }

  next(): HostileInput {
    const makers = [
      this.#noise,
      this.#truncated,
      this.#flipped,
      this.#replayed,
      this.#sealedRtp,
      this.#sealedRtp,
      this.#sealedRtx,
      this.#sealedRtcp,
      this.#nackFlood,
    ];
    return this.#pick(makers).call(this);
  }

  #overhear(datagram: Uint8Array): void {
    this.#overheard.push(datagram.slice());
    if (this.#overheard.length > OVERHEARD) this.#overheard.shift();
  }

  #noise(): HostileInput {
    const length = this.#random() < EMPTY_SHARE ? 0 : this.#below(MAX_NOISE_BYTES + 1);
    const datagram = this.#bytes(length);
    // Half of it has the first byte of a protocol: STUN, DTLS, RTP; and half of that RTCP's second byte.
    if (datagram.length > 1 && this.#random() < 0.5) {
      datagram[0] = this.#pick([0, 1, 20, 22, 23, 63, 0x80, 0x90, 0xb0, 0xbf]);
      if (this.#random() < 0.5) datagram[1] = this.#pick(RTCP_TYPES);
    }
    return { kind: "noise", datagram, path: this.#anyPath() };
  }

  #truncated(): HostileInput {
    const whole = this.#pick(this.#overheard);
    return { kind: "truncated", datagram: whole.slice(0, this.#below(whole.length)), path: this.#anyPath() };
  }

  #flipped(): HostileInput {
    const datagram = this.#pick(this.#overheard).slice();
    const at = this.#below(datagram.length);
    datagram[at]! ^= 1 << this.#below(8);
    return { kind: "flipped", datagram, path: this.#anyPath() };
  }

  /**
   * Media only: ICE has no defence against a replayed check from elsewhere (RFC 8445 §19.3), except the peer's next
   * check.
   */
  #replayed(): HostileInput {
    const media = this.#overheard.filter((datagram) => datagram[0]! >= 128);
    return { kind: "replayed", datagram: this.#pick(media).slice(), path: this.#anyPath() };
  }

  #sealedRtp(): HostileInput {
    const encoding = this.#pick(this.#insider.peer.publisher.encodings);
    const invented = this.#random() < 0.4;
    // Now and then a jump, as far as an authentic sender can make one.
    if (!invented && this.#random() < 0.01) encoding.extSeq += this.#below(30_000);
    const extSeq = invented ? this.#below(0x8000) : encoding.extSeq++;
    return this.#sealed(
      "sealed-rtp",
      invented ? FIRST_INVENTED_SSRC + this.invented++ : encoding.ssrc,
      extSeq,
      (out) => {
        out[1] = this.#pick(PAYLOAD_TYPES) | (this.#random() < 0.5 ? 0x80 : 0);
        return this.#bytes(this.#pick([0, 1, 2, 3, 5, 40, 1100, 1450]));
      },
    );
  }

  #sealedRtx(): HostileInput {
    const encoding = this.#pick(this.#insider.peer.publisher.encodings);
    return this.#sealed("sealed-rtx", encoding.rtxSsrc, encoding.rtxExtSeq++, (out) => {
      out[1] = VP8.rtxPayloadType!;
      return this.#bytes(this.#pick([0, 1, 2, 3, 40]));
    });
  }

  /** A header with random extensions, CSRCs and padding, and the payload that `fill` makes. */
  #sealed(kind: string, ssrc: number, extSeq: number, fill: (out: Uint8Array) => Uint8Array): HostileInput {
    const csrcs = this.#random() < 0.2 ? this.#below(16) : 0;
    const extended = this.#random() < 0.9;
    const extensions = extended ? this.#extensions() : new Uint8Array(0);
    const header = new Uint8Array(12 + 4 * csrcs);
    header[0] = 0x80 | (extended ? 0x10 : 0) | csrcs | (this.#random() < 0.2 ? 0x20 : 0);
    const payload = fill(header);
    writeU16(header, 2, extSeq & 0xffff);
    writeU32(header, 4, this.#below(2 ** 32));
    writeU32(header, 8, ssrc);
    const buffer = Buffer.concat([header, extensions, payload, Buffer.alloc(TAG_BYTES)]);
    const datagram = this.#insider.peer.sealRtp({
      buffer,
      bytes: buffer.length - TAG_BYTES,
      headerBytes: header.length + extensions.length,
      extSeq,
    });
    return { kind, datagram, path: this.#insider.path };
  }

  /** A block of the correct length, since otherwise nothing in it would be read; its elements may exceed it. */
  #extensions(): Uint8Array {
    const profile = this.#pick(PROFILES);
    const elements: Uint8Array[] = [];
    if (this.#random() < 0.8)
      elements.push(element(profile, 1, Buffer.from(this.#pick(["1", "0", "", "x"]))));
    if (this.#random() < 0.8) elements.push(element(profile, 2, Buffer.from(this.#pick([...RIDS, "z"]))));
    if (this.#random() < 0.6) elements.push(element(profile, 4, this.#bytes(this.#pick([1, 2, 3]))));
    if (this.#random() < 0.8) elements.push(element(profile, 7, this.#descriptor()));
    if (this.#random() < 0.3) elements.push(this.#bytes(this.#below(40)));
    const body = Buffer.concat(elements);
    const block = Buffer.alloc(4 + ((body.length + 3) & ~3));
    block.writeUInt16BE(profile, 0);
    block.writeUInt16BE(block.length / 4 - 1, 2);
    body.copy(block, 4);
    return block;
  }

  /** Garbage of any length, half of it with the first bytes of a frame start that has a structure. */
  #descriptor(): Uint8Array {
    const descriptor = this.#bytes(this.#pick([0, 1, 2, 3, 4, 8, 16, 60, 200]));
    if (descriptor.length > 3 && this.#random() < 0.5) {
      descriptor[0] = 0x80 | this.#below(128);
      descriptor[3] = 0x80 | this.#below(128);
    }
    return descriptor;
  }

  #sealedRtcp(): HostileInput {
    const packets = Array.from({ length: 1 + this.#below(4) }, () => this.#rtcpPacket());
    const compound = Buffer.concat([...packets, this.#bytes(this.#pick([0, 0, 0, 1, 3]))]);
    const datagram = this.#insider.peer.sealRtcp(compound);
    return { kind: "sealed-rtcp", datagram, path: this.#insider.path };
  }

  #rtcpPacket(): Uint8Array {
    const body = this.#bytes(4 * (1 + this.#below(30)));
    const packet = Buffer.concat([Buffer.alloc(4), body]);
    packet[0] = 0x80 | (this.#random() < 0.2 ? 0x20 : 0) | this.#below(32);
    packet[1] = this.#pick(RTCP_TYPES);
    packet.writeUInt16BE(this.#random() < 0.8 ? body.length / 4 : this.#below(0x10000), 2);
    // Half of it about existing streams: those it receives, and those it sends.
    if (packet.length >= 12 && this.#random() < 0.5) packet.writeUInt32BE(this.#ssrcOfInsider(), 8);
    return packet;
  }

  /** As many numbers of one stream as a datagram can name. */
  #nackFlood(): HostileInput {
    const packet = Buffer.alloc(12 + 4 * 350);
    packet.set([0x81, 205], 0);
    packet.writeUInt16BE(packet.length / 4 - 1, 2);
    packet.writeUInt32BE(this.#ssrcOfInsider(), 8);
    const first = this.#below(0x10000);
    for (let at = 12, i = 0; at < packet.length; at += 4, i++) {
      packet.writeUInt16BE((first + 17 * i) & 0xffff, at);
      packet.writeUInt16BE(0xffff, at + 2);
    }
    const datagram = this.#insider.peer.sealRtcp(packet);
    return { kind: "nack-flood", datagram, path: this.#insider.path };
  }

  #ssrcOfInsider(): number {
    const { views, publisher } = this.#insider.peer;
    const received = [...views.values()].flatMap(({ viewer: { params } }) => [params.ssrc, params.rtxSsrc]);
    return this.#pick([...received, ...publisher.encodings.map(({ ssrc }) => ssrc)]);
  }

  /** A stranger's address, or a spoofed one of a participant. */
  #anyPath(): PathId {
    const { paths, seats } = this.#conference;
    if (this.#random() < 0.5) return this.#pick(seats).path;
    return paths.intern(`198.51.100.${this.#below(256)}`, 1024 + this.#below(60_000));
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256));
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }
}

/** Data that does not fit the one-byte form gets a wrong length. */
function element(profile: number, id: number, data: Uint8Array): Uint8Array {
  const head = profile === 0xbede ? [(id << 4) | ((data.length - 1) & 0x0f)] : [id, data.length];
  return Buffer.concat([Uint8Array.from(head), data]);
}
