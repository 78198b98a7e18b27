/** Goal: a report says what the server knows without content, is bounded in number, and is gone after its time. */
import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import { type Complaint, type Report, Reports } from "../../src/control/reports.ts";
import {
  type Conference,
  conference,
  connect,
  enter,
  must,
  RecordingReportStore,
  section,
} from "./conference.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let hall: Conference;
let store: RecordingReportStore;
let reports: Reports;
let told: (Report | string)[];
let logged: string[];

beforeEach(() => {
  hall = conference();
  store = new RecordingReportStore();
  told = [];
  logged = [];
  reports = start();
});

function start(): Reports {
  return new Reports({
    rooms: hall.rooms,
    store,
    keepDays: 2,
    clock: hall.clock,
    log: pino({ base: null }, { write: (line) => void logged.push(JSON.parse(line).msg) }),
    onReport: (report, room) => void told.push(report, room?.id ?? "no room"),
  });
}

function report(reporter: string, change: Partial<Complaint> = {}, room = "hall") {
  return reports.add(room, reporter, { identity: "ada", reason: "spam", comment: "", ...change });
}

const kept = () => store.reports.map(({ reporter }) => reporter);

describe("a report", () => {
  test("says what the one it is about publishes, and is kept before anybody is told", () => {
    const ada = connect(hall.rooms, "ada");
    must(ada.publish(section("audio", { encryption: "gcm" })));
    must(ada.publish(section("video", { source: "screen_share" })));
    enter(hall.rooms, "bo");
    const made = must(report("bo", { reason: "hate", comment: "He said …" }));
    expect(made).toEqual({
      id: expect.stringMatching(/^RP_[\w-]{16}$/),
      atMs: hall.clock.nowMs(),
      room: "hall",
      roomSid: hall.rooms.get("hall")!.sid,
      reporter: "bo",
      reporterPresent: true,
      identity: "ada",
      present: true,
      tracks: [
        { kind: "audio", source: "microphone", encryption: "gcm" },
        { kind: "video", source: "screen_share", encryption: "none" },
      ],
      reason: "hate",
      comment: "He said …",
    });
    expect(store.reports).toEqual([{ ...made, number: 1 }]);
    expect(told).toEqual([made, "hall"]);
  });

  test("is taken of and from those who have left, and after the room has ended", () => {
    enter(hall.rooms, "ada").leave("client_left");
    const nobodyThere = { reporterPresent: false, present: false, tracks: [] };
    expect(must(report("bo"))).toMatchObject({ ...nobodyThere, roomSid: hall.rooms.get("hall")!.sid });
    hall.rooms.get("hall")!.delete();
    const late = must(report("bo"));
    expect(late).toMatchObject({ ...nobodyThere, roomSid: null });
    expect([told.slice(2), hall.rooms.list]).toEqual([[late, "no room"], []]);
  });

  test("is none, and nobody is told, when it can not be written", () => {
    store.fails = true;
    expect(() => report("bo")).toThrow("disk full");
    expect([kept(), told]).toEqual([[], []]);
  });
});

describe("there are no more than", () => {
  test("twenty of one reporter and room in an hour", () => {
    for (let n = 0; n < 20; n++) {
      hall.clock.pass(1_000);
      must(report("bo", { identity: `p${n}` }));
    }
    expect(report("bo")).toEqual({ ok: false, error: "reported_too_often" });
    expect([report("cy").ok, report("bo", {}, "attic").ok]).toEqual([true, true]);
    hall.clock.pass(HOUR_MS - 19_000);
    expect([report("bo").ok, report("bo").ok]).toEqual([true, false]);
    expect([store.reports.length, told.length]).toEqual([23, 46]);
  });

  test("a thousand of one room, until some are deleted", () => {
    for (let n = 0; n < 1_000; n++) must(report(`p${n}`));
    expect(report("bo")).toEqual({ ok: false, error: "too_many_reports" });
    expect(report("bo", {}, "attic").ok).toBe(true);
    must(reports.remove(store.reports[500]!.id));
    expect([report("bo").ok, report("cy").ok, told.length]).toEqual([true, false, 2_004]);
  });
});

describe("reports", () => {
  test("are read in pages, the earliest first, whether or not earlier ones are deleted", () => {
    for (const reporter of ["bo", "cy", "di"]) must(report(reporter));
    const page = (after: number, limit: number) => reports.page(after, limit);
    expect(page(0, 2).map(({ reporter }) => reporter)).toEqual(["bo", "cy"]);
    const last = page(0, 2).at(-1)!;
    must(reports.remove(last.id));
    expect(reports.remove(last.id)).toEqual({ ok: false, error: "report_not_found" });
    expect(page(last.number, 2).map(({ reporter }) => reporter)).toEqual(["di"]);
  });

  test("are deleted when their days are over: at the start, and within the hour", () => {
    must(report("bo"));
    hall.clock.pass(DAY_MS);
    must(report("cy"));
    hall.clock.pass(DAY_MS - 1);
    expect(kept()).toEqual(["bo", "cy"]);
    hall.clock.pass(HOUR_MS);
    expect(kept()).toEqual(["cy"]);
    reports.stop();
    hall.clock.pass(DAY_MS);
    expect(kept()).toEqual(["cy"]);
    reports = start();
    expect(kept()).toEqual([]);
  });

  test("that can not be deleted stop nothing, and are tried again", () => {
    must(report("bo"));
    hall.clock.pass(2 * DAY_MS - 1);
    store.fails = true;
    hall.clock.pass(1);
    expect(logged).toEqual(["old reports stay in the database"]);
    start().stop();
    expect([kept(), logged.length]).toEqual([["bo"], 2]);
    store.fails = false;
    hall.clock.pass(HOUR_MS);
    expect(kept()).toEqual([]);
  });
});
