/**
 * A conference in one call stack: a MediaCore or several, people with browsers' habits, and lossy links between them.
 *
 * Everybody publishes an audio and a simulcast video, and watches all others, over one transport. Time is a number.
 */
import { createHash, type Hash } from "node:crypto";
import { createSharedCounters } from "../../src/base/counters.ts";
import { asSsrc, type PathId, type RoomId, type TrackId } from "../../src/base/ids.ts";
import { PacketPipe } from "../../src/base/packet-pipe.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SLOT_BYTES } from "../../src/base/transmit-ring.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import type { MediaEvent, PayloadParams, UpTrackParams } from "../../src/contract/media.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { sealRing } from "../../src/core/seal-ring.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { LinkModel } from "./link-model.ts";
import { SimPeer } from "./sim-peer.ts";
import { CLOCK_RATE, EXTENSION_IDS, PAYLOAD_TYPE, RIDS } from "./sim-publisher.ts";

const ROOM = "room" as RoomId;
const TICK_US = 10_000;

const OPUS_PAYLOAD: PayloadParams = {
  payloadType: PAYLOAD_TYPE.opus,
  codec: "opus",
  clockRate: CLOCK_RATE.audio,
  profile: "",
};
const VP8_PAYLOAD: PayloadParams = {
  payloadType: PAYLOAD_TYPE.vp8,
  codec: "VP8",
  clockRate: CLOCK_RATE.video,
  profile: "",
  rtxPayloadType: PAYLOAD_TYPE.vp8Rtx,
};

export interface ConferenceOptions {
  readonly people: number;
  readonly loss: number;
  readonly seed: number;
  /** Media threads that the room lives in; people take turns. */
  readonly threads?: number;
  /** Publishers turn encodings off that nobody wants. */
  readonly dynacast?: boolean;
  readonly ciphers?: SrtpCipherFactory;
}

export interface Seat {
  readonly peer: SimPeer;
  readonly thread: Thread;
  path: PathId;
  readonly up: LinkModel<Uint8Array>;
  readonly down: LinkModel<Uint8Array>;
}

interface Thread {
  readonly index: number;
  readonly core: MediaCore;
  readonly paths: PathTable;
  /** Tracks of other threads that are piped here. */
  readonly piped: Set<TrackId>;
}

export class Conference {
  readonly threads: readonly Thread[];
  readonly events: MediaEvent[] = [];
  readonly seats: Seat[] = [];
  nowUs = 1_000_000;
  /** Of everything that reached anybody, in order. */
  readonly digest: Hash = createHash("sha256");
  /** Sees each datagram that the people send, before the server opens it in place. */
  overheard: ((datagram: Uint8Array) => void) | null = null;
  /** By track and thread, the highest layer wanted there. */
  readonly #wanted = new Map<TrackId, Map<Thread, number>>();
  readonly #dynacast: boolean;
  #lastChannel = 0;

  constructor(options: ConferenceOptions) {
    const { people, loss, seed, threads = 1, dynacast = false, ciphers = portableCipherFactory } = options;
    this.#dynacast = dynacast;
    this.threads = Array.from({ length: threads }, (_, index) => {
      const paths = new PathTable(64);
      const core = new MediaCore({ counters: createSharedCounters(), paths, ringSlots: 1024, ciphers, seed });
      return { index, core, paths, piped: new Set() };
    });
    for (const from of this.threads) for (const to of this.threads) if (from !== to) connectPipe(from, to);
    const path = { delayUs: 40_000, jitterUs: 10_000, loss };
    for (let i = 0; i < people; i++) {
      const thread = this.threads[i % threads]!;
      this.seats.push({
        peer: new SimPeer(i, seed),
        thread,
        path: thread.paths.intern(`10.0.0.${i + 1}`, 50_000),
        up: new LinkModel(path, seed * 1000 + i),
        down: new LinkModel(path, seed * 1000 + 500 + i),
      });
    }
    for (const seat of this.seats) this.#open(seat);
    for (const seat of this.seats)
      for (const other of this.seats) if (other !== seat) this.#watch(seat, other);
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

  /** Lets `durationUs` pass in steps of one tick. */
  run(durationUs: number): void {
    for (const endUs = this.nowUs + durationUs; this.nowUs < endUs; this.nowUs += TICK_US) this.#step();
  }

  /** A datagram that comes to a thread, the first unless told, from `path` now, no matter who sent it. */
  receive(datagram: Uint8Array, path: PathId, thread: Thread = this.threads[0]!): void {
    thread.core.receive(this.nowUs, datagram, datagram.length, path);
    this.#flush(thread);
  }

  #open({ peer, thread: { core } }: Seat): void {
    const { transportId } = peer;
    core.command(this.nowUs, {
      kind: "transport.open",
      transportId,
      roomId: ROOM,
      localIce: peer.serverIce,
      remoteIce: peer.ice,
      fingerprints: [],
      extensions: EXTENSION_IDS,
    });
    for (const track of tracksOf(peer))
      core.command(this.nowUs, { kind: "up-track.add", transportId, track });
    core.receiveLetter(this.nowUs, {
      kind: "secure",
      transportId,
      keys: peer.serverKeys(SRTP_AEAD_AES_128_GCM),
    });
  }

