/**
 * ICE-lite agent of one transport (RFC 8445 §2.5): answers connectivity checks and sends none; the peer is controlling.
 *
 *            first valid check          USE-CANDIDATE              silence on the selected path, or its end
 *     new ─────────────────▶ checking ──────────────▶ connected ◀────────────▶ disconnected
 *      │                        │                      (a check or RTCP on it)      │
 *      └──── no valid check for FAILED_AFTER_US ────────────────────────────────────┴──▶ failed ── restart() ─▶ new
 *
 * Rules, in the order in which they are applied to a request:
 *
 *  - Without the right USERNAME and MESSAGE-INTEGRITY nothing changes and nothing is answered. RFC 8489 §9.1.3 asks for a
 *    400 or 401, but unsigned it could not be trusted, and we would reflect traffic to spoofed sources.
 *  - Unknown comprehension-required attributes: 420.
 *  - ICE-CONTROLLED: 487, always. The tie-breaker rule of RFC 8445 §7.3.1.1 may make a full agent the controlling one, but
 *    a lite agent cannot nominate; so our tie-breaker counts as the smallest.
 *  - Any other check validates its path: DTLS and media may come from there.
 *  - USE-CANDIDATE selects the path at once, every time: a peer that roams must not wait. Of several nominated pairs
 *    (aggressive nomination) the latest counts; all of them work. A peer may use another than the latest, as Firefox does:
 *    when it is heard on that one alone, it is followed there.
 *
 * The second part of USERNAME is not compared (RFC 8445 §7.3): the password has already authenticated the peer.
 */
