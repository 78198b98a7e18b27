/**
 * What strangers, and one participant without manners, do to the media port over TCP: connections that say nothing, half
 * a frame, noise, another protocol, or good frames with bad packets, and that nobody reads.
 */
import { connect, type Socket } from "node:net";
import { bindingRequest } from "../../../loadtest/client/stun-request.ts";
import { seededRandom } from "../../sim/seeded-random.ts";
import { framed } from "../../worker/tcp/frames.ts";
import type { IceUser } from "./hostile-datagrams.ts";

/** 40 connections a second, which leaves two cores to the browser. */
const INTERVAL_MS = 25;
/** Larger: more are held open at a time. Smaller: none gets old. */
const LIFE_MS = 12_000;

export class HostileStreams {
  opened = 0;
  readonly #random: () => number;
  readonly #port: number;
  readonly #user: IceUser;
  readonly #timer: NodeJS.Timeout;
  readonly #sockets = new Set<Socket>();
  /** Made once, and cut into pieces: an attack should cost its victim more than us. */
  readonly #noise: Uint8Array;

  /** `user`: the server's end of a session, from whose answer the participant without manners knows the password. */
  constructor(port: number, user: IceUser, seed: number) {
    this.#port = port;
    this.#user = user;
    this.#random = seededRandom(seed);
    this.#noise = Uint8Array.from({ length: 65_536 }, () => this.#below(256));
    this.#timer = setInterval(() => this.#open(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): void {
    this.opened += 1;
    const socket = connect(this.#port, "127.0.0.1");
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    // Its kernel buffer fills, for nobody reads.
    socket.pause();
    socket.write(this.#opening());
    setTimeout(() => socket.destroy(), this.#below(LIFE_MS));
  }

  #opening(): Uint8Array {
    const { ufrag, pwd } = this.#user;
    const transactionId = this.#bytes(12);
    const check = (remotePwd: string): Buffer =>
      bindingRequest({ localUfrag: "mallory", remoteUfrag: ufrag, remotePwd, transactionId });
    const packets = (): Uint8Array[] => Array.from({ length: 20 }, () => this.#bytes(this.#below(1_500)));
    const makers = [
      () => Buffer.alloc(0),
      () => Buffer.from([0x05]),
      () => Buffer.from([0xff, 0xff]),
      () => Buffer.alloc(20_000),
      () => this.#bytes(this.#below(20_000)),
      () => Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      () => framed(check(pwd)).subarray(0, this.#below(100)),
      () => framed(check("a password that nobody has chosen"), ...packets()),
      // Past the door that ICE keeps.
      () => framed(check(pwd), ...packets()),
      () => framed(...Array.from({ length: 50 }, () => check(pwd))),
    ];
    return makers[this.#below(makers.length)]!();
  }

  #bytes(length: number): Uint8Array {
    const at = this.#below(this.#noise.length - length);
    return this.#noise.subarray(at, at + length);
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }
}
