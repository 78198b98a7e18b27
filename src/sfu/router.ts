/**
 * One room in one media thread: which transports and tracks belong together.
 *
 * The seam at which a room may one day be cut: a pipe to another thread or machine is one more transport here.
 */
import type { RoomId, SubscriptionId, TrackId } from "../base/ids.ts";
import type { DownTrackParams, MediaCommand, UpTrackParams } from "../contract/media.ts";
import type { DownTrack } from "./down-track.ts";
import type { Transport } from "./transport.ts";
import type { UpTrack } from "./up-track.ts";

type SourceCommand = Extract<MediaCommand, { kind: "down-track.source" }>;

/** Commands that name a track or subscription, hence concern whichever room has it. */
export type RoomCommand =
  | SourceCommand
  | Extract<
      MediaCommand,
      { kind: "up-track.mute" | "up-track.remove" | "down-track.prefer" | "down-track.remove" }
    >;

export class Router {
  readonly id: RoomId;
  readonly transports = new Set<Transport>();
  readonly #upTracks = new Map<TrackId, { readonly track: UpTrack; readonly transport: Transport }>();
  readonly #downTracks = new Map<
    SubscriptionId,
    { readonly downTrack: DownTrack; readonly transport: Transport }
  >();

  constructor(id: RoomId) {
    this.id = id;
  }

  get upTracks(): readonly UpTrack[] {
    return [...this.#upTracks.values()].map(({ track }) => track);
  }

  get downTracks(): readonly DownTrack[] {
    return [...this.#downTracks.values()].map(({ downTrack }) => downTrack);
  }

  publish(transport: Transport, params: UpTrackParams): void {
    this.#upTracks.set(params.trackId, { track: transport.publish(params), transport });
  }

  subscribe(transport: Transport, params: DownTrackParams): void {
    this.#downTracks.set(params.subscriptionId, { downTrack: transport.addDownTrack(params), transport });
  }

  remove(transport: Transport, nowUs: number): void {
    for (const track of transport.tracks) this.#upTracks.delete(track.id);
    for (const { params } of transport.downTracks) this.#downTracks.delete(params.subscriptionId);
    transport.close(nowUs);
    this.transports.delete(transport);
  }

  /** Carries out a command about a track or subscription; one that is not of this room changes nothing. */
  command(nowUs: number, command: RoomCommand): void {
    switch (command.kind) {
      case "up-track.mute": {
        const track = this.#upTracks.get(command.trackId)?.track;
        if (track !== undefined) track.muted = command.muted;
        return;
      }
      case "up-track.remove":
        return this.#unpublish(command.trackId, nowUs);
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

  #unpublish(id: TrackId, nowUs: number): void {
    const known = this.#upTracks.get(id);
    if (known === undefined) return;
    known.transport.unpublish(known.track, nowUs);
    this.#upTracks.delete(id);
  }

  #unsubscribe(id: SubscriptionId, nowUs: number): void {
    this.#downTracks.get(id)?.transport.removeDownTrack(id, nowUs);
    this.#downTracks.delete(id);
  }

  /** Connects a down track to a track of this room; a track that has ended leaves it without a source. */
  #connect(id: SubscriptionId, source: SourceCommand["source"], nowUs: number): void {
    const track = source === null ? undefined : this.#upTracks.get(source.trackId)?.track;
    const connected = source === null || track === undefined ? null : { track, payload: source.payload };
    this.#downTracks.get(id)?.downTrack.setSource(connected, nowUs);
  }
}
