/** Liveness, readiness and metrics, for operators' tools. No token is needed. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Rooms } from "../../control/rooms.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { HttpProblem, problemList, problemResponses, unlimitedProblemResponses } from "../problem.ts";

const TAGS = ["operations"];
/** Probes and scrapers send many requests from one address. */
const UNLIMITED = { rateLimit: false } as const;
const Status = z.object({ status: z.literal("ok") });
const OK = { status: "ok" } as const;

interface Options {
  readonly rooms: Rooms;
  readonly metrics: Metrics;
}

export const operationRoutes: FastifyPluginAsyncZod<Options> = async (app, { rooms, metrics }) => {
  app.get(
    "/healthz",
    {
      config: UNLIMITED,
      schema: { tags: TAGS, summary: "Whether the process answers", response: { 200: Status } },
    },
    async () => OK,
  );

  app.get(
    "/readyz",
    {
      config: UNLIMITED,
      schema: {
        tags: TAGS,
        summary: "Whether new participants should be sent here",
        response: { 200: Status, ...unlimitedProblemResponses("draining", "no_capacity") },
      },
    },
    async () => {
      if (rooms.draining) throw new HttpProblem("draining");
      if (!rooms.hasThreads) throw new HttpProblem("no_capacity");
      return OK;
    },
  );

  app.get(
    "/metrics",
    {
      config: UNLIMITED,
      schema: {
        tags: TAGS,
        summary: "Metrics for Prometheus",
        response: {
          200: { description: "Exposition format.", content: { "text/plain": { schema: z.string() } } },
        },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.exposition()),
  );

  app.get(
    "/problems",
    {
      schema: {
        tags: TAGS,
        summary: "The problems that answers can name",
        response: {
          200: z.object({
            problems: z.array(z.object({ code: z.string(), status: z.int(), title: z.string() })),
          }),
          ...problemResponses(),
        },
      },
    },
    async () => ({ problems: problemList() }),
  );

  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
};