import { createSecretKey, type KeyObject } from "node:crypto";
import type { PathId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";
import type { IceCredentials } from "../contract/media.ts";
import type { CalledAgent } from "./request-limiter.ts";
import { hasIntegrity, parseStunMessage, STUN_TYPE, StunMessage, usernameOf } from "./stun-message.ts";
import { writeBindingError, writeBindingSuccess } from "./stun-response.ts";
import { ValidatedPaths } from "./validated-paths.ts";

/**
 * Chrome checks the selected path about every 2.5 s, Firefox every 4 to 6 s (RFC 7675 §5.1) without retransmitting a lost
 * check; receivers of video send RTCP every second. Less would report healthy peers as disconnected and stop their media;
 * much more would send media to vanished peers for longer.
 */
const DISCONNECTED_AFTER_US = 8_000_000;

/**
 * When the selected path has been silent for this long and another nominated one is heard, that one is in use. Less would
 * follow a spare pair between two checks of the one in use; more would report the peer as disconnected first.
 */
const FOLLOW_AFTER_US = 7_000_000;

/** How long consent to send lasts (RFC 7675 §5.1), and how long we wait for a first check. */
const FAILED_AFTER_US = 30_000_000;

const NO_PATH = -1 as PathId;

export type IceState = "new" | "checking" | "connected" | "disconnected" | "failed";

/** What became of a request: anything but `accepted` had no effect. */
export type CheckOutcome =
  | "accepted"
  | "malformed"
  | "not_request"
  | "unknown_user"
  | "bad_integrity"
  | "unknown_attribute"
  | "role_conflict"
  | "failed";

interface LocalUser {
  readonly ufrag: string;
  /** The short-term key: the password itself (RFC 8489 §9.1.1). */
  readonly key: KeyObject;
}

/** The request at hand: one at a time, for all agents of the thread. */
const message = new StunMessage();

export class IceLiteAgent implements CalledAgent {
  state: IceState = "new";
  /** Where to send; -1 before the peer has nominated a path, and after consent has ended. */
  selectedPath: PathId = NO_PATH;
  lastOutcome: CheckOutcome = "accepted";
  failuresSpentUntilUs = Number.NEGATIVE_INFINITY;
  #user: LocalUser;
  /** After `restart`, until the first check that uses it. */
  #nextUser: LocalUser | null = null;
  readonly #paths: ValidatedPaths;
  /** When consent was last given, or when we began to wait for it. */
  #aliveUs: number;
  /** When anything authentic last came on the selected path. */
  #heardUs: number;

  constructor(local: IceCredentials, paths: PathTable, nowUs: number) {
    this.#user = localUser(local);
    this.#paths = new ValidatedPaths(paths);
    this.#aliveUs = nowUs;
    this.#heardUs = nowUs;
  }

  /** Local username fragments: one, or two during an ICE restart. */
  get ufrags(): readonly string[] {
    return this.#nextUser === null ? [this.#user.ufrag] : [this.#user.ufrag, this.#nextUser.ufrag];
  }

  /** Whether DTLS and media from `path` are this peer's. */
  isValidated(path: PathId): boolean {
    return this.#paths.has(path);
  }

  /**
   * ICE restart with new credentials. The old ones stay valid until the first check with the new (RFC 8445 §2.4), the
   * selected path until another is nominated or its consent expires. The peer has as long as a new transport.
   */
  restart(local: IceCredentials, nowUs: number): void {
    this.#nextUser = localUser(local);
    this.#aliveUs = nowUs;
    if (this.state === "failed") this.state = "new";
  }

  /**
   * Handles the STUN datagram `packet[0, length)`. Writes the response to `out[outAt]`, at most 100 bytes, and returns its
   * size, or 0 when there is none. `lastOutcome` says what became of the request.
   */
  onRequest(
    nowUs: number,
    packet: Uint8Array,
    length: number,
    path: PathId,
    remoteAddress: string,
    remotePort: number,
    out: Uint8Array,
    outAt: number,
  ): number {
    const user = this.#authenticate(packet, length);
    if (user === undefined) return 0;
    if (message.unknownCount > 0) {
      this.lastOutcome = "unknown_attribute";
      return writeBindingError(out, outAt, packet, message, 420, user.key);
    }
    if (message.iceControlled) {
      this.lastOutcome = "role_conflict";
      return writeBindingError(out, outAt, packet, message, 487, user.key);
    }
    this.lastOutcome = "accepted";
    this.#onCheck(nowUs, path, user, message.useCandidate);
    return writeBindingSuccess(out, outAt, packet, remoteAddress, remotePort, user.key);
  }

  /**
   * Authentic RTCP came from `path`. On the selected path it counts as a check, because pion, and whatever is built on it,
   * sends no checks while media flows both ways. Consent proper is the response to a request (RFC 7675 §5.1), which a lite
   * agent never sends; unsolicited, a check proves no more than a fresh authenticated packet.
   */
  onReport(nowUs: number, path: PathId): void {
    this.#follow(nowUs, path);
    if (path !== this.selectedPath) return;
    this.#paths.validate(path, nowUs, path);
    this.#aliveUs = nowUs;
    this.#heardUs = nowUs;
  }

  /** The TCP connection that was this path has ended. */
  endPath(path: PathId): void {
    this.#paths.remove(path);
    if (path === this.selectedPath) this.selectedPath = NO_PATH;
  }

  /**
   * For `us`, until now, our thread stood still: what the peer sent meanwhile has yet to be read, so it was not silent. Consent
   * may then last for as much longer than RFC 7675 §5.1 has it; nothing was sent in this time.
   */
  excuse(us: number, nowUs: number): void {
    this.#aliveUs = Math.min(this.#aliveUs + us, nowUs);
    this.#heardUs = Math.min(this.#heardUs + us, nowUs);
    this.#paths.postpone(us, nowUs);
  }

  /** Expires paths without checks, the selected one too. Returns the state. */
  poll(nowUs: number): IceState {
    this.#paths.expire(nowUs - FAILED_AFTER_US);
    if (!this.#paths.has(this.selectedPath)) this.selectedPath = NO_PATH;
    const silent = this.selectedPath === NO_PATH || nowUs - this.#heardUs >= DISCONNECTED_AFTER_US;
    if (nowUs - this.#aliveUs >= FAILED_AFTER_US) this.#fail();
    else if (!silent) this.state = "connected";
    else if (this.state === "connected") this.state = "disconnected";
    return this.state;
  }

  /** Releases all paths. The agent must not be used afterwards. */
  close(): void {
    this.#paths.expire(Number.POSITIVE_INFINITY);
    this.selectedPath = NO_PATH;
  }

  /** The user whose password signed the request; undefined, with the reason in `lastOutcome`, where there is none. */
  #authenticate(packet: Uint8Array, length: number): LocalUser | undefined {
    if (!parseStunMessage(packet, length, message)) return this.#drop("malformed");
    if (message.type !== STUN_TYPE.bindingRequest) return this.#drop("not_request");
    // Every ICE check has a FINGERPRINT (RFC 8489 §7): without one this is something else that looks like STUN.
    if (!message.hasFingerprint) return this.#drop("malformed");
    const user = this.#userNamed(usernameOf(packet, message));
    if (user === undefined) return this.#drop("unknown_user");
    if (!hasIntegrity(packet, message, user.key)) return this.#drop("bad_integrity");
    return this.state === "failed" ? this.#drop("failed") : user;
  }

  #drop(reason: CheckOutcome): undefined {
    this.lastOutcome = reason;
  }

  #userNamed(ufrag: string | undefined): LocalUser | undefined {
    if (ufrag === this.#user.ufrag) return this.#user;
    if (this.#nextUser !== null && ufrag === this.#nextUser.ufrag) return this.#nextUser;
    return undefined;
  }

  #onCheck(nowUs: number, path: PathId, user: LocalUser, nominates: boolean): void {
    if (user === this.#nextUser) {
      this.#user = user;
      this.#nextUser = null;
    }
    this.#paths.validate(path, nowUs, this.selectedPath);
    if (nominates) {
      this.#paths.nominate(path);
      this.selectedPath = path;
    }
    this.#follow(nowUs, path);
    if (this.selectedPath === NO_PATH) this.state = "checking";
    else if (this.selectedPath === path) this.state = "connected";
    // Consent is for the selected path; before there is one, any check counts.
    if (this.selectedPath !== NO_PATH && this.selectedPath !== path) return;
    this.#aliveUs = nowUs;
    this.#heardUs = nowUs;
  }

  /** The peer was heard on `path`. */
  #follow(nowUs: number, path: PathId): void {
    if (path === this.selectedPath) return;
    // Without a selected path there is nothing to wait for.
    if (this.selectedPath !== NO_PATH && nowUs - this.#heardUs < FOLLOW_AFTER_US) return;
    if (this.#paths.isNominated(path)) this.selectedPath = path;
  }

  #fail(): void {
    this.state = "failed";
    this.selectedPath = NO_PATH;
  }
}

function localUser({ ufrag, pwd }: IceCredentials): LocalUser {
  return { ufrag, key: createSecretKey(new TextEncoder().encode(pwd)) };
}
