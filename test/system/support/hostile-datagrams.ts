/**
 * What strangers, and one participant without manners, send to the media port: noise, forged checks, lying lengths,
 * and handshakes that are repeated, cut to pieces and interrupted.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { bindingRequest } from "../../../loadtest/client/stun-request.ts";
import { seededRandom } from "../../sim/seeded-random.ts";

const SOCKETS = 4;
const INTERVAL_MS = 20;
/** 50 times a second: some 2,000 datagrams a second, which leaves two cores to the browser. */
const DATAGRAMS_PER_INTERVAL = 40;

/** Each kept some implementation busy for seconds, or made it throw: lying extension and chunk lengths, cut packets. */
const KNOWN_KILLERS = [
  "906000010000000100000001bedeffff10aa",
  "906000010000000000000001bede7f0110300000",
  "90600001000000010000000110002000",
  "bf6000010000000100000001",
  "1388138800000001fbb516e504000000",
  "138813880000000195d0f5da0400000800010000",
  "16",
  "16fefd00",
  "16fefd000000000000000000000000",
  "17feff0001000000000001ffff",
  "7f",
  "81cd00",
  "81cd000300000001000000020064000081ce00020000000100000002",
  "80c8ffff00000001",
  "000100002112a442",
  "0001fffc2112a442000000000000000000000000",
  "00",
  "",
].map((text) => Buffer.from(text, "hex"));

export interface IceUser {
  readonly ufrag: string;
  readonly pwd: string;
}

export class HostileDatagrams {
  sent = 0;
  readonly #random: () => number;
  readonly #port: number;
  readonly #user: IceUser;
  readonly #sockets: readonly Socket[];
  #timer: NodeJS.Timeout | null = null;

  private constructor(sockets: readonly Socket[], port: number, user: IceUser, seed: number) {
    this.#sockets = sockets;
    this.#port = port;
    this.#user = user;
    this.#random = seededRandom(seed);
  }

  /** `user`: the server's end of a session, from whose answer the participant without manners knows the password. */
  static async start(port: number, user: IceUser, seed: number): Promise<HostileDatagrams> {
    const sockets = Array.from({ length: SOCKETS }, () => createSocket("udp4").bind(0, "127.0.0.1"));
    await Promise.all(sockets.map((socket) => once(socket, "listening")));
    const hostile = new HostileDatagrams(sockets, port, user, seed);
    hostile.#timer = setInterval(() => hostile.#burst(), INTERVAL_MS);
    return hostile;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.close();
  }

  #burst(): void {
    // The first socket is the participant's: what it sends passes the door that ICE keeps, up to DTLS.
    this.#send(this.#sockets[0]!, this.#check(this.#user.pwd));
    for (let i = 0; i < DATAGRAMS_PER_INTERVAL; i++) this.#send(this.#pick(this.#sockets), this.#datagram());
  }

  #send(socket: Socket, datagram: Uint8Array): void {
    this.sent += 1;
    // A full socket buffer loses one, as the network would.
    socket.send(datagram, this.#port, "127.0.0.1", () => {});
  }

  #datagram(): Uint8Array {
    const makers = [
      () => this.#bytes(this.#below(1500)),
      () => this.#underFirstByte(this.#pick([0, 1, 20, 21, 22, 23, 63, 0x80, 0x90, 0xbf])),
      () => this.#pick(KNOWN_KILLERS),
      () => this.#check("a password that nobody has chosen"),
      () => this.#damaged(this.#check(this.#user.pwd)),
      () => this.#withForgedAttribute(),
      () => clientHello(this.#bytes(32), 0, 0),
      () => clientHello(Buffer.alloc(32, 1), 0, 0),
      () => clientHello(this.#bytes(32), this.#below(100), this.#below(0x10000)),
    ];
    return this.#pick(makers)();
  }

  #check(remotePwd: string): Buffer {
    const { ufrag } = this.#user;
    return bindingRequest({
      localUfrag: "mallory",
      remoteUfrag: this.#random() < 0.9 ? ufrag : "nobody",
      remotePwd,
      transactionId: this.#bytes(12),
    });
  }

  #damaged(datagram: Buffer): Uint8Array {
    if (this.#random() < 0.5) return datagram.subarray(0, this.#below(datagram.length));
    datagram[this.#below(datagram.length)]! ^= 1 << this.#below(8);
    return datagram;
  }

  /** One attribute more behind a valid request, where it is not covered: an address, an error, a length that lies. */
  #withForgedAttribute(): Uint8Array {
    const type = this.#pick([0x0001, 0x0009, 0x0020, 0x0025, 0x8022, 0x7fff]);
    const value = this.#bytes(4 * this.#below(5));
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(this.#pick([value.length, 0xffff, 1]), 2);
    const message = Buffer.concat([this.#check(this.#user.pwd), head, value]);
    message.writeUInt16BE(message.length - 20, 2);
    return message;
  }

  #underFirstByte(first: number): Uint8Array {
    const bytes = this.#bytes(1 + this.#below(1400));
    bytes[0] = first;
    return bytes;
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

/** A fragment of a DTLS 1.2 ClientHello (RFC 6347 §4.2.2) that says it starts at `fragmentAt` of `total` bytes more. */
function clientHello(random: Uint8Array, fragmentAt: number, total: number): Buffer {
  const extensions = Buffer.from(
    "000a00040002001d000d000400020403000e0005000200070000170000ff01000100",
    "hex",
  );
  const body = Buffer.concat([
    Buffer.from([0xfe, 0xfd]),
    random,
    Buffer.from([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, extensions.length]),
    extensions,
  ]);
  const head = Buffer.alloc(25);
  head.set([22, 0xfe, 0xff], 0);
  head.writeUInt16BE(12 + body.length, 11);
  head.set([1], 13);
  head.writeUIntBE(body.length + total, 14, 3);
  head.writeUIntBE(fragmentAt, 19, 3);
  head.writeUIntBE(body.length, 22, 3);
  return Buffer.concat([head, body]);
}
