/**
 * A network path that loses every n-th media datagram of each direction: a UDP relay in front of a server, on another
 * loopback address and the same port. Handshakes and checks pass, so that only media shows the loss.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

export const RELAY_ADDRESS = "127.0.0.2";

export interface LossyRelay {
  /** Datagrams that were thrown away. */
  readonly dropped: { up: number; down: number };
  close(): void;
}

/** `every`: of the datagrams of a direction and client, one in so many is lost. */
export async function startLossyRelay(serverPort: number, every: number): Promise<LossyRelay> {
  const dropped = { up: 0, down: 0 };
  const front = createSocket("udp4");
  const backs = new Map<string, Promise<Socket>>();

  const connect = async (client: RemoteInfo): Promise<Socket> => {
    const back = createSocket("udp4");
    let passed = 0;
    back.on("message", (datagram) => {
      if (isMedia(datagram) && ++passed % every === 0) dropped.down += 1;
      else front.send(datagram, client.port, client.address);
    });
    back.on("error", () => {});
    back.connect(serverPort, "127.0.0.1");
    await once(back, "connect");
    return back;
  };

  const passed = new Map<string, number>();
  front.on("message", async (datagram, client) => {
    const name = `${client.address}:${client.port}`;
    const count = (passed.get(name) ?? 0) + Number(isMedia(datagram));
    passed.set(name, count);
    if (isMedia(datagram) && count % every === 0) {
      dropped.up += 1;
      return;
    }
    if (!backs.has(name)) backs.set(name, connect(client));
    (await backs.get(name)!).send(datagram);
  });
  front.bind(serverPort, RELAY_ADDRESS);
  await once(front, "listening");
  return {
    dropped,
    close: () => {
      front.close();
      for (const back of backs.values()) void back.then((socket) => socket.close());
    },
  };
}

/** RTP and RTCP (RFC 7983 §7). */
const isMedia = (datagram: Uint8Array): boolean => datagram[0]! >= 128 && datagram[0]! <= 191;
