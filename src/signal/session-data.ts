/**
 * Data to and from one client: permission, destinations, rate limits, and flow control towards slow receivers.
 *
 * A sender is paused while a receiver's queue is more than half full, even before its channel is open, so that reliable
 * messages are not lost. A receiver that stays so for too long is left behind: messages to it are dropped for it alone,
 * and counted, until its queue drains.
 */
import { DataPacket, DataPacket_Kind, UserPacket } from "@livekit/protocol";
import type { DataCounts } from "../base/data-counters.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import type { Clock } from "../control/clock.ts";
import type { CallOutcome, DataSink, RemoteCall, ServerMessage } from "../control/data-sink.ts";
import type { Participant } from "../control/participant.ts";
import { type DataHost, DataLink, LABELS, type Label } from "./data-link.ts";
import { ClientPacket, Sender } from "./data-packet.ts";
import { DataTracks } from "./data-tracks.ts";
import { ServerCalls } from "./server-calls.ts";
import { isShown } from "./shown.ts";

/**
 * What one client may send before it is paused (reliable) or its messages are dropped (lossy). Larger: one client makes
 * more work for the main thread, once for each receiver. Smaller: files take longer.
 */
const BYTES = { burst: 8_388_608, perSecond: 4_194_304 };
const MESSAGES = { burst: 2_000, perSecond: 1_000 };

/** How often a paused sender is checked. Larger: gaps in a transfer. Smaller: more timers. */
const PAUSE_MS = 50;

/** Longest pause for a slow receiver. Larger: one bad network stops everybody. Smaller: the receiver loses more. */
const MAX_WAIT_MS = 5_000;

export interface DataNeighbours {
  /** Everybody else in the room who can be sent data. */
  others(): readonly SessionData[];
  named(identity: string): SessionData | undefined;
}

export class SessionData implements DataSink {
  readonly link: DataLink;
  readonly tracks: DataTracks;
  readonly #participant: Participant;
  readonly #neighbours: DataNeighbours;
  readonly #clock: Clock;
  readonly #bytes: TokenBucket;
  readonly #messages: TokenBucket;
  readonly #calls: ServerCalls;
  /** Messages dropped here are counted in it. */
  readonly #counts: DataCounts;
  readonly #sender: Sender;
  /** The sender while it is hidden. It keeps the sid, by which receivers track its sequence numbers. */
  readonly #hiddenSender: Sender;
  /** Sequence number of the last reliable packet received. */
  #lastSequence = 0;
  #waiting = false;
  /** Receivers for which it is paused, with how long it has been, in milliseconds. */
  readonly #slow = new Map<SessionData, number>();
  /** Senders were paused for this client for too long: reliable messages to it are dropped until its queue drains. */
  #leftBehind = false;

