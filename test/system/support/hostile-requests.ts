/** What strangers send to the HTTP port: requests that make no sense, never end, or are no requests at all. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { seededRandom } from "../../sim/seeded-random.ts";

/** Well below the default limit of one address, which the browsers of the test share. */
const INTERVAL_MS = 80;
/** Open at once, and left so. */
const MAX_HALF_OPEN = 60;

const HEADER_ENDS = "\r\n\r\n";
const RAW: readonly string[] = [
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "\x00\xff\x00\xff\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  `GET /v1/rooms HTTP/1.1\r\nHost: a\r\nno colon here${HEADER_ENDS}`,
  `GET /v1/rooms HTTP/1.1\r\nHost: a\r\nX-Long: ${"a".repeat(100_000)}${HEADER_ENDS}`,
  `POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5${HEADER_ENDS}{}{}`,
  `POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: -1${HEADER_ENDS}`,
  `POST /v1/rooms HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked${HEADER_ENDS}zz\r\n`,
  `GET /${"%".repeat(5_000)} HTTP/1.1\r\nHost: a${HEADER_ENDS}`,
  `GET /v1/rooms/%00%ff/tracks HTTP/1.1\r\nHost: a${HEADER_ENDS}`,
  `GET /../../etc/passwd HTTP/1.1\r\nHost: a${HEADER_ENDS}`,
  `BREW /whip/x HTTP/1.1\r\nHost: a${HEADER_ENDS}`,
  `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket${HEADER_ENDS}`,
  `POST /whip/x HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\nContent-Length: 9${HEADER_ENDS}`,
];

export class HostileRequests {
  /** Status of every request that was answered. */
  readonly statuses: number[] = [];
  rawSent = 0;
  readonly #random: () => number;
  readonly #url: string;
  readonly #room: string;
  readonly #token: string;
  readonly #offer: string;
  readonly #open: Socket[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | null = null;

  private constructor(url: string, room: string, token: string, offer: string, seed: number) {
    this.#url = url;
    this.#room = room;
    this.#token = token;
    this.#offer = offer;
    this.#random = seededRandom(seed);
  }

  /** `token`: of somebody who may publish in `room`. `offer`: a valid one, to be damaged. */
  static start(url: string, room: string, token: string, offer: string, seed: number): HostileRequests {
    const hostile = new HostileRequests(url, room, token, offer, seed);
    hostile.#timer = setInterval(() => hostile.#next(), INTERVAL_MS);
    return hostile;
  }

  /** Resolves when every request that was to be answered has been, or its connection has ended. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    for (const socket of this.#open) socket.destroy();
  }

  #next(): void {
    const room = encodeURIComponent(this.#room);
    const acts = [
      () => this.#raw(this.#pick(RAW)),
      () => this.#raw(String.fromCharCode(...this.#bytes(1 + this.#below(3_000)))),
      () => this.#halfOpen(),
      () => this.#slowBody(),
      () => this.#post("/v1/rooms", "application/json", this.#pick(["{", "[]", "null", '{"id":', "\u0000"])),
      () => this.#post("/v1/rooms", "application/json", `{"id":"${"x".repeat(1_000_000)}"}`),
      () => this.#post("/v1/rooms", "application/json", "[".repeat(60_000)),
      () => this.#post("/v1/rooms", "no/type; charset=\u00ff", "x"),
      () => this.#post(`/whip/${room}`, "application/sdp", this.#damagedOffer()),
      () => this.#post(`/whep/${room}`, "application/sdp", this.#damagedOffer()),
      () => this.#post(`/whip/${room}`, "application/sdp", `v=0\r\n${"a=rtcp-fb:* nack\r\n".repeat(3_500)}`),
      () =>
        this.#post(`/whip/${room}`, "application/sdp", `${this.#offer}${"m=audio 9 x 0\r\n".repeat(3_000)}`),
    ];
    this.#pick(acts)();
  }

  /** A line left out, doubled, swapped for noise, or a number in it made large. */
  #damagedOffer(): string {
    const lines = this.#offer.split("\r\n");
    for (let times = 1 + this.#below(8); times > 0; times--) {
      const at = this.#below(lines.length);
      const damages = [
        () => lines.splice(at, 1),
        () => lines.splice(at, 0, lines[at]!),
        () => lines.splice(at, 1, lines[at]!.replace(/\d+/, "99999999999999999999")),
        () => lines.splice(at, 1, lines[at]!.slice(0, this.#below(lines[at]!.length + 1))),
        () => lines.splice(at, 1, `a=${String.fromCharCode(...this.#bytes(20))}`),
      ];
      this.#pick(damages)();
    }
    return lines.join("\r\n");
  }

  #post(path: string, type: string, body: string): void {
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": type };
    const exchange = fetch(`${this.#url}${path}`, { method: "POST", headers, body })
      .then(async (reply) => {
        this.statuses.push(reply.status);
        await reply.arrayBuffer();
      })
      // Refused in the middle of a body: the connection ends before the answer is read.
      .catch(() => undefined);
    this.#underWay.add(exchange);
    void exchange.then(() => this.#underWay.delete(exchange));
  }

  #raw(text: string): void {
    const socket = this.#connect();
    socket.write(text, "latin1");
    this.rawSent += 1;
  }

  #halfOpen(): void {
    const socket = this.#connect();
    socket.write(this.#pick(["", "G", "POST /v1/rooms HTTP/1.1\r\nHost: a\r\n"]));
  }

  #slowBody(): void {
    const socket = this.#connect();
    socket.write(`POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: 1000${HEADER_ENDS}`);
    const timer = setInterval(() => socket.write("{"), 500);
    void once(socket, "close").then(() => clearInterval(timer));
  }

  #connect(): Socket {
    const { hostname, port } = new URL(this.#url);
    const socket = connect(Number(port), hostname);
    // What the server does to such a connection is its own affair.
    socket.on("error", () => {});
    socket.resume();
    this.#open.push(socket);
    if (this.#open.length > MAX_HALF_OPEN) this.#open.shift()!.destroy();
    return socket;
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256));
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }
}
