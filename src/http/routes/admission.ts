/** Who may enter a room: its lobby and its bans. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Ban } from "../../control/bans.ts";
import type { Rooms } from "../../control/rooms.ts";
import { requireAdmin } from "../authorization.ts";
import { BODY_PROBLEMS, orThrow, PATH_PROBLEMS, problemResponses, TOKEN_PROBLEMS } from "../problem.ts";
import { BanBody, BanReply, DecisionBody, LobbyReply, ParticipantPath, RoomPath } from "../schemas.ts";
import { roomNamed } from "./rooms.ts";

const TAGS = ["admission"];

const ADMIN_PROBLEMS = [...PATH_PROBLEMS, ...TOKEN_PROBLEMS, "forbidden"] as const;

export const admissionRoutes: FastifyPluginAsyncZod<{ rooms: Rooms }> = async (app, { rooms }) => {
  app.get(
    "/v1/rooms/:room/lobby",
    {
      schema: {
        tags: TAGS,
        summary: "List who waits to be admitted",
        description:
          "Needs roomAdmin for this room. Who has not tried to join for half a minute is not listed any more.",
        params: RoomPath,
        response: {
          200: LobbyReply,
          ...problemResponses(...ADMIN_PROBLEMS, "room_not_found"),
        },
      },
    },
    async ({ claims, params }) => {
      requireAdmin(claims, params.room);
      const { waiting } = roomNamed(rooms, params.room).lobby;
      return {
        waiting: waiting.map(({ identity, name, sinceMs }) => ({ identity, name, since: isoTime(sinceMs) })),
      };
    },
  );

  app.put(
    "/v1/rooms/:room/lobby/:identity",
    {
      schema: {
        tags: TAGS,
        summary: "Admit somebody, or deny that",
        description:
          "Needs roomAdmin for this room. Holds until the room ends, an admission until its participant is removed or " +
          "banned, and both in advance, too. Who is admitted enters a locked room as well. Who is in the room already " +
          "stays, and is refused once it has left.",
        params: ParticipantPath,
        body: DecisionBody,
        response: {
          204: z.null(),
          ...problemResponses(...ADMIN_PROBLEMS, ...BODY_PROBLEMS, "room_not_found"),
        },
      },
    },
    async ({ claims, params, body, log }, reply) => {
      requireAdmin(claims, params.room);
      const { room, identity } = params;
      roomNamed(rooms, room).lobby.decide(identity, body.admitted);
      log.info({ roomId: room, identity, ...body, by: claims.identity }, "admission decided");
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/v1/rooms/:room/bans",
    {
      schema: {
        tags: TAGS,
        summary: "List who is banned",
        description: "Needs roomAdmin for this room, which need not exist.",
        params: RoomPath,
        response: {
          200: z.object({ bans: z.array(BanReply) }),
          ...problemResponses(...ADMIN_PROBLEMS),
        },
      },
    },
    async ({ claims, params }) => {
      requireAdmin(claims, params.room);
      return { bans: rooms.bansOf(params.room).map(banReply) };
    },
  );

  app.put(
    "/v1/rooms/:room/bans/:identity",
    {
      schema: {
        tags: TAGS,
        summary: "Ban somebody",
        description:
          "Needs roomAdmin for this room, which need not exist. Removes the participant, and refuses its identity until the " +
          "ban ends, in later rooms of this name and after a restart of the server, too. Replaces an earlier ban.",
        params: ParticipantPath,
        body: BanBody,
        response: {
          200: BanReply,
          ...problemResponses(...ADMIN_PROBLEMS, ...BODY_PROBLEMS, "ban_over", "too_many_bans"),
        },
      },
    },
    async ({ claims, params, body, log }) => {
      requireAdmin(claims, params.room);
      const { room, identity } = params;
      const untilMs = body.until === null ? null : Date.parse(body.until);
      const ban = banReply(orThrow(rooms.ban(room, identity, untilMs)));
      log.info({ roomId: room, identity, until: ban.until, by: claims.identity }, "participant banned");
      return ban;
    },
  );

  app.delete(
    "/v1/rooms/:room/bans/:identity",
    {
      schema: {
        tags: TAGS,
        summary: "End a ban",
        description: "Needs roomAdmin for this room, which need not exist.",
        params: ParticipantPath,
        response: {
          204: z.null(),
          ...problemResponses(...ADMIN_PROBLEMS, "ban_not_found"),
        },
      },
    },
    async ({ claims, params, log }, reply) => {
      requireAdmin(claims, params.room);
      const { room, identity } = params;
      orThrow(rooms.unban(room, identity));
      log.info({ roomId: room, identity, by: claims.identity }, "ban ended");
      return reply.code(204).send(null);
    },
  );
};

function banReply({ identity, sinceMs, untilMs }: Ban): z.output<typeof BanReply> {
  return { identity, since: isoTime(sinceMs), until: untilMs === null ? null : isoTime(untilMs) };
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
