/**
 * A conference in one call stack: a MediaCore or several, participants that behave like browsers, each with an uplink
 * and a downlink. Time is a number.
 */
import { createSharedCounters } from "../../src/base/counters.ts";
import { asSsrc, type PathId, type RoomId, type TrackId } from "../../src/base/ids.ts";
import { PacketPipe } from "../../src/base/packet-pipe.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SLOT_BYTES } from "../../src/base/transmit-ring.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import type { LayerPreference, MediaEvent, PayloadParams, UpTrackParams } from "../../src/contract/media.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { LinkModel, type LinkSettings } from "./link-model.ts";
import { EXTENSION_IDS } from "./session-parameters.ts";
import { simCipherFactory } from "./sim-cipher.ts";
import { SimPeer } from "./sim-peer.ts";
import type { Sends } from "./sim-publisher.ts";

const ROOM = "room" as RoomId;
const { [EXTENSION_URI.transportCc]: _, ...WITHOUT_NUMBERS } = EXTENSION_IDS;
/** Step of senders and links. Larger: arrival times are less precise. Smaller: a simulated minute takes longer. */
const STEP_US = 1_000;
/** How often the server's timers are checked, as in worker/media-loop. */
const TICK_US = 10_000;

export interface Person {
  readonly name: string;
  /** What it publishes; video includes audio. By default audio and video in three encodings. */
  readonly sends?: Sends;
  /** Names of those whose audio and video it receives. By default all others. */
  readonly watches?: readonly string[];
  /** Whether its client negotiates transport-wide sequence numbers. By default it does. */
  readonly numbersPackets?: boolean;
  /** Its links to the server and from it. By default perfect. */
  readonly up?: Partial<LinkSettings>;
  readonly down?: Partial<LinkSettings>;
  /** It declares that its frames have LiveKit's encryption. */
  readonly saysSealed?: boolean;
}

export interface ConferenceOptions {
  readonly people: readonly Person[];
  readonly seed: number;
  /** Media threads of the room; participants are distributed in turn. */
  readonly threads?: number;
  /** Publishers turn off encodings that nobody wants. */
  readonly dynacast?: boolean;
  /** The server's ciphers, by default those of simulations. With any others, peers have portable ones. */
  readonly ciphers?: SrtpCipherFactory;
  /** Number of datagrams that a thread can write before it has to send them. */
  readonly ringSlots?: number;
  /** What the clock shows at first. */
  readonly startUs?: number;
}

export interface Seat {
  readonly person: Person;
  readonly peer: SimPeer;
  readonly thread: Thread;
  /** The path from which it sends. */
  path: PathId;
  readonly up: LinkModel<Uint8Array>;
  readonly down: LinkModel<Uint8Array>;
}

export interface Thread {
  readonly index: number;
  readonly core: MediaCore;
  readonly paths: PathTable;
  /** Tracks of other threads that are piped here. */
  readonly piped: Set<TrackId>;
  readonly seatOf: Map<number, Seat>;
}

/** So many participants that all publish three encodings and receive each other, with equal links both ways. */
export function meeting(people: number, link: Partial<LinkSettings>): Person[] {
  return Array.from({ length: people }, (_, i) => ({ name: `peer-${i}`, up: link, down: link }));
}

export class Conference {
  readonly threads: readonly Thread[];
  readonly seats: readonly Seat[];
  nowUs: number;
  /** Called with each datagram from participants, before the server decrypts it in place. */
  overheard: ((datagram: Uint8Array) => void) | null = null;
  /** Called with each datagram that reaches one of them, before it is decrypted. */
  delivered: ((datagram: Uint8Array, peer: SimPeer) => void) | null = null;
  /** Called with the events of each thread for control. */
  told: ((event: MediaEvent) => void) | null = null;
  #channels = 0;
  /** By track and thread, the highest layer wanted there. */
  readonly #wanted = new Map<TrackId, Map<Thread, number>>();
  readonly #dynacast: boolean;

