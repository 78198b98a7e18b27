/**
 * STUN and TURN servers that clients are given. TURN credentials are valid for a limited time and for one identity, in
 * the form that coturn checks by a shared secret (draft-uberti-behave-turn-rest): nothing has to be stored anywhere.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "./clock.ts";

export interface IceServerSettings {
  readonly stunUrls: readonly string[];
  readonly turnUrls: readonly string[];
  /** coturn's `static-auth-secret`. */
  readonly turnSecret: string;
  readonly turnCredentialSeconds: number;
}

export interface IceServer {
  readonly urls: readonly string[];
  /** For TURN servers only. */
  readonly credentials?: { readonly username: string; readonly credential: string };
}

export class IceServers {
  readonly #settings: IceServerSettings;
  readonly #clock: Clock;

  constructor(settings: IceServerSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** `overTls`: only those TURN servers that are reached over TLS, if there are any. */
  for(identity: string, overTls = false): IceServer[] {
    const { stunUrls } = this.#settings;
    const turnUrls = this.#turnUrls(overTls);
    const servers: IceServer[] = [];
    if (stunUrls.length > 0) servers.push({ urls: stunUrls });
    if (turnUrls.length > 0) servers.push({ urls: turnUrls, credentials: this.#credentials(identity) });
    return servers;
  }

  #turnUrls(overTls: boolean): readonly string[] {
    const { turnUrls } = this.#settings;
    const secured = turnUrls.filter((url) => url.startsWith("turns:"));
    return overTls && secured.length > 0 ? secured : turnUrls;
  }

  /** A user name goes over the network in the clear and has up to 512 bytes (RFC 8489 §14.3), so it is a pseudonym. */
  #credentials(identity: string): { username: string; credential: string } {
    const { turnSecret, turnCredentialSeconds } = this.#settings;
    const expiresAt = Math.floor(this.#clock.nowMs() / 1000) + turnCredentialSeconds;
    const pseudonym = createHmac("sha256", turnSecret).update(identity).digest("base64url").slice(0, 22);
    const username = `${expiresAt}:${pseudonym}`;
    return { username, credential: createHmac("sha1", turnSecret).update(username).digest("base64") };
  }
}
