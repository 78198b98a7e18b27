/** Reports of abuse: people in rooms make them, the operator reads them. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Report, Reports } from "../../control/reports.ts";
import { mayAdminister, mayJoin } from "../../control/rooms.ts";
import { requireGrant, requireOperator } from "../authorization.ts";
import {
  BODY_PROBLEMS,
  HttpProblem,
  orThrow,
  PATH_PROBLEMS,
  problemResponses,
  TOKEN_PROBLEMS,
} from "../problem.ts";
import { ReportBody, ReportPage, ReportPath, ReportReply, RoomPath } from "../schemas.ts";

const TAGS = ["reports"];

const OPERATOR = "Needs roomList and roomCreate: hosts do not see reports, which may be about them.";

export const reportRoutes: FastifyPluginAsyncZod<{ reports: Reports }> = async (app, { reports }) => {
  app.post(
    "/v1/rooms/:room/reports",
    {
      schema: {
        tags: TAGS,
        summary: "Report somebody to the operator",
        description:
          "Needs roomJoin or roomAdmin for this room, and an identity. Taken from those too whom a host has removed or " +
          "banned, and after the room has ended. Whether anybody of the reported identity exists is not said.",
        params: RoomPath,
        body: ReportBody,
        response: {
          201: z.object({ id: z.string() }),
          ...problemResponses(
            ...PATH_PROBLEMS,
            ...BODY_PROBLEMS,
            ...TOKEN_PROBLEMS,
            "forbidden",
            "identity_required",
            "too_many_reports",
            "reported_too_often",
          ),
        },
      },
    },
    async ({ claims, params, body, log }, reply) => {
      requireGrant(mayJoin(claims, params.room) || mayAdminister(claims, params.room));
      if (claims.identity === "") throw new HttpProblem("identity_required");
      const { id, reason } = orThrow(reports.add(params.room, claims.identity, body));
      log.info({ roomId: params.room, reportId: id, reason }, "participant reported");
      return reply.code(201).send({ id });
    },
  );

  app.get(
    "/v1/reports",
    {
      schema: {
        tags: TAGS,
        summary: "List reports, the earliest first",
        description: OPERATOR,
        querystring: ReportPage,
        response: {
          200: z.object({
            reports: z.array(ReportReply),
            next: z
              .int()
              .meta({ description: "For `after` of the next page, which is empty until there are more." }),
          }),
          ...problemResponses("invalid_request", ...TOKEN_PROBLEMS, "forbidden"),
        },
      },
    },
    async ({ claims, query: { after, limit } }) => {
      requireOperator(claims);
      const page = reports.page(after, limit);
      return { reports: page.map(reportReply), next: page.at(-1)?.number ?? after };
    },
  );

  app.delete(
    "/v1/reports/:reportId",
    {
      schema: {
        tags: TAGS,
        summary: "Delete a report",
        description: OPERATOR,
        params: ReportPath,
        response: {
          204: z.null(),
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, "forbidden", "report_not_found"),
        },
      },
    },
    async ({ claims, params, log }, reply) => {
      requireOperator(claims);
      orThrow(reports.remove(params.reportId));
      log.info({ ...params, by: claims.identity }, "report deleted");
      return reply.code(204).send(null);
    },
  );
};

function reportReply({ atMs, roomSid, tracks, ...report }: Report): z.output<typeof ReportReply> {
  return { ...report, at: new Date(atMs).toISOString(), roomId: roomSid, tracks: [...tracks] };
}
