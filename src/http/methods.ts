/** Answers 405 with `Allow` (RFC 9110 §15.5.6), and OPTIONS, wherever a path exists but the method does not. */
import type { FastifyInstance } from "fastify";
import { HttpProblem } from "./problem.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Watches the routes that are added from now on; call the function returned when all of them have been. */
export function completeMethods(app: FastifyInstance): () => void {
  const methodsByUrl = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = methodsByUrl.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    methodsByUrl.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...methodsByUrl]) complete(app, url, [...methods]);
  };
}

function complete(app: FastifyInstance, url: string, present: readonly string[]): void {
  const missing = METHODS.filter((method) => !present.includes(method));
  const allow = [...new Set([...present, "OPTIONS"])].join(", ");
  const refuse = async (): Promise<never> => {
    throw new HttpProblem("method_not_allowed", { headers: { allow } });
  };
  if (missing.length > 0) {
    // Refused before the body is read, or its type would be complained about first.
    app.route({ method: missing, url, schema: { hide: true }, preParsing: refuse, handler: refuse });
  }
  if (!present.includes("OPTIONS")) {
    app.options(url, { schema: { hide: true } }, async (_request, reply) =>
      reply.code(204).header("allow", allow).send(),
    );
  }
}
