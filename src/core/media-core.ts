/**
 * The whole of one media thread as a function of its inputs: datagrams, letters from DTLS, commands and time in;
 * a filled transmit ring, letters and events out. No clock, no chance, no socket.
 *
 *   receive ──▶ STUN, DTLS ──▶ Transports       command ──▶ Transports, Router
 *        └────▶ SRTP, SRTCP ──▶ Transport         tick ──▶ every Transport
 */
import { type CounterName, type Counters, SLOT } from "../base/counters.ts";
import type { PathId, RoomId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";
import { TransmitRing } from "../base/transmit-ring.ts";
import type { FromDtls, ToDtls } from "../contract/dtls.ts";
import type { MediaCommand, MediaEvent } from "../contract/media.ts";
import { type CoreContext, createCoreContext } from "../sfu/core-context.ts";
import type { Router } from "../sfu/router.ts";
import type { SrtpCipherFactory } from "../srtp/srtp-cipher.ts";
import { Pipes } from "./pipes.ts";
import { sealRing } from "./seal-ring.ts";
import { Transports } from "./transports.ts";

/** First byte of each protocol on the port (RFC 7983 §7). */
const STUN_LAST = 3;
const DTLS_FIRST = 20;
const DTLS_LAST = 63;
const RTP_FIRST = 128;
const RTP_LAST = 191;

/** RTCP packet types in the second byte (RFC 5761 §4), where RTP would have payload types 64 to 95 with the marker bit. */
const RTCP_FIRST = 192;
const RTCP_LAST = 223;

export interface MediaCoreOptions {
  readonly counters: Counters;
  readonly paths: PathTable;
  /** Capacity of the transmit ring, in datagrams. */
  readonly ringSlots: number;
  readonly ciphers: SrtpCipherFactory;
  /** 32 random bits, unknown to the network. */
  readonly seed: number;
}

export class MediaCore {
  readonly ring: TransmitRing;
  readonly counters: Counters;
  /** Drained by `worker/` after each turn. */
  readonly events: MediaEvent[];
  readonly letters: ToDtls[] = [];
  /** To and from other media threads. */
  readonly pipes: Pipes;
  readonly #transports: Transports;
  readonly #context: CoreContext;
  readonly #ciphers: SrtpCipherFactory;

  constructor({ counters, paths, ringSlots, ciphers, seed }: MediaCoreOptions) {
    this.ring = new TransmitRing(ringSlots);
    this.counters = counters;
    this.#ciphers = ciphers;
    this.#context = createCoreContext(this.ring, counters);
    this.events = this.#context.events;
    this.pipes = new Pipes(this.#context);
    this.#transports = new Transports(this.#context, paths, ciphers, this.letters, seed);
  }

  /** Seals what is in the ring. Returns how many rows could not be, which are left with 0 bytes. */
  seal(): number {
    return sealRing(this.ring, this.#transports.senders, this.#ciphers);
  }

  /** Whether the latest video packet was not the last of its frame. */
  get isInFrame(): boolean {
    return this.#context.isInFrame;
  }

  /** Whether something waits for the next tick, which then should come within 10 ms. */
  get isHurried(): boolean {
    return this.#context.rests.isHurried;
  }

  /** Whether there is no transport, so that no tick is needed. */
  get idle(): boolean {
    return this.#transports.count === 0;
  }

  /** Number of closed transports whose close_notify has yet to go out. */
  get farewells(): number {
    return this.#transports.farewells;
  }

  /** Writes the gauges of objects to their counter slots. */
  countObjects(): void {
    const { counters } = this;
    const rooms = [...this.#transports.rooms];
    const sum = (count: (room: Router) => number): number =>
      rooms.reduce((total, room) => total + count(room), 0);
    counters[SLOT.transports] = this.#transports.count;
    counters[SLOT.upTracks] = sum(({ upTracks }) => upTracks.length);
    counters[SLOT.downTracks] = sum(({ downTracks }) => downTracks.length);
    counters[SLOT.cipherContexts] = this.#ciphers.contexts();
  }

  /**
   * Processes the datagram `bytes[0, length)` in place: steps 2 to 6 of the packet path (ARCHITECTURE §4), of which 5 and 6
   * may follow with a later packet, or `forward`. `arrivedUs`: when it came to this machine, for feedback to publishers.
   */
  receive(nowUs: number, bytes: Uint8Array, length: number, path: PathId, arrivedUs: number): void {
    if (length === 0) return this.#drop("upDropped_empty");
    const first = bytes[0]!;
    if (first >= RTP_FIRST && first <= RTP_LAST)
      return this.#receiveMedia(nowUs, bytes, length, path, arrivedUs);
    this.#context.run.forward();
    if (first <= STUN_LAST) this.#transports.receiveStun(nowUs, bytes, length, path);
    else if (first >= DTLS_FIRST && first <= DTLS_LAST) this.#transports.receiveDtls(bytes, length, path);
    else this.#drop("upDropped_unknown_class");
  }

  /** The connection that was `path` has ended: its transport need not wait for consent to expire. */
  endPath(nowUs: number, path: PathId): void {
    this.forward();
    this.#transports.endPath(nowUs, path);
  }

  receiveLetter(nowUs: number, letter: FromDtls): void {
    this.forward();
    this.#transports.receiveLetter(nowUs, letter);
  }

  /** Letters go to another DTLS thread from now on. */
  onDtlsReplaced(): void {
    this.#transports.onDtlsReplaced();
  }

  /** The socket has no more datagrams for now. */
  endBatch(): void {
    this.#context.isInFrame = false;
  }

  /** Forwards packets that have come and wait for more of their picture: before a command, and when nothing comes for now. */
  forward(): void {
    this.#context.run.forward();
  }

  tick(nowUs: number): void {
    this.forward();
    this.#transports.tick(nowUs);
    this.pipes.tick(nowUs);
  }

  command(nowUs: number, command: MediaCommand): void {
    switch (command.kind) {
      case "room.options":
        return this.#transports.openRoom(command.roomId).setOptions(command.options);
      case "room.close":
        return this.#endRoom(this.#transports.closeRoom(command.roomId));
      case "transport.open":
        return this.#transports.open(nowUs, command);
      case "transport.restart-ice":
        return this.#transports.restartIce(nowUs, command.transportId, command.localIce);
      case "transport.extensions":
        return this.#transports.find(command.transportId)?.transport.addExtensions(command.extensions);
      case "transport.limit":
        return this.#transports.find(command.transportId)?.transport.limit(command.limitBps);
      case "transport.move":
        return this.#endRoom(this.#transports.move(command.transportId, command.roomId));
      case "transport.close":
        return this.#endRoom(this.#transports.close(nowUs, command.transportId));
      case "up-track.add": {
        const found = this.#transports.find(command.transportId);
        return found?.router.publish(found.transport, command.track);
      }
      case "down-track.add": {
        const found = this.#transports.find(command.transportId);
        return found?.router.subscribe(found.transport, command.downTrack);
      }
      case "up-track.pipe":
        return this.#pipe(command);
      case "piped-track.add":
        return this.pipes.add(command, this.#transports.room(command.roomId));
      case "piped-track.remove":
        return this.pipes.remove(command.trackId, nowUs);
      case "stats":
        return this.#reportStats(nowUs, command.requestId, command.roomId);
      default:
        for (const router of this.#transports.rooms) router.command(nowUs, command);
    }
  }

  #endRoom(id: RoomId | null): void {
    if (id !== null) this.pipes.removeRoom(id);
  }

  #pipe(command: Extract<MediaCommand, { kind: "up-track.pipe" }>): void {
    const pipe = this.pipes.trackPipe(command);
    if (pipe === undefined) return;
    for (const router of this.#transports.rooms) router.track(command.trackId)?.pipes.push(pipe);
  }

  #receiveMedia(nowUs: number, bytes: Uint8Array, length: number, path: PathId, arrivedUs: number): void {
    const transport = this.#transports.at(path);
    if (transport === undefined) return this.#drop("upDropped_unknown_path");
    const { run } = this.#context;
    const second = bytes[1]!;
    if (second >= RTCP_FIRST && second <= RTCP_LAST) {
      run.forward();
      if (!transport.rtcp.receive(bytes, length, nowUs)) return;
      transport.ice.onReport(nowUs, path);
      return transport.outlet.wake();
    }
    const packet = run.next;
    packet.bytes = bytes;
    packet.length = length;
    packet.arrivedUs = arrivedUs;
    packet.receivedUs = nowUs;
    packet.nowUs = nowUs;
    transport.rtp.receive(packet);
  }

  #reportStats(nowUs: number, requestId: number, roomId: RoomId): void {
    const room: Router | undefined = this.#transports.room(roomId);
    this.events.push({
      kind: "stats",
      requestId,
      upTracks: room?.upTracks.map((track) => track.stats(nowUs)) ?? [],
      downTracks: room?.downTracks.map((downTrack) => downTrack.stats()) ?? [],
      transports: [...(room?.transports ?? [])].map((transport) => transport.stats()),
    });
  }

  #drop(reason: CounterName): void {
    this.counters[SLOT[reason]]! += 1;
  }
}
