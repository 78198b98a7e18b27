/**
 * The transports of one thread: found by id, by remote path and by username fragment; opened, secured, watched, closed.
 * Joins what the layers below keep apart: a valid check gives its path to the transport, a handshake's keys let media flow,
 * and both together are the state that is reported to control.
 */
import { type CounterName, SLOT } from "../base/counters.ts";
import type { PathId, RoomId, TransportId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";
import { type FromDtls, MAX_WAITING_DATAGRAMS, type SrtpKeys, type ToDtls } from "../contract/dtls.ts";
import type { Fingerprint, IceCredentials, MediaCommand, TransportState } from "../contract/media.ts";
import { IceLiteAgent } from "../ice/ice-lite-agent.ts";
import type { CoreContext } from "../sfu/core-context.ts";
import { NO_PATH } from "../sfu/outlet.ts";
import { Router } from "../sfu/router.ts";
import { Transport } from "../sfu/transport.ts";
import type { SrtpCipher, SrtpCipherFactory } from "../srtp/srtp-cipher.ts";
import { SrtpReceiver } from "../srtp/srtp-receiver.ts";
import { SrtpSender } from "../srtp/srtp-sender.ts";
import { Farewells } from "./farewells.ts";
import { StunResponder } from "./stun-responder.ts";

/**
 * After a longer time without a tick the thread stood still: the process was stopped, or the machine. Longer takes our own
 * silence for that of peers, shorter gives those that are gone more time whenever the thread is busy.
 */
const STALL_US = 1_000_000;

/** What the thread keeps of a transport beside the transport itself. */
interface Entry {
  readonly transport: Transport;
  router: Router;
  /** The peer's certificate must match one of them. */
  readonly fingerprints: readonly Fingerprint[];
  ciphers: readonly SrtpCipher[];
  /** Whether the DTLS thread has sent the peer anything. */
  isAnswered: boolean;
  dtlsFailure: string | null;
  /** The state that control knows. */
  reported: TransportState;
  /** Address that media was last sent to, and how; null before that. */
  way: string | null;
  /** The path from which the peer's DTLS comes. */
  dtlsPath: PathId;
  /** Datagrams sent to the DTLS thread that it has not reported as taken. */
  dtlsWaiting: number;
}

type OpenCommand = Extract<MediaCommand, { kind: "transport.open" }>;

export class Transports {
  /** By session index; a hole is free. */
  readonly senders: (SrtpSender | undefined)[] = [];
  readonly #entries = new Map<TransportId, Entry>();
  readonly #rooms = new Map<RoomId, Router>();
  /** By session index, likewise. */
  readonly #bySession: (Entry | undefined)[] = [];
  /**
   * By path: session index of the transport for which it was last validated. An entry may outlive the transport, so the
   * transport that now has the session is asked whether the path is its own.
   */
  readonly #sessionByPath: Int32Array;
  readonly #freeSessions: number[] = [];
  #tickedUs = 0;
  readonly #stun: StunResponder;
  readonly #farewells: Farewells;
  readonly #context: CoreContext;
  readonly #paths: PathTable;
  readonly #ciphers: SrtpCipherFactory;
  readonly #letters: ToDtls[];

  constructor(
    context: CoreContext,
    paths: PathTable,
    ciphers: SrtpCipherFactory,
    letters: ToDtls[],
    seed: number,
  ) {
    this.#context = context;
    this.#paths = paths;
    this.#ciphers = ciphers;
    this.#letters = letters;
    this.#sessionByPath = new Int32Array(paths.capacity);
    this.#farewells = new Farewells(paths);
    this.#stun = new StunResponder(seed, paths, context.ring, context.counters);
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Number of closed transports whose close_notify has yet to go out. */
  get farewells(): number {
    return this.#farewells.count;
  }

  room(id: RoomId): Router | undefined {
    return this.#rooms.get(id);
  }

  /** The room's router, made at the first call; it ends with the room's last transport. */
  openRoom(id: RoomId): Router {
    const known = this.#rooms.get(id);
    if (known !== undefined) return known;
    const router = new Router(id, this.#context);
    this.#rooms.set(id, router);
    return router;
  }

  /** Closes a room without transports. Returns its id, if it was here. */
  closeRoom(id: RoomId): RoomId | null {
    const router = this.#rooms.get(id);
    return router === undefined ? null : this.#endIfEmpty(router);
  }

  get rooms(): Iterable<Router> {
    return this.#rooms.values();
  }

  /** The transport and its room, by id. */
  find(id: TransportId): { readonly transport: Transport; readonly router: Router } | undefined {
    return this.#entries.get(id);
  }

  /** The transport whose peer sends from `path`. */
  at(path: PathId): Transport | undefined {
    const transport = this.#bySession[this.#sessionByPath[path]!]?.transport;
    return transport?.ice.isValidated(path) === true ? transport : undefined;
  }

  open(nowUs: number, command: OpenCommand): void {
    const { transportId, roomId, localIce, extensions, fingerprints } = command;
    const session = this.#freeSessions.pop() ?? this.senders.push(undefined) - 1;
    const ice = new IceLiteAgent(localIce, this.#paths, nowUs);
    const transport = new Transport(transportId, session, ice, extensions, this.#context);
    const router = this.openRoom(roomId);
    router.transports.add(transport);
    const entry: Entry = {
      transport,
      router,
      fingerprints,
      ciphers: [],
      isAnswered: false,
      dtlsFailure: null,
      reported: "new",
      way: null,
      dtlsPath: NO_PATH,
      dtlsWaiting: 0,
    };
    this.#bySession[session] = entry;
    this.#entries.set(transportId, entry);
    this.#stun.register(transport);
    this.#letters.push({ kind: "open", transportId, fingerprints });
  }

  restartIce(nowUs: number, id: TransportId, localIce: IceCredentials): void {
    const transport = this.#entries.get(id)?.transport;
    if (transport === undefined) return;
    transport.ice.restart(localIce, nowUs);
    this.#stun.register(transport);
  }

  /** Moves a transport to another room. Returns the room that it leaves, if it was that room's last transport here. */
  move(id: TransportId, roomId: RoomId): RoomId | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    const { transport, router } = entry;
    router.release(transport);
    entry.router = this.openRoom(roomId);
    entry.router.adopt(transport);
    return this.#endIfEmpty(router);
  }

  /** Closes a transport. Returns its room, if it was that room's last transport here. */
  close(nowUs: number, id: TransportId): RoomId | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    const { transport, router, ciphers } = entry;
    const { session } = transport.outlet;
    const path = pathForDtls(entry);
    if (transport.outlet.secure && entry.dtlsFailure === null && path >= 0) {
      this.#farewells.add(id, path, nowUs);
    }
    router.remove(transport, nowUs);
    this.#stun.unregister(transport);
    transport.ice.close();
    this.senders[session] = undefined;
    this.#bySession[session] = undefined;
    this.#freeSessions.push(session);
    for (const cipher of ciphers) cipher.free();
    this.#entries.delete(id);
    this.#letters.push({ kind: "close", transportId: id });
    return this.#endIfEmpty(router);
  }

  #endIfEmpty(router: Router): RoomId | null {
    if (router.transports.size > 0) return null;
    this.#rooms.delete(router.id);
    return router.id;
  }

  receiveStun(nowUs: number, packet: Uint8Array, length: number, path: PathId): void {
    const transport = this.#stun.receive(nowUs, packet, length, path);
    if (transport === undefined) return;
    this.#sessionByPath[path] = transport.outlet.session;
    this.#follow(this.#entries.get(transport.id)!, nowUs);
  }

  /** A TCP connection has ended; its peer may come back by another. */
  endPath(nowUs: number, path: PathId): void {
    const transport = this.at(path);
    if (transport === undefined) return;
    transport.ice.endPath(path);
    transport.ice.poll(nowUs);
    this.#follow(this.#entries.get(transport.id)!, nowUs);
  }

  /** DTLS is passed on only from paths that ICE has validated, so that strangers cannot create state in the DTLS thread. */
  receiveDtls(packet: Uint8Array, length: number, path: PathId): void {
    const { counters } = this.#context;
    const transport = this.at(path);
    if (transport === undefined) {
      counters[SLOT.upDropped_unknown_path]! += 1;
      return;
    }
    counters[SLOT.upDtlsPackets]! += 1;
    const entry = this.#entries.get(transport.id)!;
    if (entry.dtlsWaiting >= MAX_WAITING_DATAGRAMS) {
      counters[SLOT.upDropped_dtls_backlog]! += 1;
      return;
    }
    entry.dtlsWaiting += 1;
    entry.dtlsPath = path;
    this.#letters.push({ kind: "datagram", transportId: transport.id, bytes: packet.slice(0, length) });
  }

  receiveLetter(nowUs: number, letter: FromDtls): void {
    const entry = this.#entries.get(letter.transportId);
    if (entry === undefined) return this.#receiveLast(letter);
    switch (letter.kind) {
      case "datagram":
        entry.isAnswered = true;
        return this.#sendRaw(pathForDtls(entry), letter.bytes);
      case "taken":
        entry.dtlsWaiting -= letter.datagrams;
        return;
      case "secure":
        this.#secure(entry, letter.keys, nowUs);
        return this.#follow(entry, nowUs);
      case "failed":
        entry.dtlsFailure = `dtls_${letter.reason}`;
        return this.#report(entry, "failed", entry.dtlsFailure);
      case "closed":
        entry.dtlsFailure = "dtls_closed";
        return this.#report(entry, "failed", entry.dtlsFailure);
      default:
        return letter satisfies never;
    }
  }

  /**
   * There is a new DTLS thread. Transports with keys go on. Handshakes under way fail, because it knows nothing of them.
   * Transports whose peer has had no answer are announced to it: such a peer repeats its ClientHello.
   */
  onDtlsReplaced(): void {
    this.#farewells.expire(Number.POSITIVE_INFINITY);
    for (const [transportId, entry] of this.#entries) {
      entry.dtlsWaiting = 0;
      if (entry.transport.outlet.secure || entry.dtlsFailure !== null) continue;
      if (!entry.isAnswered) {
        this.#letters.push({ kind: "open", transportId, fingerprints: entry.fingerprints });
        continue;
      }
      entry.dtlsFailure = "dtls_thread_exited";
      this.#report(entry, "failed", entry.dtlsFailure);
    }
  }

  /** A letter about a closed transport. */
  #receiveLast(letter: FromDtls): void {
    if (letter.kind !== "datagram") return;
    const path = this.#farewells.pathFor(letter.transportId, letter.bytes);
    if (path !== undefined) this.#sendRaw(path, letter.bytes);
  }

  tick(nowUs: number): void {
    this.#excuseStall(nowUs);
    this.#farewells.expire(nowUs);
    const { rests, ring } = this.#context;
    rests.isHurried = false;
    const { length } = this.#bySession;
    for (let session = 0; session < length; session++) {
      if (!rests.isOver(session, nowUs)) continue;
      this.#tick(session, nowUs);
      ring.makeRoom();
    }
    for (const router of this.#rooms.values()) router.tick(nowUs);
  }

  /** Timers run before sockets are read: without this, peers would fail for a silence that is in the socket. */
  #excuseStall(nowUs: number): void {
    const stalledUs = nowUs - this.#tickedUs;
    this.#tickedUs = nowUs;
    if (stalledUs < STALL_US) return;
    for (const { transport } of this.#entries.values()) transport.ice.excuse(stalledUs, nowUs);
  }

  #tick(session: number, nowUs: number): void {
    const entry = this.#bySession[session];
    if (entry === undefined) return this.#context.rests.set(session, Number.POSITIVE_INFINITY);
    entry.transport.ice.poll(nowUs);
    this.#follow(entry, nowUs);
    entry.transport.tick(nowUs, entry.router);
  }

  /** Applies what ICE has decided: where to send, and the state of the transport. */
  #follow(entry: Entry, nowUs: number): void {
    const { transport } = entry;
    const { ice, outlet } = transport;
    // Media to a peer that has fallen silent would only fill its path; it starts again at a key frame.
    const path = ice.state === "disconnected" ? NO_PATH : ice.selectedPath;
    if (outlet.path !== path) {
      if (outlet.path >= 0 && path >= 0) this.#context.counters[SLOT.icePathChanges]! += 1;
      outlet.path = path;
      if (path >= 0) this.#noteWay(entry, path, nowUs);
      transport.retarget(nowUs);
    }
    if (entry.dtlsFailure === null) this.#report(entry, stateOf(transport), "ice_timeout");
  }

  /**
   * Another port of the same address is mostly the same network, behind a NAT that has forgotten its binding or after an
   * ICE restart; but TCP carries media differently from UDP.
   */
  #noteWay(entry: Entry, path: PathId, nowUs: number): void {
    const way = `${this.#paths.isConnection(path) ? "tcp" : "udp"} ${this.#paths.address(path)}`;
    const isNew = entry.way !== null && entry.way !== way;
    entry.way = way;
    if (isNew) entry.transport.onNewPath(nowUs);
  }

  #report(entry: Entry, state: TransportState, reason: string): void {
    if (entry.reported === state) return;
    entry.reported = state;
    const { counters, events } = this.#context;
    const counter = STATE_COUNTERS[state];
    if (counter !== undefined) counters[SLOT[counter]]! += 1;
    const { id: transportId } = entry.transport;
    events.push({ kind: "transport.state", transportId, state, ...(state === "failed" ? { reason } : {}) });
  }

  #secure(entry: Entry, { profile, receive, send }: SrtpKeys, nowUs: number): void {
    // An association has keys once: a second set would restart the SRTP indices.
    if (entry.ciphers.length > 0) return;
    const receiving = this.#ciphers.create(profile, receive);
    const sending = this.#ciphers.create(profile, send);
    entry.ciphers = [receiving, sending];
    const sender = new SrtpSender(sending);
    this.senders[entry.transport.outlet.session] = sender;
    entry.transport.onKeys(new SrtpReceiver(receiving), sender, nowUs);
  }

  #sendRaw(path: PathId, bytes: Uint8Array): void {
    const { ring, counters } = this.#context;
    if (path < 0) {
      counters[SLOT.downDropped_no_path]! += 1;
      return;
    }
    const at = ring.reserve();
    if (at < 0) {
      counters[SLOT.downDropped_ring_full]! += 1;
      return;
    }
    ring.slab.set(bytes, at);
    ring.commitRaw(bytes.length, path);
  }
}

const STATE_COUNTERS: Partial<Record<TransportState, CounterName>> = {
  connected: "iceConnected",
  disconnected: "iceDisconnected",
  failed: "iceFailed",
};

/**
 * Until a path is nominated, a validated one is used (RFC 8445 §12.1.1): over TCP Chromium nominates so late that the
 * handshake could be over by then.
 */
function pathForDtls({ transport, dtlsPath }: Entry): PathId {
  const { path } = transport.outlet;
  return path < 0 && transport.ice.isValidated(dtlsPath) ? dtlsPath : path;
}

/** ICE and DTLS as one state, as RTCPeerConnectionState (W3C webrtc-pc). */
function stateOf({ ice, outlet }: Transport): TransportState {
  if (ice.state === "connected") return outlet.secure ? "connected" : "connecting";
  return ice.state === "checking" ? "connecting" : ice.state;
}
