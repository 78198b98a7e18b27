/**
 * The pipes of one thread: tracks of ours on their way to other threads, and theirs on their way to receivers here.
 *
 *   thread A                                             thread B
 *   UpTrack ── TrackPipe ──▶ PacketPipe (shared memory) ──▶ PipedTrack ── UpTrack ──▶ DownTracks
 *        ▲                                                      │
 *        └──────── "up-track.keyframe" ◀── control ◀── "piped-track.keyframe"
 */

import type { RoomId, TrackId } from "../base/ids.ts";
import { PacketPipe, type PipeReader } from "../base/packet-pipe.ts";
import type { MediaCommand } from "../contract/media.ts";
import type { CoreContext } from "../sfu/core-context.ts";
import { PipedTrack } from "../sfu/piped-track.ts";
import type { Router } from "../sfu/router.ts";
import { TrackPipe } from "../sfu/track-pipe.ts";

type AddCommand = Extract<MediaCommand, { kind: "piped-track.add" }>;
type PipeCommand = Extract<MediaCommand, { kind: "up-track.pipe" }>;

interface Arriving {
  readonly piped: PipedTrack;
  readonly router: Router;
}

/** Tracks that come from one other thread. */
class Arrivals implements PipeReader {
  readonly byChannel = new Map<number, Arriving>();
  /** The current time, while the pipe is read. */
  nowUs = 0;
  readonly #context: CoreContext;

  constructor(context: CoreContext) {
    this.#context = context;
  }

  onPipedPacket(
    channel: number,
    encoding: number,
    bytes: Uint8Array,
    length: number,
    extSeq: number,
    receivedUs: number,
  ): void {
    const arriving = this.byChannel.get(channel);
    // The packet was under way when the track ended.
    if (arriving === undefined) return;
    const packet = this.#context.run.next;
    packet.bytes = bytes;
    packet.length = length;
    packet.encoding = encoding;
    packet.extSeq = extSeq;
    packet.receivedUs = receivedUs;
    packet.nowUs = this.nowUs;
    arriving.piped.receive(packet);
    this.#context.ring.makeRoom();
  }

  onPipedClock(
    channel: number,
    encoding: number,
    ntpUs: number,
    timestamp: number,
    receivedUs: number,
  ): void {
    this.#context.run.forward();
    this.byChannel.get(channel)?.piped.onClock(encoding, ntpUs, timestamp, receivedUs);
  }

  onPipedBye(channel: number, encoding: number, receivedUs: number): void {
    this.#context.run.forward();
    this.byChannel.get(channel)?.piped.onBye(encoding, receivedUs);
  }
}

export class Pipes {
  readonly #outgoing = new Map<number, PacketPipe>();
  readonly #incoming = new Map<number, { readonly pipe: PacketPipe; readonly arrivals: Arrivals }>();
  readonly #context: CoreContext;

  constructor(context: CoreContext) {
    this.#context = context;
  }

  /** Adds a pipe to another thread. It replaces the pipe to a thread that has died. */
  connectTo(thread: number, memory: SharedArrayBuffer): void {
    this.#outgoing.set(thread, new PacketPipe(memory));
  }

  /** Adds a pipe from another thread, likewise. */
  connectFrom(thread: number, memory: SharedArrayBuffer): void {
    this.#incoming.set(thread, { pipe: new PacketPipe(memory), arrivals: new Arrivals(this.#context) });
  }

  /** `router`: of the track's room. */
  add({ track, extensions, from, channel }: AddCommand, router: Router | undefined): void {
    const incoming = this.#incoming.get(from);
    if (incoming === undefined || router === undefined) return;
    const piped = new PipedTrack(track, extensions, this.#context);
    router.publishPiped(piped);
    incoming.arrivals.byChannel.set(channel, { piped, router });
  }

  remove(trackId: TrackId, nowUs: number): void {
    for (const { arrivals } of this.#incoming.values()) {
      for (const [channel, { piped, router }] of arrivals.byChannel) {
        if (piped.track.id !== trackId) continue;
        arrivals.byChannel.delete(channel);
        router.unpublish(trackId, nowUs);
      }
    }
  }

  /** A room of this thread ended: what was piped to it has no receivers any more. */
  removeRoom(roomId: RoomId): void {
    for (const { arrivals } of this.#incoming.values()) {
      for (const [channel, { router }] of arrivals.byChannel) {
        if (router.id === roomId) arrivals.byChannel.delete(channel);
      }
    }
  }

  /** The sending end for one track of ours; undefined when no pipe leads there. */
  trackPipe({ to, channel }: PipeCommand): TrackPipe | undefined {
    const pipe = this.#outgoing.get(to);
    return pipe && new TrackPipe(to, pipe, channel, this.#context.counters);
  }

  /** Forwards all that has come from other threads. */
  receive(nowUs: number): void {
    for (const { pipe, arrivals } of this.#incoming.values()) {
      arrivals.nowUs = nowUs;
      pipe.read(arrivals);
    }
    this.#context.run.forward();
  }

  /** Ends a turn: publishes the packets, and calls `wake` with each thread that has to be woken. */
  publish(wake: (thread: number) => void): void {
    for (const [thread, pipe] of this.#outgoing) if (pipe.publish()) wake(thread);
  }

  tick(nowUs: number): void {
    for (const { arrivals } of this.#incoming.values())
      for (const { piped } of arrivals.byChannel.values()) piped.tick(nowUs);
  }
}
