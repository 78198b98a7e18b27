/**
 * Tokens for anybody, for first steps: a security hole anywhere else. Registered in development mode only, which exists
 * on loopback only, and only while no proxy is trusted.
 */
import { isIP } from "node:net";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { isLoopback } from "../../config/schema.ts";
import { type AccessTokens, Identity } from "../../control/access-token.ts";
import { HttpProblem, problemResponses } from "../problem.ts";

/** A working day. Larger: a token found in a browser's history works longer. Smaller: a long test call ends. */
const VALID_SECONDS = 8 * 3_600;

export const developmentRoutes: FastifyPluginAsyncZod<{ tokens: AccessTokens }> = async (app, { tokens }) => {
  /**
   * A page on the web can use a host name that resolves to 127.0.0.1 (DNS rebinding): the Host header reveals that.
   * `hostname` comes from it, since `X-Forwarded-Host` is ignored without a trusted proxy.
   */
  app.addHook("onRequest", async ({ hostname }) => {
    if (!isLocalName(hostname))
      throw new HttpProblem("forbidden", { detail: "development is for localhost" });
  });

  app.get(
    "/dev/token",
    {
      // Whatever origins the API allows, only our own page may read this token.
      config: { cors: false },
      schema: {
        tags: ["development"],
        summary: "Get a token for the test page",
        querystring: z.strictObject({
          room: z.string().min(1).max(128),
          identity: Identity.min(1),
          roomAdmin: z.enum(["true", "false"]).default("false").meta({
            description: "Whether it is for a host of the room.",
          }),
        }),
        response: {
          200: z.object({ token: z.string() }),
          ...problemResponses("invalid_request", "forbidden"),
        },
      },
    },
    async ({ query: { room, identity, roomAdmin } }) => {
      // For trials: whoever asks to be a host is one. An application grants that to those whom it knows.
      const grants = {
        roomJoin: true,
        roomList: true,
        roomAdmin: roomAdmin === "true",
        room,
        canPublish: true,
        canSubscribe: true,
      };
      return { token: await tokens.issue({ identity, grants, validSeconds: VALID_SECONDS }) };
    },
  );
};

function isLocalName(hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || (isIP(name) !== 0 && isLoopback(name));
}
