/** What a room's clients are told of it from time to time: who speaks, who is well connected, and how many there are. */
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

/** Larger: a connection that gets worse, and the size of a large room, is shown later. Smaller: more work and messages. */
const INTERVAL_MS = 5_000;

export class RoomWatch {
  /** Asking all clients what they are to receive. */
  readonly wanting: RationedWork;
  readonly #room: Room;
  readonly #tell: (frame: ResponseFrame) => void;
  readonly #qualities = new ConnectionQualities();
  readonly #forgetSpeakers: () => void;
  #cancelNext: () => void;
  /** Levels as last told, in [0, 1]. */
  #levels: ReadonlyMap<ParticipantId, number> = new Map();
  #toldQualities = "";
  #toldCounts = "";
  #ended = false;

  /** `tell`: sends to all clients in the room. `want`: asks each what it is to receive; returns how many looks that took. */
  constructor(room: Room, tell: (frame: ResponseFrame) => void, want: () => number) {
    this.wanting = new RationedWork(room.clock, want);
    this.#room = room;
    this.#tell = tell;
    this.#forgetSpeakers = room.speakers.onChange(() => this.tellSpeakers());
    this.#cancelNext = this.#schedule();
  }

  /** Who speaks now, for somebody who has just come; null when nobody does. */
  speakers(): ResponseFrame | null {
    const speakers = [...this.#levels].map(([sid, level]) => new SpeakerInfo({ sid, level, active: true }));
    return speakers.length === 0 ? null : speakersFrame(speakers);
  }

  /** Who speaks now and who does not, for somebody who is back and may have missed that one fell silent. */
  voices(): ResponseFrame {
    const shown = this.#room.participants.filter(isShown);
    const speakers = shown.map(({ id: sid }) => {
      const level = this.#levels.get(sid);
      return new SpeakerInfo({ sid, level: level ?? 0, active: level !== undefined });
    });
    return speakersFrame(speakers);
  }

  /** Somebody has come who knows nothing of connections yet, and of the room how it is now. */
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
   * Others speak, or one of them is hidden or shown now. Only what has changed is told; who has fallen silent has level 0.
   */
  tellSpeakers(): void {
    const before = this.#levels;
    const levels = new Map<ParticipantId, number>();
    for (const { track, level } of this.#room.speakers.list) {
      const { publisher } = track;
      // The loudest comes first.
      if (isShown(publisher) && !levels.has(publisher.id)) levels.set(publisher.id, level);
    }
    this.#levels = levels;
    const speakers: SpeakerInfo[] = [];
    for (const sid of new Set([...before.keys(), ...levels.keys()])) {
      const level = levels.get(sid) ?? 0;
      if (level !== before.get(sid)) speakers.push(new SpeakerInfo({ sid, level, active: levels.has(sid) }));
    }
    if (speakers.length > 0) this.#tell(speakersFrame(speakers));
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
