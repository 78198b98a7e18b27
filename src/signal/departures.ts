/**
 * Participants that have recently left a room: a client that had lost its connection was not notified, and would show
 * them for ever. Which notifications it got is unknown, so after a resume it gets all that it may have missed.
 */
import { ParticipantInfo } from "@livekit/protocol";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";
import type { Room } from "../control/room.ts";
import { isShown } from "./shown.ts";

/**
 * A connection may be dead for 20 s before that is noticed, and its client has 20 s to resume. Larger: more is
 * remembered and sent. Smaller: a client that resumes late still shows some that have left.
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

  /** `info`: as the others see it now. Its metadata and the like are not kept. */
  add(room: Room, { sid, identity, version, state, disconnectReason }: ParticipantInfo): void {
    const nowMs = this.#clock.monotonicMs();
    const departures = this.#byRoom.get(room) ?? new Map<string, Departure>();
    this.#byRoom.set(room, departures);
    for (const [other, { untilMs }] of departures) if (untilMs <= nowMs) departures.delete(other);
    departures.delete(identity);
    const info = new ParticipantInfo({ sid, identity, version, state, disconnectReason });
    departures.set(identity, { info, untilMs: nowMs + REMEMBERED_MS });
  }

  /** Clients identify others by identity: those that have rejoined are left out, and so is the client itself. */
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
