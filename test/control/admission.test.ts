/** Goal: a room that is locked, has a lobby or has banned somebody lets in whom it should, by every way there is. */
import { beforeEach, describe, expect, test } from "vitest";
import { type RoomDefaults, Rooms } from "../../src/control/rooms.ts";
import { type Conference, claims, conference, enter, must } from "./conference.ts";

let hall: Conference;
beforeEach(() => begin());

function begin(defaults: Partial<RoomDefaults> = {}): void {
  hall = conference(defaults);
}

const check = (identity: string, change = {}) => hall.rooms.check("hall", claims(identity, change));
const knock = (identity: string, change = {}) => hall.rooms.knock("hall", claims(identity, change));
const room = () => hall.rooms.get("hall")!;
const waiting = (): string[] => room().lobby.waiting.map(({ identity }) => identity);

describe("a locked room", () => {
  test("lets in nobody but its administrators, those who are there, and those who were", () => {
    const ada = enter(hall.rooms, "ada");
    enter(hall.rooms, "bo").leave("connection_failed");
    must(room().setOptions({ locked: true }));
    expect(check("cy")).toBe("room_locked");
    expect(hall.rooms.join("hall", claims("cy"))).toEqual({ ok: false, error: "room_locked" });
    expect([check("ada"), check("bo"), check("cy", { roomAdmin: true })]).toEqual([null, null, null]);
    // The same with another client, in place of this one.
    ada.leave("duplicate_identity");
    expect(hall.rooms.join("hall", claims("ada"), ada).ok).toBe(true);
    must(room().setOptions({ locked: false }));
    expect(check("cy")).toBeNull();
  });

  test("stays closed to who was removed from it, and opens to who is admitted", () => {
    enter(hall.rooms, "ada").leave("participant_removed");
    must(room().setOptions({ locked: true }));
    expect(check("ada")).toBe("room_locked");
    room().lobby.decide("ada", true);
    expect(check("ada")).toBeNull();
  });

  test("is one from the beginning where it is made so, and the next of its name is not", () => {
    const first = must(hall.rooms.create("hall", { locked: true }));
    expect(check("ada")).toBe("room_locked");
    first.delete();
    expect(check("ada")).toBeNull();
  });

  test("takes who is moved or forwarded there: who may do that may admit", () => {
    enter(hall.rooms, "ada");
    const bo = enter(hall.rooms, "bo");
    must(hall.rooms.create("attic", { locked: true, lobby: true }));
    must(hall.rooms.move(bo, "attic"));
    expect(hall.rooms.check("attic", claims("bo", { room: "attic" }))).toBeNull();
    must(hall.rooms.forward(room().participant("ada")!, "attic"));
    // Only her media is there.
    expect(hall.rooms.check("attic", claims("ada", { room: "attic" }))).toBe("room_locked");
  });

  test("an administrator of another room is a stranger", () => {
    must(hall.rooms.create("hall", { locked: true }));
    const other = claims("ada", { roomAdmin: true, room: "attic" });
    expect(hall.rooms.closedTo("hall", other)).toBe("room_locked");
  });
});

