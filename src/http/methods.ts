/**
 * Answers 405 with `Allow` (RFC 9110 §15.5.6) wherever a path exists but not the method, and OPTIONS with the allowed
 * methods and media types: `Accept-Post`, `Accept-Patch` (RFC 5789 §3.1) where a route's schema has `consumes`.
 */
import { METHODS } from "node:http";
import type { FastifyInstance, RouteOptions } from "fastify";
import { HttpProblem } from "./problem.ts";

type Routes = ReadonlyMap<string, RouteOptions>;

/** Records the routes that are added from now on; call the function returned after the last one. */
export function completeMethods(app: FastifyInstance): () => void {
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  }
  const routesByUrl = new Map<string, Map<string, RouteOptions>>();
  app.addHook("onRoute", (route) => {
    const routes = routesByUrl.get(route.url) ?? new Map();
    for (const method of [route.method].flat()) routes.set(method, route);
    routesByUrl.set(route.url, routes);
  });
  return () => {
    for (const [url, routes] of [...routesByUrl]) complete(app, url, new Map(routes));
  };
}

function complete(app: FastifyInstance, url: string, routes: Routes): void {
  const methods = new Set([...routes.keys(), "OPTIONS"]);
  const allow = [...methods].join(", ");
  const refuse = async (): Promise<never> => {
    throw new HttpProblem("method_not_allowed", { headers: { allow } });
  };
  app.route({
    method: METHODS.filter((method) => !methods.has(method)),
    url,
    schema: { hide: true },
    // In the form in which the path answers all errors.
    ...errorHandlerOf(routes),
    // Refused before the body is read, or its media type would be rejected first.
    preParsing: refuse,
    handler: refuse,
  });
  if (!routes.has("OPTIONS")) {
    const headers = { allow, ...acceptHeader("post", routes), ...acceptHeader("patch", routes) };
    app.options(url, { schema: { hide: true } }, async (_request, reply) =>
      reply.code(204).headers(headers).send(),
    );
  }
}

function errorHandlerOf(routes: Routes): Pick<RouteOptions, "errorHandler"> {
  const { errorHandler } = [...routes.values()].find((route) => route.errorHandler !== undefined) ?? {};
  return errorHandler === undefined ? {} : { errorHandler };
}

function acceptHeader(method: "post" | "patch", routes: Routes): Record<string, string> {
  const types = routes.get(method.toUpperCase())?.schema?.consumes ?? [];
  return types.length === 0 ? {} : { [`accept-${method}`]: types.join(", ") };
}
