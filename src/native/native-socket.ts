/**
 * The fast implementation of `DatagramSocket`: system calls of Linux through node:ffi.
 *
 * Nothing is allocated per packet, in either direction; a batch costs what ffi and one Node event allocate.
 */
import { isIPv6 } from "node:net";
import type { TransmitRing } from "../base/transmit-ring.ts";
import type { DatagramHandler, DatagramSocket, DatagramSocketOptions } from "../worker/datagram-socket.ts";
import { DatagramReceiver } from "./datagram-receiver.ts";
import { DatagramSender } from "./datagram-sender.ts";
import {
  getOption,
  MEMINFO,
  MEMINFO_WORDS,
  packetInfo,
  SO_MEMINFO,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  SOL_UDP,
  sendMessages,
  setOption,
  UDP_SEGMENT,
} from "./libc.ts";
import { SocketAddresses } from "./socket-addresses.ts";
import { openUdpHandle, type UdpHandle } from "./udp-handle.ts";

/**
 * Batches read in one turn at most: 512 datagrams, some milliseconds of work. Larger: commands and timers wait longer.
 * Smaller: turns end, with a send each, while packets wait.
 */
const BATCHES_PER_TURN = 8;

/** A turn that begins later than this after the one before found the thread idle. */
const REST_US = 50;

/** Of either family, however it is written. */
const WILDCARD = /^[0.:]+$/;

/** Read once: the global is an accessor, which costs as much as reading the clock. */
const { performance } = globalThis;

/** For a timed sleep by `Atomics.wait`: it is never notified. */
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Opens a socket bound to a numeric address; `::` accepts IPv4 too. Rejects when the address cannot be bound. */
export async function createNativeSocket(options: DatagramSocketOptions): Promise<DatagramSocket> {
  return new NativeSocket(await openUdpHandle(options), options);
}

class NativeSocket implements DatagramSocket {
  readonly port: number;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly segments: boolean;
  readonly #handle: UdpHandle;
  readonly #handler: DatagramHandler;
  readonly #sender: DatagramSender;
  readonly #receiver: DatagramReceiver;
  readonly #gatherUs: number;
  /** When the last turn ended. */
  #endUs = 0;
  readonly #accounting = new Uint32Array(new ArrayBuffer(4 * MEMINFO_WORDS));
  #isOpen = true;

  constructor(handle: UdpHandle, options: DatagramSocketOptions) {
    const { fd } = handle;
    // Beyond the system's limits, where permitted (CAP_NET_ADMIN); otherwise the earlier request stands.
    setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, options.bufferBytes);
    setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, options.bufferBytes);
    setOption(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    this.port = handle.port;
    this.#handle = handle;
    this.#handler = options.handler;
    this.#gatherUs = options.gatherUs ?? 0;
    const isIpv6 = isIPv6(options.address);
    const info = packetInfo(isIpv6);
    const learnsLocal = WILDCARD.test(options.address) && setOption(fd, info.level, info.option, 1);
    const addresses = new SocketAddresses(options.paths, isIpv6, learnsLocal ? info : null);
    this.segments = getOption(fd, SOL_UDP, UDP_SEGMENT, new Uint32Array(new ArrayBuffer(4)));
    this.#sender = new DatagramSender(addresses, this.segments, (messages, count) =>
      sendMessages(fd, messages, count),
    );
    this.#receiver = new DatagramReceiver(fd, addresses, options.handler, options.onPathTableFull);
    handle.watch(this.#onReadable);
    this.#account();
    this.receiveBufferBytes = this.#accounting[MEMINFO.receiveBuffer]!;
    this.sendBufferBytes = this.#accounting[MEMINFO.sendBuffer]!;
  }

  send(ring: TransmitRing): number {
    if (this.#isOpen) return this.#sender.send(ring);
    let dropped = 0;
    for (let row = 0; row < ring.count; row++) if (ring.bytes[row] !== 0) dropped += 1;
    return dropped;
  }

  receiveDrops(): number {
    if (this.#isOpen) this.#account();
    return this.#accounting[MEMINFO.drops]! + this.#receiver.truncated;
  }

  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.#account();
    this.#isOpen = false;
    return this.#handle.close();
  }

  /**
   * Reads, with a kind of interrupt moderation. The packets of a frame arrive some ten or hundred microseconds apart;
   * each would wake the thread and be sent on its own. Gathered, they take one turn, and one system call for each
   * receiver.
   */
  readonly #onReadable = (): void => {
    const wasAtRest = this.#gatherUs > 0 && performance.now() * 1_000 - this.#endUs >= REST_US;
    this.#receive();
    if (wasAtRest && this.#isOpen && this.#handler.expectsMore === true) {
      Atomics.wait(sleeper, 0, 0, this.#gatherUs / 1_000);
      this.#receive();
    }
    this.#receiver.endTurn();
    if (this.#isOpen) this.#handler.onBatchEnd();
    this.#endUs = performance.now() * 1_000;
  };

  #receive(): void {
    let batches = 0;
    while (this.#receiver.receive(this.#stillOpen) && ++batches < BATCHES_PER_TURN);
  }

  readonly #stillOpen = (): boolean => this.#isOpen;

  #account(): void {
    getOption(this.#handle.fd, SOL_SOCKET, SO_MEMINFO, this.#accounting);
  }
}
