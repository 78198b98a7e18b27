/** A media thread that knows no more than it is told, and throws when it is told of something that it can not know. */
import type { RoomId, TrackId } from "../../src/base/ids.ts";
import type { DownTrackParams, MediaCommand } from "../../src/contract/media.ts";
import { RecordingThread } from "../control/conference.ts";

type Command<Kind extends MediaCommand["kind"]> = Extract<MediaCommand, { readonly kind: Kind }>;

/** What it sends on a section. */
interface Down {
  readonly transportId: string;
  readonly section: DownTrackParams;
  source: string | null;
}

export class ThreadModel extends RecordingThread {
  /** The room of each. */
  readonly transports = new Map<string, string>();
  /** Those that are heard here, with their transports; those that are piped here, with their rooms. */
  readonly heard = new Map<string, string>();
  readonly piped = new Map<string, string>();
  /** Ways to other threads, with the track that goes there. */
  readonly ways = new Map<string, string>();
  readonly downs = new Map<string, Down>();
  /** Tracks whose packets are dropped. */
  readonly muted = new Set<string>();
  /** The track that is audible. */
  speaking: string | null = null;

  override post(command: MediaCommand): void {
    super.post(command);
    switch (command.kind) {
      case "transport.open":
        return added(this.transports, command.transportId, command.roomId);
      case "transport.move":
        known(this.transports, command.transportId);
        this.transports.set(command.transportId, command.roomId);
        return;
      case "transport.close":
        return this.#close(command);
      case "up-track.add":
        known(this.transports, command.transportId);
        return added(this.heard, command.track.trackId, command.transportId);
      case "up-track.remove":
        this.muted.delete(command.trackId);
        this.#forgetWays(command.trackId);
        return removed(this.heard, command.trackId);
      case "up-track.pipe":
        known(this.heard, command.trackId);
        return added(this.ways, wayOf(command), command.trackId);
      case "up-track.unpipe":
        // Those of a track that has ended have ended with it.
        if (this.heard.has(command.trackId)) removed(this.ways, wayOf(command));
        return;
      case "piped-track.add":
        return added(this.piped, command.track.trackId, command.roomId);
      case "piped-track.remove":
        this.muted.delete(command.trackId);
        return removed(this.piped, command.trackId);
      case "down-track.add":
        return this.#addDown(command);
      case "down-track.remove":
        return removed(this.downs, command.subscriptionId);
      case "down-track.source":
        return this.#setSource(command);
      case "up-track.mute":
        this.#roomOf(command.trackId);
        if (command.muted) this.muted.add(command.trackId);
        else this.muted.delete(command.trackId);
        return;
      case "up-track.hide":
        this.#roomOf(command.trackId);
        return;
      default:
        return;
    }
  }

  /** As a thread does for each of its rooms when that has changed. */
  reportSpeakers(roomId: string): void {
    const transport = this.heard.get(this.speaking ?? "") ?? "";
    const isHere = this.transports.get(transport) === roomId;
    const speakers = isHere ? [{ trackId: this.speaking as TrackId, level: 0.5 }] : [];
    this.emit({ kind: "room.speakers", roomId: roomId as RoomId, speakers, dominant: null });
  }

  /** Nobody has left anything. */
  get isEmpty(): boolean {
    return [this.transports, this.heard, this.piped, this.ways, this.downs].every(({ size }) => size === 0);
  }

  #close({ transportId }: Command<"transport.close">): void {
    removed(this.transports, transportId);
    for (const [id, home] of this.heard) {
      if (home !== transportId) continue;
      this.#forgetWays(id);
      this.muted.delete(id);
      this.heard.delete(id);
    }
    for (const [id, down] of this.downs) if (down.transportId === transportId) this.downs.delete(id);
  }

  #forgetWays(trackId: string): void {
    for (const [way, track] of this.ways) if (track === trackId) this.ways.delete(way);
  }

  #addDown({ transportId, downTrack }: Command<"down-track.add">): void {
    known(this.transports, transportId);
    added(this.downs, downTrack.subscriptionId, { transportId, section: downTrack, source: null });
  }

  #setSource({ subscriptionId, source }: Command<"down-track.source">): void {
    const down = known(this.downs, subscriptionId);
    down.source = source?.trackId ?? null;
    if (source === null) return;
    const [here, there] = [known(this.transports, down.transportId), this.#roomOf(source.trackId)];
    if (here !== there) throw new Error(`a track of ${there} is sent to ${here}`);
  }

  #roomOf(trackId: string): string {
    const home = this.heard.get(trackId);
    return home === undefined ? known(this.piped, trackId) : known(this.transports, home);
  }
}

const wayOf = ({ trackId, to, channel }: Command<"up-track.pipe" | "up-track.unpipe">): string =>
  `${trackId} ${to} ${channel}`;

function added<Value>(map: Map<string, Value>, id: string, value: Value): void {
  if (map.has(id)) throw new Error(`${id} is here already`);
  map.set(id, value);
}

function known<Value>(map: Map<string, Value>, id: string): Value {
  const value = map.get(id);
  if (value === undefined) throw new Error(`${id} is not here`);
  return value;
}

function removed(map: Map<string, unknown>, id: string): void {
  if (!map.delete(id)) throw new Error(`${id} is not here`);
}
