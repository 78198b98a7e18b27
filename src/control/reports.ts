/**
 * Reports of abuse, from people in a room to the operator, who reads no content: each is kept with what the server knows
 * without that. It is written to the store before it counts, and deleted some days later.
 */
import type { Logger } from "pino";
import type { MediaKind } from "../base/codec.ts";
import type { ReportId, RoomSid } from "../base/ids.ts";
import type { ReportReason } from "../base/report-reason.ts";
import type { TrackSource } from "./access-token.ts";
import type { Clock } from "./clock.ts";
import { randomId } from "./random.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { TrackEncryption } from "./track.ts";

/** What the reporter says. */
export interface Complaint {
  /** Of whom it is about: never checked, so that nobody learns by reporting who is hidden in a room. */
  readonly identity: string;
  readonly reason: ReportReason;
  readonly comment: string;
}

/** What the server knows. */
interface Circumstances {
  readonly reporterPresent: boolean;
  /** Whether the one it is about was in the room. */
  readonly present: boolean;
  /** What that one published, as it was declared. */
  readonly tracks: readonly {
    readonly kind: MediaKind;
    readonly source: TrackSource;
    readonly encryption: TrackEncryption;
  }[];
}

export interface Report extends Complaint, Circumstances {
  readonly id: ReportId;
  /** Since 1970. */
  readonly atMs: number;
  readonly room: string;
  /** Null when there was no room of this name, as after its end. */
  readonly roomSid: RoomSid | null;
  readonly reporter: string;
}

/** Keeps reports beyond this process, and numbers them in the order in which they came. All throw when that fails. */
export interface ReportStore {
  add(report: Report): void;
  countOf(room: string): number;
  /** What `reporter` has reported of this room since then. */
  countBy(reporter: string, room: string, sinceMs: number): number;
  /** The earliest, of those with a number above `after`. */
  page(after: number, limit: number): readonly (Report & { readonly number: number })[];
  /** Whether there was one. */
  delete(id: string): boolean;
  deleteUntil(timeMs: number): void;
}

export type ReportError = "reported_too_often" | "too_many_reports";

/** Larger: one token can fill a room's share. Smaller: a raid by many can not be reported one by one. */
const MAX_PER_REPORTER = 20;
const REPORTER_WINDOW_MS = 3_600_000;

/** Larger: one room's members take more disk. Smaller: they can sooner keep others from reporting. */
const MAX_PER_ROOM = 1_000;

/** Larger: reports are kept for so much longer than the settings say. Smaller: the disk is looked at more often. */
const SWEEP_MS = 3_600_000;

const DAY_MS = 86_400_000;

export interface ReportsDeps {
  readonly rooms: Rooms;
  readonly store: ReportStore;
  readonly keepDays: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each report, once it is stored. `room`: where it happened, if that has not ended. */
  onReport(report: Report, room: Room | undefined): void;
}

export class Reports {
  readonly #deps: ReportsDeps;
  #cancelSweep: () => void = () => {};

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
    this.#sweep();
  }

  /** `name`: of a room, which need not exist any more. The caller has checked that `reporter` may join it. */
  add(name: string, reporter: string, complaint: Complaint): Result<Report, ReportError> {
    const { rooms, store, clock, onReport } = this.#deps;
    const atMs = clock.nowMs();
    if (store.countBy(reporter, name, atMs - REPORTER_WINDOW_MS) >= MAX_PER_REPORTER)
      return fail("reported_too_often");
    if (store.countOf(name) >= MAX_PER_ROOM) return fail("too_many_reports");
    const room = rooms.get(name);
    const report: Report = {
      id: randomId<ReportId>("RP"),
      atMs,
      room: name,
      roomSid: room?.sid ?? null,
      reporter,
      ...complaint,
      ...circumstances(room, reporter, complaint.identity),
    };
    store.add(report);
    onReport(report, room);
    return ok(report);
  }

  /** The earliest first, each with its number; `after`: the number of the last one that is known. */
  page(after: number, limit: number): ReturnType<ReportStore["page"]> {
    return this.#deps.store.page(after, limit);
  }

  remove(id: string): Result<null, "report_not_found"> {
    return this.#deps.store.delete(id) ? ok(null) : fail("report_not_found");
  }

  stop(): void {
    this.#cancelSweep();
  }

  #sweep(): void {
    const { store, clock, keepDays, log } = this.#deps;
    try {
      store.deleteUntil(clock.nowMs() - keepDays * DAY_MS);
    } catch (error) {
      // A full disk must not keep the server from starting or going on: the next sweep tries again.
      log.error({ err: error }, "old reports stay in the database");
    }
    this.#cancelSweep = clock.after(SWEEP_MS, () => this.#sweep());
  }
}

function circumstances(room: Room | undefined, reporter: string, identity: string): Circumstances {
  const reported = room?.participant(identity);
  const sections = reported?.tracks.map(({ section }) => section) ?? [];
  return {
    reporterPresent: room?.participant(reporter) !== undefined,
    present: reported !== undefined,
    tracks: sections.map(({ kind, source, encryption }) => ({ kind, source, encryption })),
  };
}
