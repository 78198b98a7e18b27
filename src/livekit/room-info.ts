/** A room as `livekit.Room` of livekit_models.proto. */
import { Codec, Room as RoomInfo } from "@livekit/protocol";
import { isAttendant } from "../control/access-token.ts";
import type { Room } from "../control/room.ts";

const CODECS = ["audio/opus", "video/VP8", "video/VP9", "video/H264", "video/AV1"];

export function roomInfo(room: Room): RoomInfo {
  const { emptyTimeoutSeconds, departureTimeoutSeconds, maxParticipants, metadata } = room.options;
  const shown = room.participants.filter(({ profile }) => !profile.permission.hidden);
  return new RoomInfo({
    sid: room.sid,
    name: room.id,
    emptyTimeout: emptyTimeoutSeconds,
    departureTimeout: departureTimeoutSeconds,
    maxParticipants,
    creationTime: BigInt(Math.floor(room.createdAtMs / 1000)),
    creationTimeMs: BigInt(room.createdAtMs),
    enabledCodecs: CODECS.map((mime) => new Codec({ mime })),
    metadata,
    numParticipants: shown.filter(({ kind }) => !isAttendant(kind)).length,
    numPublishers: shown.filter(({ trackCount }) => trackCount > 0).length,
  });
}
