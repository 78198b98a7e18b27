/** The few HTTP requests of a client: a token, an offer for an answer, and the end of the session. */
import { SignJWT } from "jose";

/** A server that is busy with a rush of joins takes seconds; one that is stuck must not hold up the run. */
const REQUEST_LIMIT_MS = 10_000;
const TOKEN_VALIDITY = "6h";

/** Where tokens come from: signed here, or asked for at the server's development route. */
export type Credentials =
  | { readonly kind: "key"; readonly key: string; readonly secret: string }
  | { readonly kind: "development" };

export interface OpenedSession {
  readonly answer: string;
  readonly location: string;
}

/** A request that was answered, and not as hoped. `reason` has few values: failures are counted by it. */
export class RequestFailed extends Error {
  readonly reason: string;

  constructor(reason: string, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export class Signalling {
  readonly #url: string;
  readonly #credentials: Credentials;

  /** `url`: the server's, without a trailing slash. */
  constructor(url: string, credentials: Credentials) {
    this.#url = url;
    this.#credentials = credentials;
  }

  /** With the grants that the development route gives: to join this room, and to list rooms. */
  async token(room: string, identity: string): Promise<string> {
    const credentials = this.#credentials;
    if (credentials.kind === "key") {
      return new SignJWT({ video: { roomJoin: true, roomList: true, room } })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuer(credentials.key)
        .setSubject(identity)
        .setExpirationTime(TOKEN_VALIDITY)
        .sign(new TextEncoder().encode(credentials.secret));
    }
    const query = new URLSearchParams({ room, identity });
    const reply = await this.#request("token", `/dev/token?${query}`, {});
    return ((await reply.json()) as { readonly token: string }).token;
  }

  /** `path`: `/whip/…` or `/whep/…`. */
  async open(path: string, token: string, offer: string): Promise<OpenedSession> {
    const reply = await this.#request("session", path, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
      body: offer,
    });
    return { answer: await reply.text(), location: reply.headers.get("location") ?? "" };
  }

  /** The server may be gone; then so is the session. */
  async end(location: string, token: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    await this.#request("end", location, { method: "DELETE", headers }).catch(() => undefined);
  }

  async #request(what: string, path: string, init: RequestInit): Promise<Response> {
    const reply = await fetch(new URL(path, this.#url), {
      ...init,
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    }).catch((error: Error) => {
      const reason = error.name === "TimeoutError" ? `${what}_timeout` : `${what}_unreachable`;
      throw new RequestFailed(reason, String(error.cause ?? error));
    });
    if (!reply.ok)
      throw new RequestFailed(`${what}_http_${reply.status}`, (await reply.text()).slice(0, 300));
    return reply;
  }
}