  constructor(options: ConferenceOptions) {
    const { people, seed, threads = 1, dynacast = false } = options;
    const { ciphers = simCipherFactory, ringSlots = 1024, startUs = 1_000_000 } = options;
    this.nowUs = startUs;
    this.#dynacast = dynacast;
    this.threads = Array.from({ length: threads }, (_, index) => {
      const paths = new PathTable(Math.max(64, 2 * people.length));
      const core = new MediaCore({ counters: createSharedCounters(), paths, ringSlots, ciphers, seed });
      const thread = { index, core, paths, piped: new Set<TrackId>(), seatOf: new Map<number, Seat>() };
      core.ring.flush = () => this.#send(thread);
      return thread;
    });
    for (const from of this.threads) for (const to of this.threads) if (from !== to) connectPipe(from, to);
    const peerCiphers = ciphers === simCipherFactory ? simCipherFactory : portableCipherFactory;
    this.seats = people.map((person, i) => this.#seat(person, i, seed, peerCiphers));
    for (const seat of this.seats) this.#open(seat);
    for (const { person } of this.seats) {
      for (const name of watchedBy(person, people)) this.watch(person.name, name);
    }
  }

  /** The core of the first thread. */
  get core(): MediaCore {
    return this.threads[0]!.core;
  }

  get paths(): PathTable {
    return this.threads[0]!.paths;
  }

  get people(): readonly SimPeer[] {
    return this.seats.map(({ peer }) => peer);
  }

  seat(name: string): Seat {
    const seat = this.seats.find(({ person }) => person.name === name);
    if (seat === undefined) throw new Error(`nobody is called ${name}`);
    return seat;
  }

  /** Lets `durationUs` pass. */
  run(durationUs: number): void {
    for (const endUs = this.nowUs + durationUs; this.nowUs < endUs; this.nowUs += STEP_US) this.#step();
  }

  /** Makes a thread, by default the first, receive a datagram from `path` now, whoever sent it. */
  receive(datagram: Uint8Array, path: PathId, thread: Thread = this.threads[0]!): void {
    thread.core.receive(this.nowUs, datagram, datagram.length, path, this.nowUs);
    this.#flush(thread);
  }

  /** Subscribes `viewer` to what `publisher` sends. */
  watch(viewer: string, publisher: string): void {
    const { peer, thread } = this.seat(viewer);
    const { peer: other, thread: home } = this.seat(publisher);
    for (const track of other.publisher.tracks) {
      if (home !== thread) this.#pipe(track, home, thread);
      const [payload] = track.payloads as [PayloadParams];
      const { subscriptionId, viewer: received } = peer.watch(track.kind, other, payload);
      const { ssrc, rtxSsrc } = received.params;
      thread.core.command(this.nowUs, {
        kind: "down-track.add",
        transportId: peer.transportId,
        downTrack: {
          subscriptionId,
          kind: track.kind,
          mid: `${ssrc}`,
          cname: other.name,
          ssrc: asSsrc(ssrc),
          rtxSsrc: asSsrc(rtxSsrc),
        },
      });
      const source = { trackId: track.trackId, payload };
      thread.core.command(this.nowUs, { kind: "down-track.source", subscriptionId, source });
    }
  }

  /** Sets the preference of `viewer` for the video of `publisher`. */
  prefer(viewer: string, publisher: string, preference: LayerPreference): void {
    const { peer, thread } = this.seat(viewer);
    const { subscriptionId } = peer.view("video", publisher);
    thread.core.command(this.nowUs, { kind: "down-track.prefer", subscriptionId, preference });
  }

  /** Sets how much `viewer` is sent at most, bits per second; null for no limit. */
  limit(viewer: string, limitBps: number | null): void {
    const { peer, thread } = this.seat(viewer);
    thread.core.command(this.nowUs, { kind: "transport.limit", transportId: peer.transportId, limitBps });
  }

  /** Moves the participant to another network, by default in the last block of 10.0.0.0/8; its links do not change. */
  roam(name: string, address = `10.255.0.${this.seats.indexOf(this.seat(name)) + 1}`): void {
    const seat = this.seat(name);
    const { thread, peer } = seat;
    seat.path = thread.paths.intern(address, 60_000);
    thread.seatOf.set(seat.path, seat);
    peer.ice.checkNow();
  }

  /** Ends the participant's transport; it does nothing from now on. */
  leave(name: string): void {
    const { peer, thread } = this.seat(name);
    peer.isSilent = true;
    thread.core.command(this.nowUs, { kind: "transport.close", transportId: peer.transportId });
  }

  #seat(person: Person, index: number, seed: number, ciphers: SrtpCipherFactory): Seat {
    const thread = this.threads[index % this.threads.length]!;
    const { name, sends = "simulcast", up = {}, down = {} } = person;
    const path = thread.paths.intern(`10.0.0.${index + 1}`, 50_000);
    const seat = {
      person,
      peer: new SimPeer(index, { name, sends, seed, ciphers }),
      thread,
      path,
      up: new LinkModel<Uint8Array>(up, seed * 1000 + index),
      down: new LinkModel<Uint8Array>(down, seed * 1000 + 500 + index),
    };
    thread.seatOf.set(path, seat);
    return seat;
  }

