/**
 * ICE over TCP for clients whose network blocks UDP: the passive side (RFC 6544), on the same port number as UDP.
 *
 * A connection is another path; to the core it is like any other. Received bytes are split into packets; packets to
 * send are written together, once a turn. What a stranger can make us hold is bounded: connections in total and for
 * each network, the time until a first valid check, one incomplete frame. So is what waits for a slow receiver: beyond
 * that packets are dropped, which its congestion control sees as loss.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type CounterName, type Counters, SLOT } from "../../base/counters.ts";
import type { PathId } from "../../base/ids.ts";
import { withoutMappedPrefix } from "../../base/ip-address.ts";
import type { PathTable } from "../../base/path-table.ts";
import type { TransmitRing } from "../../base/transmit-ring.ts";
import type { DatagramHandler } from "../datagram-socket.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { Newcomers, networkOf } from "./newcomers.ts";

/**
 * Of one thread, verified or not. Larger: more memory and descriptors. Smaller: a large conference on TCP is refused.
 */
const MAX_CONNECTIONS = 4_096;

/**
 * Send buffer of one receiver in this process, beyond the kernel's. Larger: memory, and delay of media. Smaller: a key
 * frame of a large picture does not fit when the path is congested.
 */
const MAX_BACKLOG_BYTES = 131_072;

/**
 * How long a connection may be without a valid check, in sweeps of a second. A client checks at once, and again within
 * seconds. Larger: strangers hold their places for longer. Smaller: after a lost check, a client on a bad line finds
 * its connection closed.
 */
const UNUSED_SWEEPS = 10;

type EndReason = "peer" | "bad_frame" | "unused" | "crowded_out";
type Refusal = "network_limit" | "thread_limit" | "path_table_full";

interface Connection {
  readonly socket: Socket;
  readonly path: PathId;
  readonly network: string;
  /** Sweeps since the last one that found it in use. */
  unusedSweeps: number;
}

export interface TcpHandler extends DatagramHandler {
  /** The connection of this path has ended. */
  onPathEnd(path: PathId): void;
}

export interface TcpListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly paths: PathTable;
  readonly handler: TcpHandler;
  readonly counters: Counters;
}

/** Resolves when it listens at a numeric address; `::` accepts IPv4 too. Rejects when the port cannot be bound. */
export function listenTcp(options: TcpListenerOptions): Promise<TcpListener> {
  const server = createServer({ noDelay: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.address, port: options.port, exclusive: true }, () => {
      server.off("error", reject);
      // Out of descriptors: new connections fail, the others go on.
      server.on("error", () => {});
      resolve(new TcpListener(server, options));
    });
  });
}

export class TcpListener {
  readonly #server: Server;
  readonly #options: TcpListenerOptions;
  readonly #connections = new Map<PathId, Connection>();
  readonly #newcomers = new Newcomers<Connection>();
  readonly #writer = new FrameWriter();
  /** Set from the first packet of a turn until the turn's end. */
  #batchEnd: NodeJS.Immediate | null = null;

