/** Rooms: create, list, read, change, delete. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Claims } from "../../control/access-token.ts";
import type { Room } from "../../control/room.ts";
import { mayAdminister, type Rooms } from "../../control/rooms.ts";
import { isShown, MEMBER_PROBLEMS, requireAdmin, requireGrant, requireMember } from "../authorization.ts";
import {
  BODY_PROBLEMS,
  HttpProblem,
  orThrow,
  PATH_PROBLEMS,
  problemResponses,
  TOKEN_PROBLEMS,
} from "../problem.ts";
import { ChangeRoomBody, CreateRoomBody, given, RoomPath, RoomReply } from "../schemas.ts";

const TAGS = ["rooms"];

export const roomRoutes: FastifyPluginAsyncZod<{ rooms: Rooms }> = async (app, { rooms }) => {
  app.post(
    "/v1/rooms",
    {
      schema: {
        tags: TAGS,
        summary: "Create a room",
        description: "Needs the grant roomCreate. What is not given takes the server's default.",
        body: CreateRoomBody,
        response: {
          201: RoomReply,
          ...problemResponses(
            ...BODY_PROBLEMS,
            "invalid_room_name",
            "metadata_too_large",
            ...TOKEN_PROBLEMS,
            "forbidden",
            "room_exists",
            "draining",
          ),
        },
      },
    },
    async (request, reply) => {
      requireGrant(request.claims.grants.roomCreate);
      const { name, ...options } = request.body;
      const room = orThrow(rooms.create(name, given(options)));
      return reply
        .code(201)
        .header("location", `/v1/rooms/${encodeURIComponent(name)}`)
        .send(roomReply(room, request.claims));
    },
  );

  app.get(
    "/v1/rooms",
    {
      schema: {
        tags: TAGS,
        summary: "List the rooms",
        description: "Needs the grant roomList.",
        response: {
          200: z.object({ rooms: z.array(RoomReply) }),
          ...problemResponses(...TOKEN_PROBLEMS, "forbidden"),
        },
      },
    },
    async (request) => {
      requireGrant(request.claims.grants.roomList);
      return { rooms: rooms.list.map((room) => roomReply(room, request.claims)) };
    },
  );

  app.get(
    "/v1/rooms/:room",
    {
      schema: {
        tags: TAGS,
        summary: "Look at a room",
        description: "Needs roomList, or roomAdmin or roomJoin for this room.",
        params: RoomPath,
        response: {
          200: RoomReply,
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, ...MEMBER_PROBLEMS),
        },
      },
    },
    async ({ claims, params }) => {
      if (!claims.grants.roomList) requireMember(claims, params.room, rooms);
      return roomReply(roomNamed(rooms, params.room), claims);
    },
  );

  app.patch(
    "/v1/rooms/:room",
    {
      schema: {
        tags: TAGS,
        summary: "Change a room",
        description:
          "Needs roomAdmin for this room. Nobody who is in the room is thrown out by a lower limit.",
        params: RoomPath,
        body: ChangeRoomBody,
        response: {
          200: RoomReply,
          ...problemResponses(
            ...PATH_PROBLEMS,
            ...BODY_PROBLEMS,
            "metadata_too_large",
            ...TOKEN_PROBLEMS,
            "forbidden",
            "room_not_found",
          ),
        },
      },
    },
    async ({ claims, params, body }) => {
      requireAdmin(claims, params.room);
      const room = roomNamed(rooms, params.room);
      orThrow(room.setOptions(given(body)));
      return roomReply(room, claims);
    },
  );

  app.delete(
    "/v1/rooms/:room",
    {
      schema: {
        tags: TAGS,
        summary: "Delete a room, and send everybody away",
        description: "Needs roomCreate, or roomAdmin for this room.",
        params: RoomPath,
        response: {
          204: z.null(),
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, "forbidden", "room_not_found"),
        },
      },
    },
    async ({ claims, params }, reply) => {
      requireGrant(claims.grants.roomCreate || mayAdminister(claims, params.room));
      roomNamed(rooms, params.room).delete();
      return reply.code(204).send(null);
    },
  );
};

export function roomNamed(rooms: Rooms, name: string): Room {
  const room = rooms.get(name);
  if (room === undefined) throw new HttpProblem("room_not_found");
  return room;
}

function roomReply(room: Room, claims: Claims): z.output<typeof RoomReply> {
  const { dominant } = room.speakers;
  const shown = room.participants.filter((participant) => isShown(participant, claims));
  return {
    id: room.sid,
    name: room.id,
    createdAt: new Date(room.createdAtMs).toISOString(),
    participants: shown.length,
    tracks: shown.reduce((sum, { trackCount }) => sum + trackCount, 0),
    dominantSpeaker: dominant !== null && isShown(dominant, claims) ? dominant.identity : null,
    ...room.options,
  };
}
