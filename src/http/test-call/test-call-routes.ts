/**
 * Serves the test call: a page for two browser tabs, in development mode only.
 *
 * There is no bundler: the page's TypeScript is sent with its types blanked out, file by file, so that what a
 * browser's debugger shows is the source, line by line.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import type { FastifyPluginAsync } from "fastify";

export interface TestCallAsset {
  readonly type: string;
  readonly body: string;
  readonly etag: string;
}

const FOLDER = new URL("./", import.meta.url);
const OWN_FILE = "test-call-routes.ts";

/** Everything from this server, nothing inline; `connect-src` is for the API. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "media-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const testCallRoutes: FastifyPluginAsync = async (app) => {
  for (const [path, assetOf] of testCallAssets()) {
    app.get(path, { schema: { hide: true }, config: { rateLimit: false } }, async (request, reply) => {
      const { type, body, etag } = assetOf();
      reply.headers({
        "content-security-policy": PAGE_POLICY,
        // Browsers revalidate each time, so that an old page never runs against a changed server.
        "cache-control": "no-cache",
        etag,
      });
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.type(type).send(body);
    });
  }
};

/** Path to content, all read now and each converted when it is first asked for: a server starts sooner. */
export function testCallAssets(): Map<string, () => TestCallAsset> {
  const assets = new Map([
    ["/", asset("text/html; charset=utf-8", read("page.html"))],
    ["/test-call/style.css", asset("text/css; charset=utf-8", read("style.css"))],
    ["/test-call/host.css", asset("text/css; charset=utf-8", read("host.css"))],
    ["/test-call/icon.svg", asset("image/svg+xml", read("icon.svg"))],
  ]);
  for (const file of readdirSync(FOLDER)) {
    if (!file.endsWith(".ts") || file === OWN_FILE) continue;
    const path = `/test-call/${file.replace(/\.ts$/, ".js")}`;
    assets.set(path, asset("text/javascript; charset=utf-8", read(file), toJavaScript));
  }
  return assets;
}

/** Replaces types by spaces, and `.ts` by `.js` in relative imports. */
function toJavaScript(source: string): string {
  return stripTypeScriptTypes(source).replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"');
}

function asset(type: string, source: string, convert = (text: string) => text): () => TestCallAsset {
  let made: TestCallAsset | undefined;
  const make = (): TestCallAsset => {
    const body = convert(source);
    const digest = createHash("sha256").update(body).digest("base64url");
    return { type, body, etag: `"${digest}"` };
  };
  return () => {
    made ??= make();
    return made;
  };
}

const read = (file: string): string => readFileSync(new URL(file, FOLDER), "utf8");
