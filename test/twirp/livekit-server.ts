/** What tests of LiveKit's server API share: a server that listens, and LiveKit's own SDK to talk to it. */
import { RoomServiceClient } from "livekit-server-sdk";
import { type Server, serve } from "../http/server.ts";

/** The pair of a server without keys. */
export const API_KEY = "devkey";
export const API_SECRET = "development-secret-known-to-everyone";

export interface LiveKitServer extends Server {
  readonly url: string;
  readonly api: RoomServiceClient;
  close(): Promise<void>;
}

export async function listen(): Promise<LiveKitServer> {
  const server = await serve();
  // The SDK's tokens are made today.
  server.clock.pass(Date.now() - server.clock.nowMs());
  const url = await server.app.listen({ host: "127.0.0.1", port: 0 });
  const api = new RoomServiceClient(url, API_KEY, API_SECRET);
  return { ...server, url, api, close: () => server.app.close() };
}
