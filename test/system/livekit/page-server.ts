/** LiveKit's web SDK from node_modules and our page around it, on a port of their own. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import Fastify from "fastify";

export interface PageServer {
  /** A loopback name, so that the page is a secure context with camera and WebCrypto. */
  readonly url: string;
  close(): Promise<void>;
}

/** The newest, and that of half a year before. */
export type WebSdk = "livekit-client" | "livekit-client-older";

const SDK_FILES = ["livekit-client.umd.js", "livekit-client.e2ee.worker.js"];
const PAGE_FILES = ["call-page.ts", "page-media.ts", "page-report.ts"];
const PACKAGES = new URL("../../../node_modules/", import.meta.url);

const PAGE = `<!doctype html><meta charset="utf-8"><title>LiveKit's web SDK</title>
<body><script src="/livekit-client.umd.js"></script><script type="module" src="/call-page.ts"></script></body>`;

export async function servePage(sdk: WebSdk = "livekit-client"): Promise<PageServer> {
  const app = Fastify({ forceCloseConnections: true });
  app.get("/", async (_request, reply) => reply.type("text/html").send(PAGE));
  for (const name of SDK_FILES) {
    const script = readFileSync(new URL(`${sdk}/dist/${name}`, PACKAGES));
    app.get(`/${name}`, async (_request, reply) => reply.type("text/javascript").send(script));
  }
  for (const name of PAGE_FILES) {
    const script = stripTypeScriptTypes(readFileSync(new URL(name, import.meta.url), "utf8"));
    app.get(`/${name}`, async (_request, reply) => reply.type("text/javascript").send(script));
  }
  const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  return { url: `http://localhost:${port}/`, close: () => app.close() };
}
