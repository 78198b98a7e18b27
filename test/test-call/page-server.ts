/** The test call's files on a port of their own, without a media server behind them, and the loop at `/loop`. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import Fastify from "fastify";
import { testCallRoutes } from "../../src/http/test-call/test-call-routes.ts";

export interface PageServer {
  /** Ends with a slash. A loopback name, so that the page is a secure context with camera and WebCrypto. */
  readonly url: string;
  close(): Promise<void>;
}

export async function servePage(): Promise<PageServer> {
  const app = Fastify({ forceCloseConnections: true });
  await app.register(testCallRoutes);
  app.get("/loop", async (_request, reply) =>
    reply
      .type("text/html")
      .send('<!doctype html><script type="module" src="/test-call/loop-page.js"></script>'),
  );
  const source = readFileSync(new URL("loop-page.ts", import.meta.url), "utf8");
  const script = stripTypeScriptTypes(source).replace(
    /"\.\.\/\.\.\/src\/http\/test-call\/([\w-]+)\.ts"/g,
    '"./$1.js"',
  );
  app.get("/test-call/loop-page.js", async (_request, reply) => reply.type("text/javascript").send(script));
  const url = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  return { url: `http://localhost:${url.port}/`, close: () => app.close() };
}
