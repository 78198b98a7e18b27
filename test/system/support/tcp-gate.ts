/**
 * The network of somebody who may send no UDP: a port of this machine through which TCP gets to a server, and datagrams
 * do not, for nobody listens there.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { localAddresses } from "../../../src/local-addresses.ts";

/** Browsers choose which of their addresses they use. */
const ANYWHERE = "0.0.0.0";

export class TcpGate {
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server, targetPort: () => number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (outer) => this.#join(outer, connect(targetPort(), "127.0.0.1")));
  }

  /** `targetPort`: asked for each connection, for a server may have to know the gate before it starts. */
  static async open(targetPort: () => number): Promise<TcpGate> {
    const server = createServer({ noDelay: true }).listen(0, ANYWHERE);
    await once(server, "listening");
    return new TcpGate(server, targetPort);
  }

  /** For `media.announcedAddresses`. */
  get announced(): string {
    return localAddresses(ANYWHERE)
      .map((address) => `${address}:${this.port}`)
      .join();
  }

  /** Cuts all connections there are; others may be made. */
  cut(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(outer: Socket, inner: Socket): void {
    for (const [socket, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      this.#open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