  constructor(participant: Participant, neighbours: DataNeighbours, receivesOnOurs: boolean) {
    this.#participant = participant;
    this.#neighbours = neighbours;
    this.#clock = participant.room.clock;
    this.#bytes = new TokenBucket(BYTES, this.#clock.monotonicMs());
    this.#messages = new TokenBucket(MESSAGES, this.#clock.monotonicMs());
    this.#calls = new ServerCalls(this.#clock, (packet) => this.#sendPacket(packet, true));
    this.#counts = participant.room.dataThread.counts;
    const host: DataHost = { onMessage: (label, bytes) => this.#onMessage(label, bytes) };
    this.link = new DataLink(host, receivesOnOurs, this.#counts);
    this.tracks = new DataTracks(participant, this.link);
    this.#sender = new Sender(participant.identity, participant.id);
    this.#hiddenSender = new Sender("", participant.id);
    participant.dataSink = this;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** By the server's API. */
  send({ payload, topic, reliable, nonce }: ServerMessage): void {
    const value = new UserPacket({ payload, nonce, ...(topic !== undefined && { topic }) });
    this.#sendPacket(new DataPacket({ value: { case: "user", value } }), reliable);
  }

  /** By the server's API. */
  call(call: RemoteCall): Promise<CallOutcome> {
    return this.#calls.call(call);
  }

  end(): void {
    this.#calls.end();
    this.tracks.end();
  }

  /** Subscribes the client to data tracks, or unsubscribes it: `wishes` by sid. Ignores those that do not exist. */
  setReceives(wishes: ReadonlyMap<string, boolean>): void {
    for (const { tracks } of this.#neighbours.others()) this.tracks.setReceives(tracks, wishes);
  }

  /** Sends a packet from another client. Returns false when its sender should be paused for this one. */
  deliver(label: Label, packet: Uint8Array): boolean {
    // Lossy messages never pause their sender, and say nothing about the queue of reliable ones.
    const isReliable = label === LABELS.reliable;
    if (isReliable && !this.link.isCrowded) this.#leftBehind = false;
    if (isReliable && this.#leftBehind) {
      this.#counts.droppedMessages_left_behind += 1;
      return true;
    }
    this.link.send(label, packet);
    return !isReliable || !this.link.isCrowded;
  }

  #sendPacket(packet: DataPacket, reliable: boolean): void {
    packet.kind = reliable ? DataPacket_Kind.RELIABLE : DataPacket_Kind.LOSSY;
    this.link.send(reliable ? LABELS.reliable : LABELS.lossy, packet.toBinary());
  }

  #onMessage(label: Label, bytes: Uint8Array): void {
    if (!this.#isWithin(label, bytes.length)) return;
    if (!this.#participant.profile.permission.canPublishData) return;
    if (label === LABELS.tracks) return this.tracks.onPacket(bytes);
    const packet = ClientPacket.read(bytes);
    if (packet === undefined) return;
    const { destinations, sequence } = packet;
    if (label === LABELS.reliable && sequence > 0) {
      // After a resume a client sends again what may not have arrived.
      if (sequence <= this.#lastSequence) return;
      this.#lastSequence = sequence;
    }
    // Clients show it as the words of whom it names.
    if (packet.isAboutOthers && this.#participant.kind !== "agent") return;
    if (destinations.length === 1 && this.#calls.take(destinations[0]!, bytes)) return;
    const sent = packet.withSender(isShown(this.#participant) ? this.#sender : this.#hiddenSender);
    for (const receiver of this.#receivers(packet)) {
      if (!receiver.deliver(label, sent) && !this.#slow.has(receiver)) this.#slow.set(receiver, 0);
    }
    if (this.#slow.size > 0) this.#wait();
  }

  /** Reliable messages over the limit are not dropped, but pause their sender. */
  #isWithin(label: Label, bytes: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (label !== LABELS.reliable) return this.#messages.take(1, nowMs) && this.#bytes.take(bytes, nowMs);
    this.#messages.charge(1, nowMs);
    this.#bytes.charge(bytes, nowMs);
    if (this.#isOverdrawn) this.#wait();
    return true;
  }

  get #isOverdrawn(): boolean {
    const nowMs = this.#clock.monotonicMs();
    return this.#messages.isOverdrawn(nowMs) || this.#bytes.isOverdrawn(nowMs);
  }

  #receivers({ destinations, sids }: ClientPacket): SessionData[] {
    if (destinations.length === 0 && sids.length === 0) return [...this.#neighbours.others()];
    const named = new Set(destinations.flatMap((identity) => this.#neighbours.named(identity) ?? []));
    if (sids.length > 0) for (const other of this.#named(new Set(sids))) named.add(other);
    named.delete(this);
    return [...named];
  }

  #named(sids: ReadonlySet<string>): SessionData[] {
    return this.#neighbours.others().filter((other) => sids.has(other.#participant.id));
  }

  /**
   * Pauses the client while a receiver in `#slow` is crowded, though not for too long, and while it is over its limits.
   * Time is counted by timer ticks, so that setting the time of day has no effect.
   */
  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.link.pause();
    this.#clock.after(PAUSE_MS, () => {
      this.#waiting = false;
      for (const [receiver, beforeMs] of this.#slow) {
        const waitedMs = beforeMs + PAUSE_MS;
        if (receiver.link.isCrowded && waitedMs < MAX_WAIT_MS) {
          this.#slow.set(receiver, waitedMs);
          continue;
        }
        this.#slow.delete(receiver);
        receiver.#leftBehind = receiver.link.isCrowded;
      }
      if (this.#slow.size > 0 || this.#isOverdrawn) this.#wait();
      else this.link.resume();
    });
  }
}
