/** Holds answers against the API's own description (`/openapi.json`): status, media type, shape and problem code. */
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { expect } from "vitest";
import { z } from "zod";
import { PROBLEM_MEDIA_TYPE } from "../../src/http/problem.ts";

interface DescribedResponse {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface DescribedOperation {
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: { readonly schemas: object };
}

/** Each operation that is described: its method, its path with braces, and the problems that it names. */
export function describedOperations(
  app: FastifyInstance,
): { method: string; path: string; problems: readonly string[] }[] {
  const { paths } = app.swagger() as unknown as Description;
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { responses }]) => {
      const problems = Object.values(responses).flatMap(({ content, description }) =>
        content?.[PROBLEM_MEDIA_TYPE] === undefined ? [] : description.split(", "),
      );
      return { method: method.toUpperCase(), path, problems };
    }),
  );
}

/** Passes what no operation is described for: 404 and 405, OPTIONS and HEAD, the page of the documentation. */
export function expectAsDescribed(
  app: FastifyInstance,
  request: string,
  { statusCode, headers, body }: LightMyRequestResponse,
): void {
  const [method = "", url = ""] = request.split(" ");
  const { paths, components } = app.swagger() as unknown as Description;
  const [, item] = Object.entries(paths).find(([path]) => matches(path, url)) ?? [];
  const operation = item?.[method.toLowerCase()];
  if (operation === undefined) return;
  const described = operation.responses[statusCode];
  expect(described, `${request}: ${statusCode} is described`).toBeDefined();
  const { content, description } = described!;
  const [type = ""] = String(headers["content-type"] ?? "").split(";", 1);
  expect(content === undefined ? [] : Object.keys(content)).toEqual(body === "" ? [] : [type]);
  if (body === "" || !type.endsWith("json")) return;
  const document = JSON.parse(body);
  expect(() => toZod(content![type]!.schema, components.schemas).parse(document)).not.toThrow();
  if (type === PROBLEM_MEDIA_TYPE) expect(description.split(", ")).toContain(document.code);
}

function matches(path: string, url: string): boolean {
  const pattern = path.replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(url.split("?", 1)[0]!);
}

const converted = new WeakMap<object, z.ZodType>();

function toZod(schema: object, definitions: object): z.ZodType {
  const known = converted.get(schema);
  if (known !== undefined) return known;
  const whole = JSON.stringify({ ...schema, $defs: definitions });
  const made = z.fromJSONSchema(JSON.parse(whole.replaceAll("#/components/schemas/", "#/$defs/")));
  converted.set(schema, made);
  return made;
}
