/**
 * What makes an honest client a failing one: it stands between a client that encrypts nothing and the server, and has the
 * client say of each track that it is end-to-end encrypted. Media go past it.
 */
import { once } from "node:events";
import websocket from "@fastify/websocket";
import { Encryption_Type, SignalRequest } from "@livekit/protocol";
import Fastify from "fastify";
import type { TestServer } from "../support/server.ts";

type Socket = websocket.WebSocket;

export class FalseClaims {
  readonly url: string;
  readonly #server: TestServer;
  readonly #app: ReturnType<typeof Fastify>;

  private constructor(server: TestServer, app: ReturnType<typeof Fastify>, url: string) {
    this.#server = server;
    this.#app = app;
    this.url = url;
  }

  static async about(server: TestServer): Promise<FalseClaims> {
    const app = Fastify({ forceCloseConnections: true });
    await app.register(websocket);
    app.get("/*", { websocket: true }, (client, { url, headers }) => {
      const target = new URL(url, server.url);
      target.searchParams.set("access_token", headers.authorization!.replace("Bearer ", ""));
      relay(client, new WebSocket(target));
    });
    return new FalseClaims(server, app, await app.listen({ host: "127.0.0.1", port: 0 }));
  }

  token(room: string, name: string): Promise<string> {
    return this.#server.token(room, name);
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}

function relay(client: Socket, server: WebSocket): void {
  server.binaryType = "arraybuffer";
  const opened = once(server, "open");
  opened.catch(() => client.terminate());
  client.on("message", async (data: Buffer) => {
    await opened;
    server.send(claimed(data));
  });
  server.addEventListener("message", ({ data }) => client.send(data));
  client.on("close", () => server.close());
  server.addEventListener("close", () => client.close());
}

function claimed(data: Buffer): Uint8Array<ArrayBuffer> {
  const request = SignalRequest.fromBinary(data);
  if (request.message.case === "addTrack") request.message.value.encryption = Encryption_Type.GCM;
  return new Uint8Array(request.toBinary());
}
