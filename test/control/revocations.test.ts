/** Goal: a token from before its revocation lets nobody in, a later one does, and both after a restart, too. */
import { beforeEach, expect, test } from "vitest";
import type { Claims } from "../../src/control/access-token.ts";
import { type RoomDefaults, Rooms } from "../../src/control/rooms.ts";
import { type Conference, claims, conference, enter, must } from "./conference.ts";

const DAY_MS = 86_400_000;

let hall: Conference;
let nowSeconds: number;
beforeEach(() => {
  hall = conference();
  nowSeconds = hall.clock.nowMs() / 1000;
});

const token = (validFromSeconds: number, identity = "ada"): Claims => ({
  ...claims(identity),
  validFromSeconds,
});
const revoke = (beforeSeconds = nowSeconds, room = "hall") => hall.rooms.revoke(room, "ada", beforeSeconds);

test("who is there is removed, and comes back with a new token alone", () => {
  const ada = enter(hall.rooms, "ada");
  const bo = enter(hall.rooms, "bo");
  must(revoke());
  expect(ada.room.participants).toEqual([bo]);
  const check = (claimed: Claims) => [
    hall.rooms.check("hall", claimed),
    hall.rooms.closedTo("hall", claimed),
  ];
  // One that does not say since when it is valid is an old one.
  for (const from of [0, nowSeconds - 1, nowSeconds - 0.001]) {
    expect(check(token(from))).toEqual(["forbidden", "forbidden"]);
    expect(hall.rooms.join("hall", token(from))).toEqual({ ok: false, error: "forbidden" });
  }
  expect(check(token(nowSeconds))).toEqual([null, null]);
  expect(check(token(0, "bo"))).toEqual([null, null]);
  expect(hall.rooms.check("attic", { ...claims("ada", { room: "attic" }) })).toBeNull();
});

test("roomAdmin makes an old token no better", () => {
  must(revoke());
  expect(hall.rooms.check("hall", claims("ada", { roomAdmin: true }))).toBe("forbidden");
});

test("an earlier moment takes nothing back, and one far ahead is a mistake", () => {
  must(revoke(nowSeconds));
  must(revoke(nowSeconds - 100));
  expect(hall.rooms.check("hall", token(nowSeconds - 1))).toBe("forbidden");
  must(revoke(nowSeconds + 86_400));
  expect(hall.rooms.check("hall", token(nowSeconds + 86_399))).toBe("forbidden");
  expect(revoke(nowSeconds + 86_401)).toEqual({ ok: false, error: "revoked_ahead" });
});

test("is written before it counts", () => {
  const ada = enter(hall.rooms, "ada");
  hall.revocations.fails = true;
  expect(() => revoke()).toThrow("disk full");
  expect([ada.room.participants, hall.rooms.check("hall", token(0))]).toEqual([[ada], null]);
});

test("is known to the next process, and remembered for thirty days", () => {
  must(revoke());
  const defaults = { ...hall.rooms.rulesOf("hall"), autoCreate: true } as RoomDefaults;
  const next = new Rooms(defaults, hall.surroundings, hall);
  expect(next.check("hall", token(0))).toBe("forbidden");
  hall.clock.pass(30 * DAY_MS - 1);
  must(revoke(nowSeconds, "attic"));
  expect(hall.rooms.check("hall", token(0))).toBe("forbidden");
  hall.clock.pass(1);
  must(revoke(nowSeconds, "cellar"));
  expect(hall.rooms.check("hall", token(0))).toBeNull();
  expect(hall.rooms.check("attic", { ...claims("ada", { room: "attic" }) })).toBe("forbidden");
});