  constructor(server: Server, options: TcpListenerOptions) {
    this.#server = server;
    this.#options = options;
    server.on("connection", (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sends the rows whose path is a connection, and removes them from the ring, which leaves the datagrams. */
  send(ring: TransmitRing): void {
    const { paths } = this.#options;
    for (let chain = 0; chain < ring.chains; chain++) {
      const firstRow = ring.firstRows[chain]!;
      const path = ring.path[firstRow]! as PathId;
      if (paths.isConnection(path)) this.#sendChain(ring, firstRow, this.#connections.get(path));
    }
  }

  /** To be called about once a second. A path that a transport uses has had a valid check. */
  sweep(): void {
    for (const connection of this.#connections.values()) {
      if (this.#options.paths.isPinned(connection.path)) {
        connection.unusedSweeps = 0;
        this.#newcomers.delete(connection);
        continue;
      }
      this.#newcomers.add(connection);
      connection.unusedSweeps += 1;
      if (connection.unusedSweeps >= UNUSED_SWEEPS) this.#end(connection, "unused");
    }
  }

  close(): Promise<void> {
    if (this.#batchEnd !== null) clearImmediate(this.#batchEnd);
    this.#server.removeAllListeners("connection");
    for (const { socket } of this.#connections.values()) socket.removeAllListeners("close").destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #sendChain(ring: TransmitRing, firstRow: number, connection: Connection | undefined): void {
    const isOpen = connection?.socket.writable === true;
    const roomBytes = isOpen ? MAX_BACKLOG_BYTES - connection.socket.writableLength : 0;
    const frames = this.#writer.write(ring, firstRow, roomBytes);
    if (frames.length > 0) connection!.socket.write(frames);
    const { counters } = this.#options;
    const { droppedPackets, droppedBytes } = this.#writer;
    counters[SLOT.tcpSentBytes]! += frames.length;
    counters[isOpen ? SLOT.downDropped_tcp_backlog : SLOT.downDropped_tcp_ended]! += droppedPackets;
    counters[isOpen ? SLOT.tcpDroppedBytes_backlog : SLOT.tcpDroppedBytes_ended]! += droppedBytes;
  }

  #accept(socket: Socket): void {
    this.#count("tcpAccepted");
    // Without a listener an error would end the thread; what has to be done follows in "close".
    socket.on("error", () => {});
    const { remoteAddress, remotePort } = socket;
    // Closed already.
    if (remoteAddress === undefined || remotePort === undefined) return this.#refuse(socket, "peer");
    const address = withoutMappedPrefix(remoteAddress);
    const network = networkOf(address);
    if (this.#connections.size >= MAX_CONNECTIONS) return this.#refuse(socket, "thread_limit");
    if (!this.#admits(network)) return this.#refuse(socket, "network_limit");
    this.#makeRoom();
    const path = this.#options.paths.addConnection(address, remotePort);
    if (path < 0) return this.#refuse(socket, "path_table_full");
    this.#open({ socket, path, network, unusedSweeps: 0 });
  }

  #open(connection: Connection): void {
    const { socket, path } = connection;
    const { handler, counters } = this.#options;
    this.#connections.set(path, connection);
    this.#newcomers.add(connection);
    counters[SLOT.tcpConnections] = this.#connections.size;
    const reader = new FrameReader((bytes, length) => handler.onDatagram(bytes, length, path, 0));
    socket.on("data", (chunk: Buffer) => {
      counters[SLOT.tcpReceivedBytes]! += chunk.length;
      this.#batchEnd ??= setImmediate(this.#endBatch);
      if (!reader.read(chunk)) this.#end(connection, "bad_frame");
    });
    socket.on("close", () => this.#end(connection, "peer"));
  }

  readonly #endBatch = (): void => {
    this.#batchEnd = null;
    this.#options.handler.onBatchEnd();
  };

  /** Connections that were verified since the last sweep no longer count as newcomers. */
  #admits(network: string): boolean {
    if (this.#newcomers.admits(network)) return true;
    this.#graduate();
    return this.#newcomers.admits(network);
  }

  #makeRoom(): void {
    if (this.#newcomers.surplus === undefined) return;
    this.#graduate();
    const oldest = this.#newcomers.surplus;
    if (oldest !== undefined) this.#end(oldest, "crowded_out");
  }

  #graduate(): void {
    for (const newcomer of this.#newcomers) {
      if (this.#options.paths.isPinned(newcomer.path)) this.#newcomers.delete(newcomer);
    }
  }

  #end(connection: Connection, reason: EndReason): void {
    const { socket, path } = connection;
    if (!this.#connections.delete(path)) return;
    const { paths, handler, counters } = this.#options;
    this.#newcomers.delete(connection);
    paths.endConnection(path);
    this.#count(`tcpEnded_${reason}`);
    counters[SLOT.tcpConnections] = this.#connections.size;
    socket.removeAllListeners("close");
    cutOff(socket);
    handler.onPathEnd(path);
  }

  #refuse(socket: Socket, reason: Refusal | "peer"): void {
    this.#count(`tcpEnded_${reason}`);
    cutOff(socket);
  }

  #count(name: CounterName): void {
    this.#options.counters[SLOT[name]]! += 1;
  }
}

/**
 * Resets the connection, so that nothing of it is kept here. Not when its peer has ended it: while our own end is under
 * way libuv refuses to reset, and Node would forget the socket without closing it.
 */
function cutOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
