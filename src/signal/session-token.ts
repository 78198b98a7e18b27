/**
 * A client's token, refreshed while it is here: a resume needs a token, and the first may have expired. It has the
 * present profile and permission, so that changes still hold when the client joins anew with it.
 */
import type { AccessTokens, Claims, Grants } from "../control/access-token.ts";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";

/** Larger: a stolen token is of use for longer. Smaller: a client that is disconnected for longer must log in again. */
const VALID_SECONDS = 600;

/** Larger: the client's latest token is closer to its expiry. Smaller: more messages. */
const REFRESH_MS = 300_000;

/**
 * Tokens travel in URLs, of which proxies pass about 8 kB. Metadata and attributes are left out of a token that would
 * be longer; the participant then rejoins with those of its first token.
 */
const MAX_WORDS_BYTES = 4_096;

export class SessionToken {
  readonly #tokens: AccessTokens;
  readonly #claims: Claims;
  readonly #participant: Participant;
  readonly #clock: Clock;
  readonly #send: (token: string) => void;
  #cancel: () => void = () => {};

  constructor(tokens: AccessTokens, claims: Claims, participant: Participant, send: (token: string) => void) {
    this.#tokens = tokens;
    this.#claims = claims;
    this.#participant = participant;
    this.#clock = participant.room.clock;
    this.#send = send;
    this.#schedule();
  }

  /** A token with the participant's present profile and permission, signed with the key of its first. */
  issue(): Promise<string> {
    const { identity, kind, profile, room } = this.#participant;
    const { name, metadata, attributes, permission } = profile;
    const { roomConfig } = this.#claims;
    const isShort =
      Buffer.byteLength(metadata + JSON.stringify(attributes) + roomConfig.metadata) <= MAX_WORDS_BYTES;
    const words = isShort ? { metadata, attributes } : this.#claims;
    // A token is not replaced by one that expires sooner.
    const leftSeconds = this.#claims.expiresAtSeconds - Math.floor(this.#clock.nowMs() / 1000);
    return this.#tokens.issue({
      apiKey: this.#claims.apiKey,
      identity,
      name,
      metadata: words.metadata,
      attributes: words.attributes,
      kind,
      roomConfig,
      grants: { ...grantsIn(room.id, this.#claims.grants), ...permission },
      validSeconds: Math.max(VALID_SECONDS, leftSeconds),
      isReissued: true,
    });
  }

  /** Sends one now, and again and again. */
  async refresh(): Promise<void> {
    this.#schedule();
    this.#send(await this.issue());
  }

  end(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(REFRESH_MS, () => void this.refresh());
  }
}

/** The admin grant for the room that a token names does not extend to another to which its bearer was moved. */
function grantsIn(room: string, grants: Grants): Grants {
  return room === grants.room ? grants : { ...grants, room, roomAdmin: false, destinationRoom: "" };
}
