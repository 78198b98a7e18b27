/**
 * One room in one media thread: which transports and tracks belong together.
 *
 * A room with more receivers than one thread can serve has a router in several: tracks of the others come by pipes.
 */
import type { ParticipantId, RoomId, SubscriptionId, TrackId } from "../base/ids.ts";
import type { DownTrackParams, MediaCommand, RoomMediaOptions, UpTrackParams } from "../contract/media.ts";
import type { CoreContext } from "./core-context.ts";
import type { DownTrack } from "./down-track.ts";
import type { PipedTrack } from "./piped-track.ts";
import { RoomVoices } from "./room-voices.ts";
import type { Transport } from "./transport.ts";
import type { UpTrack } from "./up-track.ts";

type SourceCommand = Extract<MediaCommand, { kind: "down-track.source" }>;

/** Commands that name a track or subscription, and so concern the room that has it. */
export type RoomCommand =
  | SourceCommand
  | Extract<
      MediaCommand,
      {
        kind:
          | "up-track.mute"
          | "up-track.hide"
          | "up-track.remove"
          | "up-track.keyframe"
          | "up-track.unpipe"
          | "down-track.prefer"
          | "down-track.remove";
      }
    >;

/** Who ends a track: the transport that publishes it, or the pipe through which it comes. */
interface TrackOwner {
  unpublish(track: UpTrack, nowUs: number): void;
}

export class Router {
  readonly id: RoomId;
  readonly transports = new Set<Transport>();
  /** Participants whose video may be forwarded at a time, by `speakerRank`; infinite: all. */
  lastVideos = Number.POSITIVE_INFINITY;
  #guardsEncryption = false;
  readonly #voices: RoomVoices;
  readonly #upTracks = new Map<TrackId, { readonly track: UpTrack; readonly owner: TrackOwner }>();
  readonly #downTracks = new Map<
    SubscriptionId,
    { readonly downTrack: DownTrack; readonly transport: Transport }
  >();

  constructor(id: RoomId, context: CoreContext) {
    this.id = id;
    this.#voices = new RoomVoices(id, context);
  }

  setOptions({ loudestAudios, lastVideos, guardsEncryption }: RoomMediaOptions): void {
    this.#voices.loudest.setLimit(loudestAudios);
    this.lastVideos = lastVideos;
    this.#guardsEncryption = guardsEncryption;
    for (const track of this.upTracks) track.guarded = guardsEncryption;
  }

  /** 0 for who holds the floor, then by how recently others held it; infinite for those who never did. */
  speakerRank(publisher: ParticipantId): number {
    return this.#voices.dominant.rank(publisher);
  }

  /** Those that are published in this thread. */
  get upTracks(): readonly UpTrack[] {
    return [...this.transports].flatMap(({ tracks }) => tracks);
  }

  get downTracks(): readonly DownTrack[] {
    return [...this.#downTracks.values()].map(({ downTrack }) => downTrack);
  }

  publish(transport: Transport, params: UpTrackParams): void {
    this.#adopt(transport.publish(params), transport, true);
  }

  publishPiped(piped: PipedTrack): void {
    this.#adopt(piped.track, piped, false);
  }

  /** The track of this id, published here or piped. */
  track(id: TrackId): UpTrack | undefined {
    return this.#upTracks.get(id)?.track;
  }

  subscribe(transport: Transport, params: DownTrackParams): void {
    this.#downTracks.set(params.subscriptionId, { downTrack: transport.addDownTrack(params), transport });
  }

  unpublish(id: TrackId, nowUs: number): void {
    const known = this.#upTracks.get(id);
    if (known === undefined) return;
    known.owner.unpublish(known.track, nowUs);
    this.#forget(known.track);
  }

  remove(transport: Transport, nowUs: number): void {
    this.release(transport);
    transport.close(nowUs);
  }

  /** Takes in a transport that comes from another room. */
  adopt(transport: Transport): void {
    this.transports.add(transport);
    for (const track of transport.tracks) this.#adopt(track, transport, true);
    for (const downTrack of transport.downTracks) {
      this.#downTracks.set(downTrack.params.subscriptionId, { downTrack, transport });
    }
  }

  /** Removes a transport that stays alive, for another room. */
  release(transport: Transport): void {
    for (const track of transport.tracks) this.#forget(track);
    for (const { params } of transport.downTracks) this.#downTracks.delete(params.subscriptionId);
    this.transports.delete(transport);
  }

  tick(nowUs: number): void {
    this.#voices.tick(nowUs);
  }

  /** Executes a command about a track or subscription; ignored if that is not of this room. */
  command(nowUs: number, command: RoomCommand): void {
    switch (command.kind) {
      case "up-track.mute":
        return this.#mute(command.trackId, command.muted);
      case "up-track.hide":
        return this.#hide(command.trackId, command.hidden);
      case "up-track.remove":
        return this.unpublish(command.trackId, nowUs);
      case "up-track.keyframe":
        return this.track(command.trackId)?.streams[command.encoding]?.keyframes.need();
      case "up-track.unpipe":
        return this.track(command.trackId)?.unpipe(command.to, command.channel);
      case "down-track.source":
        return this.#connect(command.subscriptionId, command.source, nowUs);
      case "down-track.prefer":
        return this.#downTracks
          .get(command.subscriptionId)
          ?.downTrack.setPreference(command.preference, nowUs);
      case "down-track.remove":
        return this.#unsubscribe(command.subscriptionId, nowUs);
      default:
        return command satisfies never;
    }
  }

  #mute(id: TrackId, muted: boolean): void {
    const track = this.track(id);
    if (track === undefined) return;
    track.muted = muted;
    if (muted && track.voice !== null) this.#voices.fallSilent(track.voice);
  }

  #hide(id: TrackId, hidden: boolean): void {
    const track = this.track(id);
    if (track === undefined) return;
    track.hidden = hidden;
    if (track.voice !== null) this.#voices.onHidden(track.voice);
  }

  /** `isOurs`: published in this thread. */
  #adopt(track: UpTrack, owner: TrackOwner, isOurs: boolean): void {
    this.#upTracks.set(track.id, { track, owner });
    track.guarded = isOurs && this.#guardsEncryption;
    if (track.params.content === "voice") track.voice = this.#voices.add(track, isOurs);
  }

  #forget(track: UpTrack): void {
    const { publisher } = track.params;
    this.#upTracks.delete(track.id);
    if (track.voice !== null) this.#voices.remove(track.voice);
    const remaining = [...this.#upTracks.values()];
    if (remaining.every((other) => other.track.params.publisher !== publisher))
      this.#voices.dominant.forget(publisher);
  }

  #unsubscribe(id: SubscriptionId, nowUs: number): void {
    this.#downTracks.get(id)?.transport.removeDownTrack(id, nowUs);
    this.#downTracks.delete(id);
  }

  /** Connects a down track to a track of this room; a track that has ended leaves it without a source. */
  #connect(id: SubscriptionId, source: SourceCommand["source"], nowUs: number): void {
    const track = source === null ? undefined : this.track(source.trackId);
    const connected = source === null || track === undefined ? null : { ...source, track };
    this.#downTracks.get(id)?.downTrack.setSource(connected, nowUs);
  }
}