  #open({ peer, person, thread: { core } }: Seat): void {
    const { transportId, ice, publisher } = peer;
    const { numbersPackets = true } = person;
    core.command(this.nowUs, {
      kind: "transport.open",
      transportId,
      roomId: ROOM,
      localIce: ice.server,
      remoteIce: ice.peer,
      fingerprints: [],
      extensions: numbersPackets ? EXTENSION_IDS : WITHOUT_NUMBERS,
    });
    for (const track of publisher.tracks) {
      const trailer = person.saysSealed ? ({ trailer: "livekit" } as const) : {};
      core.command(this.nowUs, { kind: "up-track.add", transportId, track: { ...track, ...trailer } });
    }
    const keys = peer.serverKeys(SRTP_AEAD_AES_128_GCM);
    core.receiveLetter(this.nowUs, { kind: "secure", transportId, keys });
  }

  #pipe(track: UpTrackParams, home: Thread, to: Thread): void {
    const { trackId } = track;
    if (to.piped.has(trackId)) return;
    to.piped.add(trackId);
    const channel = ++this.#channels;
    const from = home.index;
    home.core.command(this.nowUs, { kind: "up-track.pipe", trackId, to: to.index, channel });
    const extensions = EXTENSION_IDS;
    to.core.command(this.nowUs, { kind: "piped-track.add", roomId: ROOM, track, extensions, from, channel });
  }

  #step(): void {
    const { nowUs } = this;
    for (const { peer, up, path, thread } of this.seats) {
      for (const datagram of peer.tick(nowUs)) up.send(nowUs, datagram, datagram.length);
      const arrivals = up.arrivals(nowUs);
      for (const datagram of arrivals) {
        this.overheard?.(datagram);
        thread.core.receive(nowUs, datagram, datagram.length, path, nowUs);
      }
      if (arrivals.length > 0) this.#flush(thread);
    }
    if (nowUs % TICK_US === 0) {
      for (const thread of this.threads) {
        thread.core.tick(nowUs);
        this.#flush(thread);
      }
    }
    for (const { peer, down } of this.seats) {
      for (const datagram of down.arrivals(nowUs)) {
        this.delivered?.(datagram, peer);
        peer.receive(datagram, nowUs);
      }
    }
  }

  /** What the media loop does at the end of a turn. */
  #flush(thread: Thread): void {
    const { events, letters, pipes } = thread.core;
    this.#send(thread);
    for (const event of events.splice(0)) {
      this.told?.(event);
      if (event.kind === "piped-track.keyframe") this.#askKeyframe(event.trackId, event.encoding);
      if (event.kind === "up-track.wanted") this.#tellWanted(event.trackId, thread, event.spatial);
    }
    letters.length = 0;
    pipes.publish((to) => {
      const woken = this.threads[to]!;
      woken.core.pipes.receive(this.nowUs);
      this.#flush(woken);
    });
  }

  /** Encrypts and sends what a thread has written. */
  #send(thread: Thread): void {
    const { core } = thread;
    core.forward();
    core.seal();
    const { ring } = core;
    for (let row = 0; row < ring.count; row++) {
      const bytes = ring.bytes[row]!;
      // SRTP refused to encrypt it; sockets skip it too.
      if (bytes === 0) continue;
      const at = row * SLOT_BYTES;
      const datagram = ring.slab.slice(at, at + bytes);
      thread.seatOf.get(ring.path[row]!)?.down.send(this.nowUs, datagram, bytes);
    }
    ring.clear();
  }

  /** What control does when a piped track needs a key frame. */
  #askKeyframe(trackId: TrackId, encoding: number): void {
    const { core } = this.#publisherOf(trackId).thread;
    core.command(this.nowUs, { kind: "up-track.keyframe", trackId, encoding });
  }

  /** What control and signalling do with the layers that subscribers in all threads want. */
  #tellWanted(trackId: TrackId, thread: Thread, spatial: number): void {
    const byThread = this.#wanted.get(trackId) ?? new Map<Thread, number>();
    this.#wanted.set(trackId, byThread.set(thread, spatial));
    const { peer, thread: home } = this.#publisherOf(trackId);
    if (this.#dynacast && byThread.has(home)) peer.sendUpTo(Math.max(...byThread.values()));
  }

  #publisherOf(trackId: TrackId): Seat {
    return this.seats.find(({ peer }) => peer.publisher.videoTrack === trackId)!;
  }
}

function watchedBy(person: Person, people: readonly Person[]): readonly string[] {
  return person.watches ?? people.map(({ name }) => name).filter((name) => name !== person.name);
}

function connectPipe(from: Thread, to: Thread): void {
  const memory = PacketPipe.allocate();
  from.core.pipes.connectTo(to.index, memory);
  to.core.pipes.connectFrom(from.index, memory);
}
