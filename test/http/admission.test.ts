/** Goal: hosts decide through the API who enters, and those who may not enter see nothing of the room. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Grants } from "../../src/control/access-token.ts";
import { claims, enter, must } from "../control/conference.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

const ADMIN = { roomAdmin: true };
const MEMBER = { roomJoin: true };

let server: Server;
let admin: string;
beforeEach(async () => {
  server = await serve();
  admin = await server.token("host", ADMIN);
});

const room = () => server.rooms.get("hall")!;
const knock = (identity: string) => server.rooms.knock("hall", { ...claims(identity), name: `${identity}!` });
const put = (path: string, payload: object, token = admin) =>
  ask(server, `PUT /v1/rooms/hall/${path}`, { token, payload });

describe("the lobby", () => {
  beforeEach(() => must(server.rooms.create("hall", { lobby: true })));

  test("is listed, and decided about", async () => {
    knock("ada");
    server.clock.pass(1_000);
    knock("b/o");
    const listed = await ask(server, "GET /v1/rooms/hall/lobby", { token: admin });
    expect(listed.json()).toEqual({
      waiting: [
        { identity: "ada", name: "ada!", since: "2023-11-14T22:13:20.000Z" },
        { identity: "b/o", name: "b/o!", since: "2023-11-14T22:13:21.000Z" },
      ],
    });
    const admitted = await put("lobby/b%2Fo", { admitted: true });
    expect([admitted.statusCode, admitted.body]).toEqual([204, ""]);
    await put("lobby/ada", { admitted: false });
    expect([knock("ada"), knock("b/o")]).toEqual(["admission_denied", null]);
    const after = await ask(server, "GET /v1/rooms/hall/lobby", { token: admin });
    expect(after.json()).toEqual({ waiting: [] });
  });

  test.each<[string, object]>([
    ["GET lobby", {}],
    ["PUT lobby/ada", { admitted: true }],
    ["GET bans", {}],
    ["PUT bans/ada", { until: null }],
    ["DELETE bans/ada", {}],
  ])("%s is for administrators of this room", async (request, payload) => {
    const [method, path] = request.split(" ") as [string, string];
    const tokens: [string, Partial<Grants>][] = [
      ["ada", MEMBER],
      ["host", { roomAdmin: true, room: "attic" }],
      ["", { roomCreate: true, roomList: true }],
    ];
    for (const [identity, grants] of tokens) {
      const token = await server.token(identity, grants);
      const body = method === "PUT" ? { payload } : {};
      const reply = await ask(server, `${method} /v1/rooms/hall/${path}`, { token, ...body });
      expectProblem(reply, 403, "forbidden");
    }
    expectProblem(await ask(server, `${method} /v1/rooms/hall/${path}`), 401, "unauthorized");
  });

  test.each<[string, object]>([
    ["lobby/ada", {}],
    ["lobby/ada", { admitted: "yes" }],
    ["lobby/ada", { admitted: true, until: null }],
    ["bans/ada", {}],
    ["bans/ada", { until: "tomorrow" }],
    ["bans/ada", { until: 7 }],
    ["bans/ada", { until: "2026-02-30T00:00:00Z" }],
    // In UTC it is in the year 10000, which RFC 3339 can not write.
    ["bans/ada", { until: "9999-12-31T23:59:59-00:01" }],
  ])("PUT %s does not take %j", async (path, payload) => {
    expectProblem(await put(path, payload), 400, "invalid_request");
  });

  test("is one of a room", async () => {
    room().delete();
    expectProblem(await ask(server, "GET /v1/rooms/hall/lobby", { token: admin }), 404, "room_not_found");
    expectProblem(await put("lobby/ada", { admitted: true }), 404, "room_not_found");
  });
});

describe("bans", () => {
  test("are made, listed and ended, and throw out who is there", async () => {
    enter(server.rooms, "ada");
    const since = "2023-11-14T22:13:20.000Z";
    expectProblem(await put("bans/ada", { until: since }), 400, "ban_over");
    expect(room().participants).toHaveLength(1);
    const made = await put("bans/ada", { until: "2023-11-15T00:13:21+02:00" });
    const ban = { identity: "ada", since, until: "2023-11-14T22:13:21.000Z" };
    expect([made.statusCode, made.json(), room().participants]).toEqual([200, ban, []]);
    server.clock.pass(1_000);
    expect((await ask(server, "GET /v1/rooms/hall/bans", { token: admin })).json()).toEqual({ bans: [] });

    await put("bans/bo", { until: null });
    await put("bans/ada", { until: "2023-11-14T22:13:22Z" });
    const listed = await ask(server, "GET /v1/rooms/hall/bans", { token: admin });
    expect(listed.json().bans).toEqual([
      { identity: "bo", since: "2023-11-14T22:13:21.000Z", until: null },
      { identity: "ada", since: "2023-11-14T22:13:21.000Z", until: "2023-11-14T22:13:22.000Z" },
    ]);
    const ended = await ask(server, "DELETE /v1/rooms/hall/bans/bo", { token: admin });
    expect([ended.statusCode, ended.body]).toEqual([204, ""]);
    const again = await ask(server, "DELETE /v1/rooms/hall/bans/bo", { token: admin });
    expectProblem(again, 404, "ban_not_found");
    expect([knock("ada"), knock("bo")]).toEqual(["banned", null]);
  });

  // The application vouches for identities, and means what it writes.
  test.each([
    ["\u00e9", "e\u0301"],
    ["ada", "Ada"],
    ["ada", "ada "],
    ["a/da", "a"],
    ["ada\0bo", "ada"],
    ["%61da", "ada"],
    ["\u{1f468}\u200d\u{1f9b0}", "\u{1f468}"],
    ["x".repeat(256), "x".repeat(255)],
  ])("are of the identity %j, and not of %j", async (identity, other) => {
    const path = `bans/${encodeURIComponent(identity)}`;
    expect((await put(path, { until: null })).json().identity).toBe(identity);
    expect([knock(identity), knock(other)]).toEqual(["banned", null]);
    await ask(server, `DELETE /v1/rooms/hall/${path}`, { token: admin });
    expect(knock(identity)).toBeNull();
  });

  test("keep a host out, and do not take its token from it", async () => {
    enter(server.rooms, "host", ADMIN);
    await put("bans/host", { until: null });
    expect([room().participants, server.rooms.check("hall", claims("host", ADMIN))]).toEqual([[], "banned"]);
    expect((await ask(server, "GET /v1/rooms/hall/participants", { token: admin })).statusCode).toBe(200);
    expect((await ask(server, "DELETE /v1/rooms/hall/bans/host", { token: admin })).statusCode).toBe(204);
  });

  test("are made and ended while the server drains", async () => {
    enter(server.rooms, "ada");
    server.rooms.drain();
    expect((await put("bans/ada", { until: null })).statusCode).toBe(200);
    expect(room().participants).toEqual([]);
    expect((await ask(server, "DELETE /v1/rooms/hall/bans/ada", { token: admin })).statusCode).toBe(204);
  });

  test("last until the last moment that can be written", async () => {
    const until = "9999-12-31T23:59:59.999Z";
    expect((await put("bans/ada", { until })).json()).toMatchObject({ until });
  });

  test("are refused when the room has as many as it may", async () => {
    for (let n = 0; n < 10_000; n++) must(server.rooms.ban("hall", `p${n}`, null));
    expectProblem(await put("bans/ada", { until: null }), 409, "too_many_bans");
  }, 30_000);

  test("fail loudly, and throw nobody out, when they can not be written", async () => {
    enter(server.rooms, "ada");
    server.bans.fails = true;
    const headers = { authorization: `Bearer ${admin}` };
    const url = "/v1/rooms/hall/bans/ada";
    const reply = await server.app.inject({ method: "PUT", url, headers, payload: { until: null } });
    expectProblem(reply, 500, "internal_error");
    expect(room().participants).toHaveLength(1);
  });
});

describe("who may not enter", () => {
  const CLOSED: readonly [code: string, close: () => void][] = [
    ["banned", () => must(server.rooms.ban("hall", "ada", null))],
    ["room_locked", () => must(room().setOptions({ locked: true }))],
    ["awaiting_admission", () => must(room().setOptions({ lobby: true }))],
    ["admission_denied", () => room().lobby.decide("ada", false)],
  ];

  test.each(CLOSED)("%s: sees nothing of the room", async (code, close) => {
    must(server.rooms.create("hall"));
    close();
    const token = await server.token("ada", MEMBER);
    for (const path of ["", "/participants", "/participants/bo", "/tracks", "/subscriptions"]) {
      expectProblem(await ask(server, `GET /v1/rooms/hall${path}`, { token }), 403, code);
    }
    const payload = { paused: true };
    const changed = await ask(server, "PATCH /v1/rooms/hall/subscriptions/x", { token, payload });
    expectProblem(changed, 403, code);
    // A token for lists of rooms shows this one as all others.
    const lister = await server.token("ada", { ...MEMBER, roomList: true });
    expect((await ask(server, "GET /v1/rooms/hall", { token: lister })).statusCode).toBe(200);
  });

  test.each(CLOSED)("%s: is told so by LiveKit's and by WHIP's way in", async (code, close) => {
    must(server.rooms.create("hall"));
    close();
    const token = await server.token("ada", MEMBER);
    const refused = await server.app.inject(`/rtc/validate?access_token=${token}`);
    const texts: Record<string, string> = {
      banned: "banned from the room",
      room_locked: "the room is locked",
      awaiting_admission: "waiting to be admitted",
      admission_denied: "admission was denied",
    };
    expect([refused.statusCode, refused.body]).toEqual([403, texts[code]]);
    const isWaiting = code === "awaiting_admission";
    expect(room().lobby.waiting.map(({ identity }) => identity)).toEqual(isWaiting ? ["ada"] : []);
  });
});

test("a room is locked and unlocked, and keeps its other settings", async () => {
  must(server.rooms.create("hall", { maxParticipants: 3 }));
  const locked = await ask(server, "PATCH /v1/rooms/hall", { token: admin, payload: { locked: true } });
  expect(locked.json()).toMatchObject({ locked: true, lobby: false, maxParticipants: 3 });
  expect(knock("ada")).toBe("room_locked");
  await ask(server, "PATCH /v1/rooms/hall", { token: admin, payload: { locked: false, lobby: true } });
  expect(knock("ada")).toBe("awaiting_admission");
});
