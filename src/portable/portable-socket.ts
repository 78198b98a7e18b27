/**
 * Datagrams by node:dgram: the body of `DatagramSocket` that runs on every platform.
 *
 * A send is tried at once. When the kernel has no room, libuv keeps a reference to the datagram and reads its bytes
 * later; by then the ring would hold the next turn's packets, another receiver's plaintext among them. So after such
 * a push-back the ring gets a new slab, and the rest of the turn is dropped, as a full socket buffer would do.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { PathId } from "../base/ids.ts";
import { MAPPED_PREFIX, withoutMappedPrefix } from "../base/ip-address.ts";
import type { PathTable } from "../base/path-table.ts";
import { SLOT_BYTES, type TransmitRing } from "../base/transmit-ring.ts";
import type { DatagramHandler, DatagramSocket, DatagramSocketOptions } from "../worker/datagram-socket.ts";
import { kernelDrops } from "./kernel-drops.ts";

/** Opens a socket bound to a numeric address; `::` takes IPv4 too. Rejects when the address can't be had. */
export function createPortableSocket(options: DatagramSocketOptions): Promise<DatagramSocket> {
  const family = isIPv6(options.address) ? 6 : 4;
  const socket = createSocket({
    type: `udp${family}`,
    recvBufferSize: options.bufferBytes,
    sendBufferSize: options.bufferBytes,
    // All our addresses are numeric and of the socket's family: no resolver, and no later turn.
    lookup: (address, _options, callback) => callback(null, address, family),
  });
  return new Promise((resolve, reject) => {
    const onBindError = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once("error", onBindError);
    socket.bind({ address: options.address, port: options.port, exclusive: true }, () => {
      socket.off("error", onBindError);
      resolve(new PortableSocket(socket, options));
    });
  });
}

class PortableSocket implements DatagramSocket {
  readonly port: number;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly segments = false;
  readonly #socket: Socket;
  readonly #paths: PathTable;
  readonly #handler: DatagramHandler;
  readonly #onPathTableFull: () => void;
  readonly #isDualStack: boolean;
  /** Set from the first datagram of a turn until the turn's end. */
  #batchEnd: NodeJS.Immediate | null = null;
  /** Datagrams that the kernel refused since the last `send` returned. */
  #refused = 0;
  /** Datagrams that were longer than a slot: nobody behind this has room for them. */
  #tooLong = 0;
  #kernelDrops: number | undefined;
  #isOpen = true;

  constructor(socket: Socket, options: DatagramSocketOptions) {
    this.port = socket.address().port;
    this.receiveBufferBytes = socket.getRecvBufferSize();
    this.sendBufferBytes = socket.getSendBufferSize();
    this.#socket = socket;
    this.#paths = options.paths;
    this.#handler = options.handler;
    this.#onPathTableFull = options.onPathTableFull;
    this.#isDualStack = isIPv6(options.address);
    socket.on("message", this.#onMessage);
    // What arrives here is an ICMP error for some earlier datagram: loss, which the protocols above know of.
    socket.on("error", () => {});
  }

  /** node:dgram tells of refused datagrams a turn later: they are in the result of the next call. */
  send(ring: TransmitRing): number {
    let dropped = this.#refused;
    this.#refused = 0;
    const wasBlocked = this.#isBlocked;
    for (let row = 0; row < ring.count; row++) {
      // A row of 0 bytes could not be sealed and was counted then.
      if (ring.bytes[row] === 0) continue;
      if (!this.#sendRow(ring, row)) dropped += 1;
    }
    // Blocked from the start, it has taken nothing of this slab.
    if (!wasBlocked && this.#isBlocked) ring.replaceSlab();
    return dropped;
  }

  /** Of whoever has this port, on whatever address: nobody gives one port to two servers. */
  receiveDrops(): number | undefined {
    // Once known, it is not forgotten when a process out of descriptors can not read it: it counts, and must not fall.
    if (this.#isOpen) this.#kernelDrops = kernelDrops(new Set([this.port])) ?? this.#kernelDrops;
    return this.#kernelDrops === undefined ? undefined : this.#kernelDrops + this.#tooLong;
  }

  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.receiveDrops();
    this.#isOpen = false;
    this.#socket.off("message", this.#onMessage);
    if (this.#batchEnd !== null) clearImmediate(this.#batchEnd);
    return new Promise((resolve) => this.#socket.close(resolve));
  }

  /** Nothing is sent while a datagram waits in libuv, nor after the end. */
  get #isBlocked(): boolean {
    return !this.#isOpen || this.#socket.getSendQueueCount() > 0;
  }

  #sendRow(ring: TransmitRing, row: number): boolean {
    const path = ring.path[row]! as PathId;
    const port = this.#paths.port(path);
    if (port === 0 || this.#isBlocked) return false;
    const address = this.#paths.address(path);
    const target = this.#isDualStack && !address.includes(":") ? MAPPED_PREFIX + address : address;
    this.#socket.send(ring.slab, row * SLOT_BYTES, ring.bytes[row]!, port, target, this.#onSent);
    return true;
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#refused += 1;
  };

  readonly #onMessage = (bytes: Uint8Array, from: RemoteInfo): void => {
    if (bytes.length > SLOT_BYTES) {
      this.#tooLong += 1;
      return;
    }
    // Legal as a source, but nobody can be answered there.
    if (from.port === 0) return;
    const path = this.#paths.intern(withoutMappedPrefix(from.address), from.port);
    if (path < 0) {
      this.#onPathTableFull();
      return;
    }
    this.#batchEnd ??= setImmediate(this.#endBatch);
    this.#handler.onDatagram(bytes, bytes.length, path, 0);
  };

  readonly #endBatch = (): void => {
    this.#batchEnd = null;
    this.#handler.onBatchEnd();
  };
}
