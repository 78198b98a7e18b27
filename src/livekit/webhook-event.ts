/** Events of a room as `livekit.WebhookEvent` of livekit_webhook.proto. */
import {
  RoomEndReason as EndReason,
  ParticipantInfo,
  Room as RoomInfo,
  WebhookEvent,
} from "@livekit/protocol";
import type { Report } from "../control/reports.ts";
import type { Room, RoomEndReason } from "../control/room.ts";
import type { RoomEvent } from "../control/room-events.ts";
import type { Track } from "../control/track.ts";
import { departedInfo, participantInfo } from "./participant-info.ts";
import { roomInfo } from "./room-info.ts";
import { trackInfo } from "./track-info.ts";

const END_REASONS: Readonly<Record<RoomEndReason, EndReason>> = {
  room_deleted: EndReason.ROOM_END_API_DELETE,
  idle: EndReason.ROOM_END_IDLE_TIMEOUT,
  server_shutdown: EndReason.ROOM_END_SERVER_SHUTDOWN,
};

export class WebhookEvents {
  /** Tracks whose publication was reported: their end is reported too. */
  readonly #published = new WeakSet<Track>();

  /**
   * Undefined for what is not reported: all but LiveKit's events, and one of ours, `participant_waiting`. Participants join
   * when connected, tracks with their media.
   */
  of(event: RoomEvent): WebhookEvent | undefined {
    const room = roomInfo(event.room);
    switch (event.kind) {
      case "room.started":
        return new WebhookEvent({ event: "room_started", room });
      case "room.finished":
        return new WebhookEvent({ event: "room_finished", room, roomEndReason: END_REASONS[event.reason] });
      case "lobby.knocked":
        return new WebhookEvent({
          event: "participant_waiting",
          room,
          participant: new ParticipantInfo({
            identity: event.applicant.identity,
            name: event.applicant.name,
          }),
        });
      case "participant.active":
        return new WebhookEvent({
          event: "participant_joined",
          room,
          participant: participantInfo(event.participant),
        });
      case "participant.left":
        return new WebhookEvent({
          event: event.participant.active ? "participant_left" : "participant_connection_aborted",
          room,
          participant: departedInfo(event.participant, event.reason),
        });
      case "track.codec":
        if (this.#published.has(event.track)) return undefined;
        this.#published.add(event.track);
        return this.#ofTrack("track_published", event);
      case "track.unpublished":
        return this.#published.delete(event.track) ? this.#ofTrack("track_unpublished", event) : undefined;
      default:
        return undefined;
    }
  }

  #ofTrack(name: string, event: Extract<RoomEvent, { readonly track: Track }>): WebhookEvent {
    const { track } = event;
    return new WebhookEvent({
      event: name,
      room: roomInfo(event.room),
      participant: participantInfo(track.publisher),
      track: trackInfo(track),
    });
  }
}

/**
 * An event of ours, `participant_reported`, which names who was reported. Neither by whom nor what for: webhooks wait on disk
 * and pass through more hands than the API, where that is. `room`: undefined if it has ended.
 */
export function reportedEvent({ room: name, identity }: Report, room: Room | undefined): WebhookEvent {
  const reported = room?.participant(identity);
  return new WebhookEvent({
    event: "participant_reported",
    room: room === undefined ? new RoomInfo({ name }) : roomInfo(room),
    participant: reported === undefined ? new ParticipantInfo({ identity }) : participantInfo(reported),
  });
}
