/**
 * STUN and TURN servers that clients are told of. TURN credentials are good for a while and for one identity, in the
 * form that coturn checks by a shared secret (draft-uberti-behave-turn-rest): nothing has to be stored anywhere.
 */
import { createHmac } from "node:crypto";
import { CandidateProtocol, ICEServer } from "@livekit/protocol";
import type { Clock } from "../control/clock.ts";

export interface IceServerSettings {
  readonly stunUrls: readonly string[];
  readonly turnUrls: readonly string[];
  /** coturn's `static-auth-secret`. */
  readonly turnSecret: string;
  readonly turnCredentialSeconds: number;
}

export class IceServers {
  readonly #settings: IceServerSettings;
  readonly #clock: Clock;

  constructor(settings: IceServerSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** `path`: TLS leaves out what is not over TLS, if anything is. */
  for(identity: string, path = CandidateProtocol.UDP): ICEServer[] {
    const { stunUrls } = this.#settings;
    const turnUrls = this.#turnUrls(path);
    const servers: ICEServer[] = [];
    if (stunUrls.length > 0) servers.push(new ICEServer({ urls: [...stunUrls] }));
    if (turnUrls.length > 0)
      servers.push(new ICEServer({ urls: [...turnUrls], ...this.#credentials(identity) }));
    return servers;
  }

  #turnUrls(path: CandidateProtocol): readonly string[] {
    const { turnUrls } = this.#settings;
    const overTls = turnUrls.filter((url) => url.startsWith("turns:"));
    return path === CandidateProtocol.TLS && overTls.length > 0 ? overTls : turnUrls;
  }

  #credentials(identity: string): { username: string; credential: string } {
    const { turnSecret, turnCredentialSeconds } = this.#settings;
    const expiresAt = Math.floor(this.#clock.nowMs() / 1000) + turnCredentialSeconds;
    const username = `${expiresAt}:${identity}`;
    return { username, credential: createHmac("sha1", turnSecret).update(username).digest("base64") };
  }
}
