/** Published tracks: list with measurements, mute. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { TrackId } from "../../base/ids.ts";
import type { RoomStats } from "../../control/media-threads.ts";
import type { Rooms } from "../../control/rooms.ts";
import type { Track } from "../../control/track.ts";
import { isShown, MEMBER_PROBLEMS, requireAdmin, requireMember } from "../authorization.ts";
import {
  BODY_PROBLEMS,
  HttpProblem,
  orThrow,
  PATH_PROBLEMS,
  problemResponses,
  TOKEN_PROBLEMS,
} from "../problem.ts";
import { ChangeTrackBody, RoomPath, TrackPath, TrackReply } from "../schemas.ts";
import { roomNamed } from "./rooms.ts";

const TAGS = ["tracks"];

export const trackRoutes: FastifyPluginAsyncZod<{ rooms: Rooms }> = async (app, { rooms }) => {
  app.get(
    "/v1/rooms/:room/tracks",
    {
      schema: {
        tags: TAGS,
        summary: "List the tracks of a room",
        description:
          "Needs roomAdmin or roomJoin for this room. Tracks of hidden participants are shown to admins only.",
        params: RoomPath,
        response: {
          200: z.object({ tracks: z.array(TrackReply) }),
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, ...MEMBER_PROBLEMS),
        },
      },
    },
    async ({ claims, params }) => {
      requireMember(claims, params.room, rooms);
      const room = roomNamed(rooms, params.room);
      const stats = await room.stats();
      const shown = room.tracks().filter(({ publisher }) => isShown(publisher, claims));
      return { tracks: shown.map((track) => trackReply(track, stats)) };
    },
  );

  app.patch(
    "/v1/rooms/:room/tracks/:trackId",
    {
      schema: {
        tags: TAGS,
        summary: "Mute a track, or end its mute",
        description:
          "Needs roomAdmin for this room. The server drops the packets of a muted track. " +
          "What its publisher has muted itself stays muted.",
        params: TrackPath,
        body: ChangeTrackBody,
        response: {
          200: TrackReply,
          ...problemResponses(
            ...PATH_PROBLEMS,
            ...BODY_PROBLEMS,
            ...TOKEN_PROBLEMS,
            "forbidden",
            "room_not_found",
            "track_not_found",
            "muted_by_publisher",
          ),
        },
      },
    },
    async ({ claims, params, body }) => {
      requireAdmin(claims, params.room);
      const room = roomNamed(rooms, params.room);
      const track = room.track(params.trackId as TrackId);
      if (track === undefined) throw new HttpProblem("track_not_found");
      orThrow(track.setMutedByServer(body.muted));
      return trackReply(track, await room.stats());
    },
  );
};

/** `stats`: undefined when a media thread did not answer. A track that it does not know yet has no layers. */
function trackReply(track: Track, stats: RoomStats | undefined): z.output<typeof TrackReply> {
  const measuredOf = (id: TrackId) => stats?.upTracks.find(({ trackId }) => trackId === id);
  const layersOf = (id: TrackId) => (stats === undefined ? null : [...(measuredOf(id)?.layers ?? [])]);
  const { backup } = track;
  const { mid, kind, source, encryption } = track.section;
  return {
    id: track.id,
    participant: track.publisher.identity,
    mid,
    kind,
    source,
    codec: track.payload?.codec ?? null,
    encryption,
    muted: track.muted,
    suspect: track.suspect,
    layers: layersOf(track.id),
    dependencyDescriptor: measuredOf(track.id)?.dependencyDescriptor ?? null,
    backup: backup && { codec: backup.payload?.codec ?? null, layers: layersOf(backup.id) },
    wantedSpatial: track.wanted,
  };
}
