/**
 * A client's token, kept fresh while it is here: whoever resumes is asked for one again, and the first may have expired.
 * It says what holds now, so that what was changed meanwhile is still so when the client comes back as somebody new.
 */
import type { AccessTokens, Claims, Grants } from "../control/access-token.ts";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";

/** Larger: one that was copied is of use for longer. Smaller: a client that was cut off for longer has to log in again. */
const VALID_SECONDS = 600;

/** Larger: the client's latest token is closer to its end. Smaller: more messages. */
const REFRESH_MS = 300_000;

/**
 * Tokens travel in URLs, where proxies pass about 8 kB. What an application has written about a participant is left out
 * of a token that would be longer; the participant then comes back with what its first token said.
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

  /** A token of what the participant is and may now, under the key of its first. */
  issue(): Promise<string> {
    const { identity, profile, room } = this.#participant;
    const { name, metadata, attributes, permission } = profile;
    const isShort = Buffer.byteLength(metadata + JSON.stringify(attributes)) <= MAX_WORDS_BYTES;
    const words = isShort ? { metadata, attributes } : this.#claims;
    // One that was made to last is not replaced by a shorter one.
    const leftSeconds = this.#claims.expiresAtSeconds - Math.floor(this.#clock.nowMs() / 1000);
    return this.#tokens.issue({
      apiKey: this.#claims.apiKey,
      identity,
      name,
      metadata: words.metadata,
      attributes: words.attributes,
      grants: { ...grantsIn(room.id, this.#claims.grants), ...permission },
      validSeconds: Math.max(VALID_SECONDS, leftSeconds),
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

/** What administrates the room that a token names does not administrate another, to which its bearer was moved. */
function grantsIn(room: string, grants: Grants): Grants {
  return room === grants.room ? grants : { ...grants, room, roomAdmin: false, destinationRoom: "" };
}