describe("a lobby", () => {
  beforeEach(() => begin({ lobby: true }));

  test("holds who knocks until somebody decides", () => {
    expect(knock("ada")).toBe("awaiting_admission");
    expect(knock("bo")).toBe("awaiting_admission");
    expect(knock("host", { roomAdmin: true })).toBeNull();
    expect(waiting()).toEqual(["ada", "bo"]);
    room().lobby.decide("ada", true);
    room().lobby.decide("bo", false);
    expect([knock("ada"), knock("bo"), waiting()]).toEqual([null, "admission_denied", []]);
    expect(hall.rooms.join("hall", claims("ada")).ok).toBe(true);
    room().lobby.decide("bo", true);
    expect(knock("bo")).toBeNull();
  });

  test("is there before anybody is in the room, and a mere check opens none", () => {
    expect(check("ada")).toBe("awaiting_admission");
    expect(hall.rooms.join("hall", claims("ada"))).toEqual({ ok: false, error: "awaiting_admission" });
    expect(hall.rooms.list).toEqual([]);
    knock("ada");
    expect([hall.rooms.list.length, room().participants.length, waiting()]).toEqual([1, 0, ["ada"]]);
  });

  test.each([
    ["the token is not for the room", claims("ada", { room: "attic" }), "forbidden"],
    ["it names nobody", claims(""), "identity_required"],
  ])("opens no room when %s", (_name, token, error) => {
    expect(hall.rooms.knock("hall", token)).toBe(error);
    expect(hall.rooms.list).toEqual([]);
  });

  test("opens no room that a join could not", () => {
    begin({ lobby: true, autoCreate: false });
    expect(knock("ada")).toBe("room_not_found");
    expect(hall.rooms.knock("\n", claims("ada", { room: "\n" }))).toBe("room_not_found");
    begin({ lobby: true });
    expect(hall.rooms.knock("\n", claims("ada", { room: "\n" }))).toBe("invalid_room_name");
    hall.rooms.drain();
    expect(knock("ada")).toBe("draining");
    expect(hall.rooms.list).toEqual([]);
  });

  test("forgets who has given up, and knows since when the others have been there", () => {
    knock("ada");
    hall.clock.pass(20_000);
    knock("bo");
    knock("ada");
    hall.clock.pass(29_999);
    expect(waiting()).toEqual(["ada", "bo"]);
    const [ada, bo] = room().lobby.waiting;
    expect(bo!.sinceMs - ada!.sinceMs).toBe(20_000);
    knock("bo");
    hall.clock.pass(1);
    expect(waiting()).toEqual(["bo"]);
    // The time of day changes nothing.
    hall.clock.set(3_600_000);
    expect(waiting()).toEqual(["bo"]);
  });

  test("forgets who has given up though somebody who came before has not", () => {
    for (const identity of ["ada", "bo"]) knock(identity);
    hall.clock.pass(20_000);
    knock("ada");
    hall.clock.pass(10_000);
    expect(waiting()).toEqual(["ada"]);
  });

  test("tells of each once, and again when it has come back", () => {
    const told: string[] = [];
    hall.rooms.events.on((event) => {
      if (event.kind === "lobby.knocked") told.push(`${event.room.id} ${event.applicant.identity}`);
    });
    for (const identity of ["ada", "bo", "ada"]) knock(identity);
    expect(told).toEqual(["hall ada", "hall bo"]);
    hall.clock.pass(30_000);
    knock("ada");
    expect(told).toEqual(["hall ada", "hall bo", "hall ada"]);
  });

  test("takes a thousand", () => {
    for (let n = 0; n < 1_001; n++) expect(knock(`p${n}`)).toBe("awaiting_admission");
    expect([waiting().length, waiting().includes("p1000")]).toEqual([1_000, false]);
    // Who tries again keeps its place.
    hall.clock.pass(20_000);
    for (let n = 0; n < 1_000; n++) knock(`p${n}`);
    hall.clock.pass(10_000);
    expect(waiting()).toHaveLength(1_000);
    room().lobby.decide("p0", true);
    knock("p1000");
    expect(waiting().at(-1)).toBe("p1000");
  });

  test("who was removed has to ask again, and who left does not", () => {
    for (const identity of ["ada", "bo"]) {
      knock(identity);
      room().lobby.decide(identity, true);
    }
    enter(hall.rooms, "host", { roomAdmin: true });
    enter(hall.rooms, "ada").leave("participant_removed");
    enter(hall.rooms, "bo").leave("client_left");
    expect([knock("ada"), knock("bo")]).toEqual(["awaiting_admission", null]);
  });

  test("a denial holds for who is inside, once it is out, however it goes out and in", () => {
    begin();
    const ada = enter(hall.rooms, "ada");
    room().lobby.decide("ada", false);
    expect(check("ada")).toBeNull();
    // The same with another client, in place of this one.
    ada.leave("duplicate_identity");
    const again = must(hall.rooms.join("hall", claims("ada"), ada));
    enter(hall.rooms, "bo");
    again.leave("connection_failed");
    expect(check("ada")).toBe("admission_denied");
    enter(hall.rooms, "ada", { roomAdmin: true }).leave("participant_removed");
    expect(check("ada")).toBe("admission_denied");
  });

  test("who is moved there is admitted though it was denied, and who is forwarded there is not", () => {
    begin();
    const ada = enter(hall.rooms, "ada");
    const bo = enter(hall.rooms, "bo");
    const attic = must(hall.rooms.create("attic", { lobby: true }));
    for (const identity of ["ada", "bo"]) attic.lobby.decide(identity, false);
    must(hall.rooms.move(ada, "attic"));
    must(hall.rooms.forward(bo, "attic"));
    ada.leave("connection_failed");
    bo.leave("participant_removed");
    const refusals = ["ada", "bo"].map((identity) =>
      hall.rooms.check("attic", claims(identity, { room: "attic" })),
    );
    expect(refusals).toEqual([null, "admission_denied"]);
  });

  test("keeps a room without participants for as long as somebody waits", () => {
    let ended = 0;
    hall.rooms.events.on(({ kind }) => {
      if (kind === "room.finished") ended += 1;
    });
    const pass = (seconds: number): void => {
      for (let n = 0; n < seconds / 10; n++) {
        knock("ada");
        hall.clock.pass(10_000);
      }
    };
    pass(120);
    enter(hall.rooms, "host", { roomAdmin: true }).leave("client_left");
    pass(120);
    expect([ended, waiting()]).toEqual([0, ["ada"]]);
    hall.clock.pass(20_000);
    expect([ended, hall.rooms.list]).toEqual([1, []]);
  });

  test("does not end a room with participants when those who wait give up", () => {
    enter(hall.rooms, "host", { roomAdmin: true }).hold();
    knock("ada");
    hall.clock.pass(600_000);
    expect([hall.rooms.list.length, waiting()]).toEqual([1, []]);
  });

  test("lists people as they came, though somebody sets the time of day back", () => {
    knock("ada");
    hall.clock.set(-3_600_000);
    hall.clock.pass(1);
    knock("bo");
    knock("ada");
    expect(waiting()).toEqual(["ada", "bo"]);
  });

  test("that is made later does not throw anybody out, and one that is removed holds nobody back but who was denied", () => {
    begin();
    enter(hall.rooms, "ada");
    must(room().setOptions({ lobby: true }));
    expect([check("ada"), check("bo"), check("cy")]).toEqual([
      null,
      "awaiting_admission",
      "awaiting_admission",
    ]);
    room().lobby.decide("cy", false);
    must(room().setOptions({ lobby: false }));
    expect([check("bo"), check("cy")]).toEqual([null, "admission_denied"]);
  });

  test("admitted does not mean that there is a place", () => {
    begin({ lobby: true, maxParticipants: 1 });
    enter(hall.rooms, "host", { roomAdmin: true });
    expect(knock("ada")).toBe("awaiting_admission");
    room().lobby.decide("ada", true);
    expect(knock("ada")).toBe("room_full");
  });

  test("a room that never ends remembers the latest ten thousand decisions", () => {
    begin({ lobby: true });
    must(hall.rooms.create("hall"));
    for (let n = 0; n < 10_001; n++) room().lobby.decide(`p${n}`, true);
    room().lobby.decide("p1", true);
    expect([check("p0"), check("p1"), check("p10000")]).toEqual(["awaiting_admission", null, null]);
    room().lobby.decide("p10001", true);
    expect([check("p1"), check("p2")]).toEqual([null, "awaiting_admission"]);
  });
});

