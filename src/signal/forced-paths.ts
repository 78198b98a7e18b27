/**
 * Requests of clients under test to be connected only over TCP, or only through TURN over TLS. They rejoin for it with
 * a new session, so it is remembered by identity, and only for a while.
 */
import { CandidateProtocol } from "@livekit/protocol";
import type { Clock } from "../control/clock.ts";
import type { ServerCandidate } from "../control/media-threads.ts";
import type { Participant } from "../control/participant.ts";
import type { Room } from "../control/room.ts";

/** Larger: a client is kept off UDP for longer after the test. Smaller: a slow client rejoins too late for it. */
const REMEMBERED_MS = 60_000;

interface Forced {
  readonly protocol: CandidateProtocol;
  readonly untilMs: number;
}

export class ForcedPaths {
  readonly #clock: Clock;
  readonly #byRoom = new WeakMap<Room, Map<string, Forced>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the sessions that `participant` begins from now on. */
  force({ room, identity }: Participant, protocol: CandidateProtocol): void {
    const nowMs = this.#clock.monotonicMs();
    const forced = this.#byRoom.get(room) ?? new Map<string, Forced>();
    this.#byRoom.set(room, forced);
    for (const [other, { untilMs }] of forced) if (untilMs <= nowMs) forced.delete(other);
    forced.set(identity, { protocol, untilMs: nowMs + REMEMBERED_MS });
  }

  /** UDP means whatever works. */
  of({ room, identity }: Participant): CandidateProtocol {
    const forced = this.#byRoom.get(room)?.get(identity);
    return forced !== undefined && forced.untilMs > this.#clock.monotonicMs()
      ? forced.protocol
      : CandidateProtocol.UDP;
  }
}

/** What is announced to a client that is to use `protocol`. Without any over TCP it gets all there are. */
export function candidatesFor(
  protocol: CandidateProtocol,
  candidates: readonly ServerCandidate[],
): readonly ServerCandidate[] {
  if (protocol === CandidateProtocol.UDP) return candidates;
  const overTcp = candidates.filter((candidate) => candidate.protocol === "tcp");
  return overTcp.length > 0 && protocol === CandidateProtocol.TCP ? overTcp : candidates;
}
