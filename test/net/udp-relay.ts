/**
 * An access network in front of a server: a UDP relay that passes datagrams through two link models, one each way, and
 * sends them when they are due.
 *
 *   client ◀──▶ front socket ◀── up ──▶ a back socket for each client ◀──▶ server
 *                            ◀─ down ─▶
 *
 * The server sees each client at an address of its own. All clients share the two links, as people behind one router do.
 * The first sessions may be spared, so that a publisher on a good line and a viewer on a bad one can use the one address
 * that a server announces. Sessions are told apart by the server's user fragment in the clients' ICE checks, because a
 * browser checks from several addresses for one session.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { readStunUsername } from "../../src/ice/stun-message.ts";
import { LinkModel, type LinkSettings } from "../sim/link-model.ts";
import { Lateness } from "./lateness.ts";

export type Way = "up" | "down";

export interface RelayOptions {
  readonly serverPort: number;
  /** Sessions that pass unimpaired, in the order of their first check. */
  readonly spared: number;
  readonly seed: number;
}

/** Counts of both links, and how late datagrams left. */
export interface RelayReport {
  readonly up: LinkModel<unknown>["counts"];
  readonly down: LinkModel<unknown>["counts"];
  readonly lateness: ReturnType<Lateness["summary"]>;
}

interface Client {
  readonly address: string;
  readonly port: number;
  /** Towards the server. */
  readonly back: Socket;
  isSpared: boolean;
}

interface Parcel {
  readonly datagram: Uint8Array;
  readonly client: Client;
}

const LOOPBACK = "127.0.0.1";
/** Bursts wait here while the process does not run. Smaller: the kernel drops what the model did not. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Timers count in milliseconds: a shorter one fires no sooner. */
const SHORTEST_WAIT_MS = 1;

const clockUs = (): number => Math.round(performance.now() * 1_000);

export class UdpRelay {
  readonly #options: RelayOptions;
  readonly #links: Readonly<Record<Way, LinkModel<Parcel>>>;
  readonly #front = openSocket();
  readonly #clients = new Map<string, Client>();
  readonly #sparedUfrags = new Set<string>();
  readonly #ufrags = new Set<string>();
  readonly #lateness = new Lateness();
  #timer: NodeJS.Timeout | undefined;
  #wakesUs = Number.POSITIVE_INFINITY;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#links = { up: new LinkModel({}, options.seed), down: new LinkModel({}, options.seed + 1) };
    this.#front.on("message", (datagram, from) => this.#onClientDatagram(datagram, from));
  }

  /** Resolves with the port for clients. */
  async listen(): Promise<number> {
    const listening = once(this.#front, "listening");
    this.#front.bind(0, LOOPBACK);
    await listening;
    return this.#front.address().port;
  }

  change(way: Way, settings: Partial<LinkSettings>): void {
    this.#links[way].change(clockUs(), settings);
    this.#deliver();
  }

  /** Nothing passes either way from now on for so long, spared sessions excepted. */
  blackout(ms: number): void {
    const nowUs = clockUs();
    for (const link of Object.values(this.#links)) link.blackout(nowUs, nowUs + 1_000 * ms);
  }

  report(): RelayReport {
    const { up, down } = this.#links;
    return { up: up.counts, down: down.counts, lateness: this.#lateness.summary() };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#front.close();
    for (const { back } of this.#clients.values()) back.close();
  }

  #onClientDatagram(datagram: Uint8Array, { address, port }: RemoteInfo): void {
    const name = `${address}:${port}`;
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = this.#connect(address, port);
      this.#clients.set(name, client);
    }
    const ufrag = readStunUsername(datagram, datagram.length);
    if (ufrag !== undefined) client.isSpared = this.#isSpared(ufrag);
    this.#pass("up", { datagram, client });
  }

  #connect(address: string, port: number): Client {
    const back = openSocket();
    const client = { address, port, back, isSpared: false };
    back.on("message", (datagram) => this.#pass("down", { datagram, client }));
    return client;
  }

  #isSpared(ufrag: string): boolean {
    if (!this.#ufrags.has(ufrag) && this.#ufrags.size < this.#options.spared) this.#sparedUfrags.add(ufrag);
    this.#ufrags.add(ufrag);
    return this.#sparedUfrags.has(ufrag);
  }

  #pass(way: Way, parcel: Parcel): void {
    if (parcel.client.isSpared) return this.#send(way, parcel);
    this.#links[way].send(clockUs(), parcel, parcel.datagram.length);
    this.#deliver();
  }

  #send(way: Way, { datagram, client }: Parcel): void {
    if (way === "up") client.back.send(datagram, this.#options.serverPort, LOOPBACK);
    else this.#front.send(datagram, client.port, client.address);
  }

  /** Sends what is due, and wakes when more is. */
  #deliver(): void {
    const nowUs = clockUs();
    let nextUs = Number.POSITIVE_INFINITY;
    for (const way of ["up", "down"] as const) {
      const link = this.#links[way];
      for (let dueUs = link.nextUs; dueUs <= nowUs; dueUs = link.nextUs) {
        for (const parcel of link.arrivals(dueUs)) {
          this.#send(way, parcel);
          this.#lateness.add(nowUs - dueUs);
        }
      }
      nextUs = Math.min(nextUs, link.nextUs);
    }
    this.#wakeAt(nextUs, nowUs);
  }

  /** Early by less than a millisecond, then at the next: a timer may only fire in whole ones, and waiting busily takes a core. */
  #wakeAt(dueUs: number, nowUs: number): void {
    if (dueUs === Number.POSITIVE_INFINITY || (dueUs >= this.#wakesUs && nowUs < this.#wakesUs)) return;
    clearTimeout(this.#timer);
    this.#wakesUs = dueUs;
    const waitMs = Math.max(SHORTEST_WAIT_MS, Math.floor((dueUs - nowUs) / 1_000));
    this.#timer = setTimeout(() => {
      this.#wakesUs = Number.POSITIVE_INFINITY;
      this.#deliver();
    }, waitMs);
  }
}

/** Literal addresses need no lookup, and one would send on the next turn only. */
function openSocket(): Socket {
  const socket = createSocket({
    type: "udp4",
    lookup: (address, _options, callback) => callback(null, address, 4),
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
  });
  // What a port that is closed answers; the client will learn it by silence.
  socket.on("error", () => {});
  return socket;
}
