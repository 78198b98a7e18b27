/** Notifies a room's clients of active speakers, connection qualities, and the number of participants. */
import {
  ConnectionQualityInfo,
  ConnectionQualityUpdate,
  RoomUpdate,
  SpeakerInfo,
  SpeakersChanged,
} from "@livekit/protocol";
import type { ParticipantId } from "../base/ids.ts";
import { RationedWork } from "../control/rationed-work.ts";
import type { Room } from "../control/room.ts";
import { roomInfo } from "../livekit/room-info.ts";
import { ConnectionQualities } from "./connection-quality.ts";
import { ResponseFrame } from "./frames.ts";
import { isShown } from "./shown.ts";

/** Period of qualities and counts. Larger: clients show changes of them later. Smaller: more work and messages. */
const INTERVAL_MS = 5_000;

export class RoomWatch {
  /** Recomputes the wanted tracks of all clients. */
  readonly wanting: RationedWork;
  readonly #room: Room;
  readonly #tell: (frame: ResponseFrame) => void;
  readonly #qualities = new ConnectionQualities();
  readonly #forgetSpeakers: () => void;
  #cancelNext: () => void;
  /** Levels as last sent, or as they were when the watch began, in [0, 1]. */
  #levels: ReadonlyMap<ParticipantId, number>;
  #toldQualities = "";
  #toldCounts = "";
  #ended = false;

  /** `tell`: sends to all clients in the room. `want`: recomputes their wanted tracks, returns its cost in checks. */
  constructor(room: Room, tell: (frame: ResponseFrame) => void, want: () => number) {
    this.wanting = new RationedWork(room.clock, want);
    this.#room = room;
    this.#tell = tell;
    this.#levels = this.#audible();
    this.#forgetSpeakers = room.speakers.onChange(() => this.tellSpeakers());
    this.#cancelNext = this.#schedule();
  }

  /** The active speakers, for a client that has just joined; null when there are none. */
  speakers(): ResponseFrame | null {
    const speakers = [...this.#levels].map(([sid, level]) => new SpeakerInfo({ sid, level, active: true }));
    return speakers.length === 0 ? null : speakersFrame(speakers);
  }

  /** The speech state of everybody, for a client that has resumed and may have missed that a speaker fell silent. */
  voices(): ResponseFrame {
    const shown = this.#room.participants.filter(isShown);
    const speakers = shown.map(({ id: sid }) => {
      const level = this.#levels.get(sid);
      return new SpeakerInfo({ sid, level: level ?? 0, active: level !== undefined });
    });
    return speakersFrame(speakers);
  }

  /** Somebody has joined: qualities and counts are due even if they do not change. */
  onArrival(): void {
    this.#toldQualities = "";
    this.#toldCounts = "";
  }

  end(): void {
    this.#ended = true;
    this.#forgetSpeakers();
    this.#cancelNext();
    this.wanting.end();
  }

  /**
   * The active speakers have changed, or one was hidden or unhidden. Sends the differences; a speaker that fell silent
   * has level 0.
   */
  tellSpeakers(): void {
    const before = this.#levels;
    const levels = this.#audible();
    this.#levels = levels;
    const speakers: SpeakerInfo[] = [];
    for (const sid of new Set([...before.keys(), ...levels.keys()])) {
      const level = levels.get(sid) ?? 0;
      if (level !== before.get(sid)) speakers.push(new SpeakerInfo({ sid, level, active: levels.has(sid) }));
    }
    if (speakers.length > 0) this.#tell(speakersFrame(speakers));
  }

  /** Levels of those who speak and are shown. */
  #audible(): ReadonlyMap<ParticipantId, number> {
    const levels = new Map<ParticipantId, number>();
    for (const { track, level } of this.#room.speakers.list) {
      const { publisher } = track;
      // The loudest comes first.
      if (isShown(publisher) && !levels.has(publisher.id)) levels.set(publisher.id, level);
    }
    return levels;
  }

  #schedule(): () => void {
    return this.#room.clock.after(INTERVAL_MS, () => {
      this.#cancelNext = this.#schedule();
      this.#tellCounts();
      void this.#measure();
    });
  }

  #tellCounts(): void {
    const room = roomInfo(this.#room);
    const counts = `${room.numParticipants} ${room.numPublishers}`;
    if (counts === this.#toldCounts) return;
    this.#toldCounts = counts;
    this.#tell(new ResponseFrame({ case: "roomUpdate", value: new RoomUpdate({ room }) }));
  }

  async #measure(): Promise<void> {
    const stats = await this.#room.stats();
    // A media thread that did not answer may do so the next time.
    if (this.#ended || stats === undefined) return;
    const shown = this.#room.participants.filter(isShown);
    const updates = [...this.#qualities.update(shown, stats)].map(
      ([{ id }, quality]) => new ConnectionQualityInfo({ participantSid: id, quality }),
    );
    const told = updates.map(({ participantSid, quality }) => `${participantSid} ${quality}`).join();
    if (told === this.#toldQualities) return;
    this.#toldQualities = told;
    this.#tell(
      new ResponseFrame({ case: "connectionQuality", value: new ConnectionQualityUpdate({ updates }) }),
    );
  }
}

function speakersFrame(speakers: SpeakerInfo[]): ResponseFrame {
  return new ResponseFrame({ case: "speakersChanged", value: new SpeakersChanged({ speakers }) });
}
