/**
 * Who has left a room a moment ago: a client that was cut off has not heard of it, and would show them for ever. Nobody knows
 * what it heard last, so it is told again of all who may have left since then.
 */
import { ParticipantInfo } from "@livekit/protocol";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";
import type { Room } from "../control/room.ts";
import { isShown } from "./shown.ts";

/**
 * A connection may be dead for 20 s before that is noticed, and its client has 20 s to come back. Larger: more is
 * remembered and sent. Smaller: a client that comes back late still shows some who are gone.
 */
const REMEMBERED_MS = 45_000;

interface Departure {
  readonly info: ParticipantInfo;
  readonly untilMs: number;
}

export class Departures {
  readonly #clock: Clock;
  /** By identity, the latest of each. */
  readonly #byRoom = new WeakMap<Room, Map<string, Departure>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `info`: as the others see it now. What it had said of itself is not kept. */
  add(room: Room, { sid, identity, version, state, disconnectReason }: ParticipantInfo): void {
    const nowMs = this.#clock.monotonicMs();
    const departures = this.#byRoom.get(room) ?? new Map<string, Departure>();
    this.#byRoom.set(room, departures);
    for (const [other, { untilMs }] of departures) if (untilMs <= nowMs) departures.delete(other);
    departures.delete(identity);
    const info = new ParticipantInfo({ sid, identity, version, state, disconnectReason });
    departures.set(identity, { info, untilMs: nowMs + REMEMBERED_MS });
  }

  /** Clients know others by identity: who is here again is not among them, and the viewer itself never is. */
  for({ room, identity: own }: Participant): ParticipantInfo[] {
    const nowMs = this.#clock.monotonicMs();
    const departures = [...(this.#byRoom.get(room)?.values() ?? [])];
    const isGone = ({ info: { identity }, untilMs }: Departure): boolean => {
      const present = room.participant(identity);
      return untilMs > nowMs && identity !== own && (present === undefined || !isShown(present));
    };
    return departures.filter(isGone).map(({ info }) => info);
  }
}