  #watch({ peer, thread }: Seat, { peer: other, thread: home }: Seat): void {
    if (home !== thread) for (const track of tracksOf(other)) this.#pipe(track, home, thread);
    const sections = [
      { kind: "audio", track: other.audioTrack, payload: OPUS_PAYLOAD, view: peer.viewOf(other, "audio") },
      { kind: "video", track: other.videoTrack, payload: VP8_PAYLOAD, view: peer.viewOf(other, "video") },
    ] as const;
    for (const { kind, track, payload, view } of sections) {
      const { subscriptionId, viewer } = view;
      const ids = { ssrc: asSsrc(viewer.ssrc), rtxSsrc: asSsrc(kind === "video" ? viewer.rtxSsrc : 0) };
      thread.core.command(this.nowUs, {
        kind: "down-track.add",
        transportId: peer.transportId,
        downTrack: { subscriptionId, kind, mid: `${viewer.ssrc}`, cname: other.name, ...ids },
      });
      thread.core.command(this.nowUs, {
        kind: "down-track.source",
        subscriptionId,
        source: { trackId: track, payload },
      });
    }
  }

  #pipe(track: UpTrackParams, home: Thread, to: Thread): void {
    const { trackId } = track;
    if (to.piped.has(trackId)) return;
    to.piped.add(trackId);
    const channel = ++this.#lastChannel;
    const from = home.index;
    home.core.command(this.nowUs, { kind: "up-track.pipe", trackId, to: to.index, channel });
    const extensions = EXTENSION_IDS;
    to.core.command(this.nowUs, { kind: "piped-track.add", roomId: ROOM, track, extensions, from, channel });
  }

  #step(): void {
    const { nowUs } = this;
    for (const { peer, up } of this.seats)
      for (const datagram of peer.tick(nowUs)) up.send(nowUs, datagram, datagram.length);
    for (const { path, up, thread } of this.seats) {
      for (const datagram of up.arrivals(nowUs)) {
        this.overheard?.(datagram);
        this.receive(datagram, path, thread);
      }
    }
    for (const thread of this.threads) {
      thread.core.tick(nowUs);
      this.#flush(thread);
    }
    for (const { peer, down } of this.seats) {
      for (const datagram of down.arrivals(nowUs)) {
        this.digest.update(`${peer.name} ${nowUs} `).update(datagram);
        peer.receive(datagram, nowUs);
      }
    }
  }

  /** What a thread's shell does at the end of a turn. */
  #flush(thread: Thread): void {
    const { ring, senders, events, letters, pipes } = thread.core;
    sealRing(ring, senders);
    for (let row = 0; row < ring.count; row++) {
      // What SRTP has refused to seal; sockets pass it over too.
      if (ring.bytes[row] === 0) continue;
      const at = row * SLOT_BYTES;
      const seat = this.seats.find((one) => one.thread === thread && one.path === ring.path[row]);
      seat?.down.send(this.nowUs, ring.slab.slice(at, at + ring.bytes[row]!), ring.bytes[row]!);
    }
    ring.clear();
    for (const event of events.splice(0)) {
      this.events.push(event);
      if (event.kind === "piped-track.keyframe") this.#askKeyframe(event.trackId, event.encoding);
      if (event.kind === "up-track.wanted") this.#tellWanted(event.trackId, thread, event.spatial);
    }
    letters.length = 0;
    pipes.publish((to) => {
      const woken = this.threads[to]!;
      woken.core.pipes.receive();
      this.#flush(woken);
    });
  }

  /** What control does with a piped track's wish. */
  #askKeyframe(trackId: TrackId, encoding: number): void {
    const home = this.seats.find(({ peer }) => peer.videoTrack === trackId)!.thread;
    home.core.command(this.nowUs, { kind: "up-track.keyframe", trackId, encoding });
  }

  /** What control and signalling do with what receivers of all threads want. */
  #tellWanted(trackId: TrackId, thread: Thread, spatial: number): void {
    const byThread = this.#wanted.get(trackId) ?? new Map<Thread, number>();
    this.#wanted.set(trackId, byThread.set(thread, spatial));
    const { peer, thread: home } = this.seats.find((seat) => seat.peer.videoTrack === trackId)!;
    if (this.#dynacast && byThread.has(home)) peer.sendUpTo(Math.max(...byThread.values()));
  }
}

function connectPipe(from: Thread, to: Thread): void {
  const memory = PacketPipe.allocate();
  from.core.pipes.connectTo(to.index, memory);
  to.core.pipes.connectFrom(from.index, memory);
}

function tracksOf({ audioTrack, videoTrack }: SimPeer): readonly UpTrackParams[] {
  return [
    { trackId: audioTrack, kind: "audio", mid: "0", payloads: [OPUS_PAYLOAD], rids: [], ssrcs: [] },
    { trackId: videoTrack, kind: "video", mid: "1", payloads: [VP8_PAYLOAD], rids: RIDS, ssrcs: [] },
  ];
}
