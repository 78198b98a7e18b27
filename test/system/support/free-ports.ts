/** Ports that nobody listened on a moment ago: bound on port 0, then let go. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

export async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** For media: nobody had it for TCP at any address, nor for UDP. */
export async function freeMediaPort(): Promise<number> {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = createSocket("udp4").bind(port, "0.0.0.0");
  const isFree = await once(socket, "listening").then(
    () => true,
    () => false,
  );
  socket.close();
  server.close();
  await once(server, "close");
  return isFree ? port : freeMediaPort();
}
