/** The HTTP requests of a client: get a token, exchange offer and answer, end the session. */
import { SignJWT } from "jose";
import type { Grants } from "../../src/control/access-token.ts";

/** A server under a rush of joins takes seconds; a hung one must not block the run. */
const REQUEST_LIMIT_MS = 10_000;
const TOKEN_VALIDITY = "6h";

/** Where tokens come from: signed here, or requested from the server's development route. */
export type Credentials =
  | { readonly kind: "key"; readonly key: string; readonly secret: string }
  | { readonly kind: "development" };

export interface OpenedSession {
  readonly answer: string;
  readonly location: string;
}

/** A request that was refused. `reason` has few values: failures are counted by it. */
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

  /** A token with the same grants as one of the development route: to join this room, and to list rooms. */
  async token(room: string, identity: string): Promise<string> {
    if (this.#credentials.kind === "key") {
      return this.#sign(room, identity, { roomJoin: true, roomList: true });
    }
    const query = new URLSearchParams({ room, identity });
    const reply = await this.#request("token", `/dev/token?${query}`, {});
    return ((await reply.json()) as { readonly token: string }).token;
  }

  /** Needs an API key: the development route does not grant it. An existing room is not changed. */
  async createRoom(name: string, maxParticipants: number): Promise<void> {
    const token = await this.#sign(name, "load", { roomCreate: true });
    await this.#request("room", "/v1/rooms", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ name, maxParticipants }),
    });
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

  /** Ignores failure: if the server has ended, so has the session. */
  async end(location: string, token: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    await this.#request("end", location, { method: "DELETE", headers }).catch(() => undefined);
  }

  #sign(room: string, identity: string, grants: Partial<Grants>): Promise<string> {
    const credentials = this.#credentials;
    if (credentials.kind !== "key") throw new RequestFailed("no_key", "takes --key and --secret");
    return new SignJWT({ video: { room, ...grants } })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(credentials.key)
      .setSubject(identity)
      .setExpirationTime(TOKEN_VALIDITY)
      .sign(new TextEncoder().encode(credentials.secret));
  }

  async #request(what: string, path: string, init: RequestInit): Promise<Response> {
    const reply = await fetch(new URL(path, this.#url), {
      ...init,
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    }).catch((error: Error) => {
      const reason = error.name === "TimeoutError" ? `${what}_timeout` : `${what}_unreachable`;
      throw new RequestFailed(reason, String(error.cause ?? error));
    });
    if (!reply.ok) throw new RequestFailed(`${what}_http_${reply.status}`, problemOf(await reply.text()));
    return reply;
  }
}

/** The server's problem document (RFC 9457) in one line, or the beginning of any other answer. */
function problemOf(body: string): string {
  try {
    const { code, detail, title } = JSON.parse(body) as Record<string, unknown>;
    return `${code}: ${detail ?? title}`;
  } catch {
    return body.slice(0, 200);
  }
}
