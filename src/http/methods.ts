/**
 * Answers 405 with `Allow` (RFC 9110 §15.5.6) wherever a path exists but not the method, and OPTIONS with the allowed
 * methods and media types: `Accept-Post`, `Accept-Patch` (RFC 5789 §3.1) where a route's schema has `consumes`.
 */
import type { FastifyInstance } from "fastify";
import { HttpProblem } from "./problem.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Records the routes that are added from now on; call the function returned after the last one. */
export function completeMethods(app: FastifyInstance): () => void {
  const consumedByUrl = new Map<string, Map<string, readonly string[]>>();
  app.addHook("onRoute", ({ url, method, schema }) => {
    const methods = consumedByUrl.get(url) ?? new Map();
    for (const one of [method].flat()) methods.set(one, schema?.consumes ?? []);
    consumedByUrl.set(url, methods);
  });
  return () => {
    for (const [url, consumed] of [...consumedByUrl]) complete(app, url, new Map(consumed));
  };
}

function complete(app: FastifyInstance, url: string, consumed: ReadonlyMap<string, readonly string[]>): void {
  const present = [...consumed.keys()];
  const missing = METHODS.filter((method) => !present.includes(method));
  const allow = [...new Set([...present, "OPTIONS"])].join(", ");
  const refuse = async (): Promise<never> => {
    throw new HttpProblem("method_not_allowed", { headers: { allow } });
  };
  if (missing.length > 0) {
    // Refused before the body is read, or its media type would be rejected first.
    app.route({ method: missing, url, schema: { hide: true }, preParsing: refuse, handler: refuse });
  }
  if (!present.includes("OPTIONS")) {
    const headers = { allow, ...acceptHeader("post", consumed), ...acceptHeader("patch", consumed) };
    app.options(url, { schema: { hide: true } }, async (_request, reply) =>
      reply.code(204).headers(headers).send(),
    );
  }
}

function acceptHeader(
  method: "post" | "patch",
  consumed: ReadonlyMap<string, readonly string[]>,
): Record<string, string> {
  const types = consumed.get(method.toUpperCase()) ?? [];
  return types.length === 0 ? {} : { [`accept-${method}`]: types.join(", ") };
}
