/** The API's description (OpenAPI 3.1), and a page to read it and try the API. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";

/** Scripts and styles are from this server; Swagger UI sets inline styles and has icons in data URLs. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Named schemas are used in replies only; removes the variants for requests that the library adds. */
function withReplySchemas(document: Parameters<typeof jsonSchemaTransformObject>[0]) {
  const description = jsonSchemaTransformObject(document);
  const schemas = "components" in description ? (description.components?.schemas ?? {}) : {};
  for (const name of Object.keys(schemas)) {
    if (name.endsWith("Input")) delete schemas[name];
  }
  return description;
}

/** Must be registered before the routes, which it collects. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Blindfold",
        description:
          "Control API of a selective forwarding media server. Errors are problem documents (RFC 9457). Access " +
          "tokens are JSON Web Tokens with LiveKit's claims.",
        version: "1",
      },
      components: {
        securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: withReplySchemas,
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: PAGE_POLICY });
}
