/**
 * Data tracks of one client: named streams of frames, sealed or not, for those who subscribe to them. The publisher numbers
 * its tracks itself; each subscriber knows a track by a number of ours, which is written over the publisher's in every
 * packet. All else of a packet is passed on as it is.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   | version, flags|   reserved    |            handle             |
 *   |        sequence number        |         frame number          |
 *   |                           timestamp                           |
 */
import {
  DataTrackInfo,
  DataTrackSubscriberHandles,
  DataTrackSubscriberHandles_PublishedDataTrack,
  type PublishDataTrackRequest,
  RequestResponse_Reason,
} from "@livekit/protocol";
import { readU16, writeU16 } from "../base/bytes.ts";
import type { TrackId } from "../base/ids.ts";
import type { Participant } from "../control/participant.ts";
import { randomId } from "../control/random.ts";
import { setDataTracks } from "../livekit/client-facts.ts";
import { type DataLink, LABELS } from "./data-link.ts";

const HEADER_BYTES = 12;
const HANDLE_AT = 2;
const MAX_HANDLE = 0xffff;
const MAX_NAME_CHARS = 256;

/**
 * Size of a request, with schema and encoding. Larger: each track is announced with more. Smaller: long names do not fit.
 */
const MAX_REQUEST_BYTES = 2_048;

/** Larger: more of one client is announced to everybody. Smaller: clients with many sensors are refused. */
const MAX_TRACKS = 64;

/**
 * Tracks that one client receives. Larger: each answer, which names all of them, is longer. Smaller: one that watches all
 * sensors of a large room does not see some.
 */
const MAX_RECEIVED = 1_024;

interface DataTrack {
  readonly info: DataTrackInfo;
  readonly publisher: Participant;
  /** Subscribers, and the handle by which each knows the track. */
  readonly subscribers: Map<DataTracks, number>;
}

/** The reason says why the track was refused. */
export type Published =
  | { readonly ok: true; readonly info: DataTrackInfo }
  | { readonly ok: false; readonly reason: RequestResponse_Reason };

export class DataTracks {
  readonly #participant: Participant;
  readonly #link: DataLink;
  /** By the publisher's own number. */
  readonly #published = new Map<number, DataTrack>();
  /** By the handle by which this client knows it. */
  readonly #received = new Map<number, DataTrack>();
  #lastHandle = 0;

  constructor(participant: Participant, link: DataLink) {
    this.#participant = participant;
    this.#link = link;
  }

  publish(request: PublishDataTrackRequest): Published {
    const refusal = this.#refusalOf(request);
    if (refusal !== null) return { ok: false, reason: refusal };
    const { pubHandle, name, encryption, frameEncoding, schema } = request;
    const sid = randomId<TrackId>("DTR");
    const info = new DataTrackInfo({
      pubHandle,
      sid,
      name,
      encryption,
      ...(frameEncoding !== undefined && { frameEncoding }),
      ...(schema !== undefined && { schema }),
    });
    this.#published.set(pubHandle, { info, publisher: this.#participant, subscribers: new Map() });
    this.#describe();
    return { ok: true, info };
  }

  published(): DataTrackInfo[] {
    return [...this.#published.values()].map(({ info }) => info);
  }

  /** Returns what has ended; undefined when there was nothing. */
  unpublish(pubHandle: number): DataTrackInfo | undefined {
    const track = this.#published.get(pubHandle);
    if (track === undefined) return undefined;
    this.#end(track);
    this.#describe();
    return track.info;
  }

  /** Subscribes this client to tracks of another, or unsubscribes it: `wishes` by sid. */
  setReceives(from: DataTracks, wishes: ReadonlyMap<string, boolean>): void {
    for (const track of from.#published.values()) {
      const receives = wishes.get(track.info.sid);
      if (receives === true) this.#receive(track);
      else if (receives === false) this.#drop(track);
    }
  }

  /** The handles by which this client knows the tracks that it receives. */
  handles(): DataTrackSubscriberHandles {
    const subHandles: Record<number, DataTrackSubscriberHandles_PublishedDataTrack> = {};
    for (const [handle, { info, publisher }] of this.#received) {
      subHandles[handle] = new DataTrackSubscriberHandles_PublishedDataTrack({
        publisherIdentity: publisher.identity,
        publisherSid: publisher.id,
        trackSid: info.sid,
      });
    }
    return new DataTrackSubscriberHandles({ subHandles });
  }

  /** Forwards a packet of this client. */
  onPacket(packet: Uint8Array): void {
    if (packet.length < HEADER_BYTES) return;
    const track = this.#published.get(readU16(packet, HANDLE_AT));
    if (track === undefined) return;
    for (const [subscriber, handle] of track.subscribers) {
      if (!subscriber.#mayReceive(track)) continue;
      const copy = packet.slice();
      writeU16(copy, HANDLE_AT, handle);
      subscriber.#link.send(LABELS.tracks, copy);
    }
  }

  /** The client was moved to another room: subscriptions between it and the former room end. */
  onMoved(): void {
    for (const track of this.#published.values()) {
      for (const subscriber of track.subscribers.keys()) subscriber.#drop(track);
    }
    for (const track of this.#received.values()) this.#drop(track);
  }

  /** The client has left its room. */
  end(): void {
    for (const track of [...this.#published.values()]) this.#end(track);
    for (const track of [...this.#received.values()]) this.#drop(track);
  }

  #end(track: DataTrack): void {
    this.#published.delete(track.info.pubHandle);
    for (const [subscriber, handle] of track.subscribers) subscriber.#received.delete(handle);
  }

  #refusalOf(request: PublishDataTrackRequest): RequestResponse_Reason | null {
    const Reason = RequestResponse_Reason;
    const { pubHandle, name } = request;
    if (!this.#participant.profile.permission.canPublishData) return Reason.NOT_ALLOWED;
    if (pubHandle === 0 || pubHandle > MAX_HANDLE) return Reason.INVALID_HANDLE;
    if (name === "" || name.length > MAX_NAME_CHARS) return Reason.INVALID_NAME;
    if (this.#published.has(pubHandle)) return Reason.DUPLICATE_HANDLE;
    if ([...this.#published.values()].some(({ info }) => info.name === name)) return Reason.DUPLICATE_NAME;
    const isWithin = this.#published.size < MAX_TRACKS && request.toBinary().length <= MAX_REQUEST_BYTES;
    return isWithin ? null : Reason.LIMIT_EXCEEDED;
  }

  #mayReceive({ info, publisher }: DataTrack): boolean {
    const participant = this.#participant;
    return (
      participant.profile.permission.canSubscribe &&
      publisher.room === participant.room &&
      publisher.admits(participant, info.sid as TrackId)
    );
  }

  #receive(track: DataTrack): void {
    if (track.subscribers.has(this) || this.#received.size >= MAX_RECEIVED || !this.#mayReceive(track))
      return;
    const handle = this.#nextHandle();
    this.#received.set(handle, track);
    track.subscribers.set(this, handle);
  }

  #drop(track: DataTrack): void {
    const handle = track.subscribers.get(this);
    if (handle !== undefined) this.#received.delete(handle);
    track.subscribers.delete(this);
  }

  /** The next free handle: a client may subscribe more often than there are numbers. */
  #nextHandle(): number {
    do this.#lastHandle = (this.#lastHandle % MAX_HANDLE) + 1;
    while (this.#received.has(this.#lastHandle));
    return this.#lastHandle;
  }

  #describe(): void {
    setDataTracks(this.#participant, this.published());
    this.#participant.tell({ kind: "participant.described", participant: this.#participant });
  }
}