describe("a ban", () => {
  test("removes somebody, and keeps it out until it ends", () => {
    const ada = enter(hall.rooms, "ada");
    enter(hall.rooms, "bo");
    const reasons: string[] = [];
    hall.rooms.events.on((event) => {
      if (event.kind === "participant.left") reasons.push(`${event.participant.identity} ${event.reason}`);
    });
    const untilMs = hall.clock.nowMs() + 60_000;
    must(hall.rooms.ban("hall", "ada", untilMs));
    expect([reasons, room().participants.map(({ identity }) => identity)]).toEqual([
      ["ada participant_removed"],
      ["bo"],
    ]);
    expect([check("ada"), check("ada", { roomAdmin: true }), check("bo")]).toEqual([
      "banned",
      "banned",
      null,
    ]);
    expect(hall.rooms.join("hall", claims("ada"), null)).toEqual({ ok: false, error: "banned" });
    expect(ada.openTransport(claims("ada").grants, null)).toEqual({ ok: false, error: "left" });
    hall.clock.pass(59_999);
    expect(check("ada")).toBe("banned");
    hall.clock.pass(1);
    expect([check("ada"), hall.rooms.bansOf("hall")]).toEqual([null, []]);
  });

  test("that would be over already is none", () => {
    const ada = enter(hall.rooms, "ada");
    const over = { ok: false, error: "ban_over" };
    expect(hall.rooms.ban("hall", "ada", hall.clock.nowMs())).toEqual(over);
    expect([room().participants, hall.bans.bans]).toEqual([[ada], []]);
  });

  test("is for one room, whether it exists or not, and for each of its name", () => {
    must(hall.rooms.ban("hall", "ada", null));
    expect(hall.rooms.list).toEqual([]);
    expect(check("ada")).toBe("banned");
    expect(hall.rooms.check("attic", claims("ada", { room: "attic" }))).toBeNull();
    must(hall.rooms.create("hall")).delete();
    hall.clock.pass(1e12);
    expect(check("ada")).toBe("banned");
    must(hall.rooms.unban("hall", "ada"));
    expect([check("ada"), hall.rooms.unban("hall", "ada")]).toEqual([
      null,
      { ok: false, error: "ban_not_found" },
    ]);
  });

  test("keeps out who would be moved or forwarded", () => {
    const ada = enter(hall.rooms, "ada");
    must(hall.rooms.ban("attic", "ada", null));
    expect(hall.rooms.move(ada, "attic")).toEqual({ ok: false, error: "banned" });
    expect(hall.rooms.forward(ada, "attic")).toEqual({ ok: false, error: "banned" });
    expect(hall.rooms.list).toHaveLength(1);
  });

  test("takes back what was decided for who is not inside, and takes it off the lobby", () => {
    begin({ lobby: true });
    enter(hall.rooms, "host", { roomAdmin: true });
    for (const identity of ["ada", "bo", "cy"]) knock(identity);
    room().lobby.decide("ada", true);
    room().lobby.decide("cy", false);
    for (const identity of ["ada", "bo", "cy"]) must(hall.rooms.ban("hall", identity, null));
    expect(waiting()).toEqual([]);
    for (const identity of ["ada", "bo", "cy"]) must(hall.rooms.unban("hall", identity));
    expect([check("ada"), check("bo"), check("cy")]).toEqual([
      "awaiting_admission",
      "awaiting_admission",
      "admission_denied",
    ]);
  });

  test("ends the forwarding of who is forwarded there", () => {
    const ada = enter(hall.rooms, "ada");
    const attic = must(hall.rooms.forward(ada, "attic"));
    must(hall.rooms.ban("attic", "ada", null));
    expect([attic.participants, room().participants]).toEqual([[], [ada]]);
  });

  test("is written before it counts, and not forgotten before that is written", () => {
    const ada = enter(hall.rooms, "ada");
    hall.bans.fails = true;
    expect(() => hall.rooms.ban("hall", "ada", null)).toThrow("disk full");
    expect([check("ada"), room().participants]).toEqual([null, [ada]]);
    hall.bans.fails = false;
    must(hall.rooms.ban("hall", "ada", null));
    hall.bans.fails = true;
    expect(() => hall.rooms.unban("hall", "ada")).toThrow("disk full");
    expect(check("ada")).toBe("banned");
  });

  test("is replaced by a later one, and ten thousand fit into a room", () => {
    for (let n = 0; n < 10_000; n++)
      hall.bans.put({ room: "hall", identity: `p${n}`, sinceMs: n, untilMs: null });
    hall.bans.put({ room: "attic", identity: "ada", sinceMs: 0, untilMs: null });
    const rooms = new Rooms(
      { ...conference().rooms.rulesOf("hall"), autoCreate: true } as RoomDefaults,
      hall.surroundings,
      { bans: hall.bans, revocations: hall.revocations },
    );
    expect(rooms.ban("hall", "ada", null)).toEqual({ ok: false, error: "too_many_bans" });
    const untilMs = hall.clock.nowMs() + 1;
    const again = must(rooms.ban("hall", "p0", untilMs));
    expect(rooms.bansOf("hall").at(-1)).toEqual(again);
    hall.clock.pass(1);
    expect(rooms.ban("hall", "ada", null).ok).toBe(true);
    expect(rooms.bansOf("hall")).toHaveLength(10_000);
    expect(rooms.bansOf("attic")).toHaveLength(1);
  });
});
