/** Participants: list, read, remove. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { RoomStats } from "../../control/media-threads.ts";
import type { Participant } from "../../control/participant.ts";
import type { Room } from "../../control/room.ts";
import type { Rooms } from "../../control/rooms.ts";
import type { Transport } from "../../control/transport.ts";
import { isShown, MEMBER_PROBLEMS, requireAdmin, requireMember } from "../authorization.ts";
import { HttpProblem, PATH_PROBLEMS, problemResponses, TOKEN_PROBLEMS } from "../problem.ts";
import { type ConnectionReply, ParticipantPath, ParticipantReply, RoomPath } from "../schemas.ts";
import { roomNamed } from "./rooms.ts";

const TAGS = ["participants"];

const PARTICIPANT_PROBLEMS = [
  ...PATH_PROBLEMS,
  ...TOKEN_PROBLEMS,
  "forbidden",
  "room_not_found",
  "participant_not_found",
] as const;

export const participantRoutes: FastifyPluginAsyncZod<{ rooms: Rooms }> = async (app, { rooms }) => {
  app.get(
    "/v1/rooms/:room/participants",
    {
      schema: {
        tags: TAGS,
        summary: "List the participants of a room",
        description:
          "Needs roomAdmin or roomJoin for this room. Hidden participants are shown to admins only.",
        params: RoomPath,
        response: {
          200: z.object({ participants: z.array(ParticipantReply) }),
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, ...MEMBER_PROBLEMS),
        },
      },
    },
    async ({ claims, params }) => {
      requireMember(claims, params.room, rooms);
      const room = roomNamed(rooms, params.room);
      const stats = await room.stats();
      const shown = room.participants.filter((one) => isShown(one, claims));
      return { participants: shown.map((participant) => participantReply(participant, stats)) };
    },
  );

  app.get(
    "/v1/rooms/:room/participants/:identity",
    {
      schema: {
        tags: TAGS,
        summary: "Look at a participant",
        description: "Needs roomAdmin or roomJoin for this room.",
        params: ParticipantPath,
        response: {
          200: ParticipantReply,
          ...problemResponses(...PARTICIPANT_PROBLEMS, ...MEMBER_PROBLEMS),
        },
      },
    },
    async ({ claims, params }) => {
      requireMember(claims, params.room, rooms);
      const participant = participantNamed(roomNamed(rooms, params.room), params.identity);
      if (!isShown(participant, claims)) throw new HttpProblem("participant_not_found");
      return participantReply(participant, await participant.room.stats());
    },
  );

  app.delete(
    "/v1/rooms/:room/participants/:identity",
    {
      schema: {
        tags: TAGS,
        summary: "Remove a participant",
        description:
          "Needs roomAdmin for this room. Its token stays valid: it can come back until that expires, unless the room is " +
          "locked, has a lobby, or has banned it or denied it admission.",
        params: ParticipantPath,
        response: {
          204: z.null(),
          ...problemResponses(...PARTICIPANT_PROBLEMS),
        },
      },
    },
    async ({ claims, params }, reply) => {
      requireAdmin(claims, params.room);
      participantNamed(roomNamed(rooms, params.room), params.identity).leave("participant_removed");
      return reply.code(204).send(null);
    },
  );
};

function participantNamed(room: Room, identity: string): Participant {
  const participant = room.participant(identity);
  if (participant === undefined) throw new HttpProblem("participant_not_found");
  return participant;
}

function participantReply(
  participant: Participant,
  stats: RoomStats | undefined,
): z.output<typeof ParticipantReply> {
  const { id, identity, profile, joinedAtMs, transports, tracks, room } = participant;
  const { name, metadata, attributes, permission } = profile;
  const level = room.speakers.levelOf(participant);
  return {
    id,
    identity,
    name,
    metadata,
    attributes,
    hidden: permission.hidden,
    joinedAt: new Date(joinedAtMs).toISOString(),
    connections: [...transports].map((transport) => connectionReply(transport, stats)),
    tracks: tracks.map((track) => track.id),
    speaking: level !== null,
    level: level ?? 0,
  };
}

function connectionReply(
  { id, state }: Transport,
  stats: RoomStats | undefined,
): z.output<typeof ConnectionReply> {
  const measured = stats?.transports.find(({ transportId }) => transportId === id);
  return {
    id,
    state: state.kind === "open" ? state.connection : "closed",
    estimateBps: measured?.estimateBps ?? null,
    allottedBps: measured?.allottedBps ?? null,
    rttUs: measured === undefined || measured.rttUs === 0 ? null : measured.rttUs,
    fractionLost: measured?.fractionLost ?? null,
  };
}
