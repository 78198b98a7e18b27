/** Goal: who is in a room can report others without learning anything, and nobody but the operator reads that. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Grants } from "../../src/control/access-token.ts";
import { connect, enter, must, section } from "../control/conference.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

const MEMBER = { roomJoin: true };
const COMPLAINT = { identity: "ada", reason: "harassment" };

let server: Server;
let member: string;
let operator: string;
beforeEach(async () => {
  server = await serve();
  member = await server.token("bo", MEMBER);
  operator = await server.token("", { roomList: true, roomCreate: true, room: "" });
});

const post = (payload: object = COMPLAINT, token = member, room = "hall") =>
  ask(server, `POST /v1/rooms/${room}/reports`, { token, payload });
const list = (query = "", token = operator) => ask(server, `GET /v1/reports${query}`, { token });
const counted = async (reason: string): Promise<string | undefined> =>
  (await ask(server, "GET /metrics")).body.match(
    new RegExp(`blindfold_reports_total{reason="${reason}"} (\\d+)`),
  )?.[1];

describe("a report", () => {
  test("is taken, counted, read by the operator, and deleted", async () => {
    must(connect(server.rooms, "ada").publish(section("audio", { encryption: "gcm" })));
    expect(await counted("hate")).toBe("0");
    const made = await post({ identity: "ada", reason: "hate", comment: "He said …" });
    expect([made.statusCode, Object.keys(made.json())]).toEqual([201, ["id"]]);
    expect((await list()).json()).toEqual({
      reports: [
        {
          id: made.json().id,
          at: "2023-11-14T22:13:20.000Z",
          room: "hall",
          roomId: server.rooms.get("hall")!.sid,
          reporter: "bo",
          reporterPresent: false,
          identity: "ada",
          present: true,
          tracks: [{ kind: "audio", source: "microphone", encryption: "gcm" }],
          reason: "hate",
          comment: "He said …",
        },
      ],
      next: 1,
    });
    expect([await counted("hate"), await counted("spam")]).toEqual(["1", "0"]);

    const request = `DELETE /v1/reports/${made.json().id}`;
    const deleted = await ask(server, request, { token: operator });
    expect([deleted.statusCode, deleted.body]).toEqual([204, ""]);
    expectProblem(await ask(server, request, { token: operator }), 404, "report_not_found");
    expect((await list()).json()).toEqual({ reports: [], next: 0 });
  });

  test("gets the same answer whether its identity is in the room, hidden there, or nowhere", async () => {
    enter(server.rooms, "ada");
    enter(server.rooms, "eye", { hidden: true });
    const replies = [];
    for (const identity of ["ada", "eye", "nobody"]) replies.push(await post({ ...COMPLAINT, identity }));
    for (const reply of replies) {
      expect([reply.statusCode, reply.body.length]).toEqual([201, replies[0]!.body.length]);
    }
    expect((await list()).json().reports.map((one: { present: boolean }) => one.present)).toEqual([
      true,
      true,
      false,
    ]);
  });

  test.each<[string, () => unknown]>([
    ["has banned the reporter", () => server.rooms.ban("hall", "bo", null)],
    ["has removed the reporter and locked the room", () => expel()],
    ["has ended the room", () => server.rooms.get("hall")!.delete()],
  ])("is taken though the host, who may be the reason, %s", async (_name, act) => {
    enter(server.rooms, "bo");
    act();
    expect((await post()).statusCode).toBe(201);
  });

  function expel(): void {
    const room = server.rooms.get("hall")!;
    room.participant("bo")!.leave("participant_removed");
    must(room.setOptions({ locked: true }));
  }

  test.each<[string, string, Partial<Grants>, string]>([
    ["for another room", "bo", { roomJoin: true, room: "attic" }, "forbidden"],
    ["that opens no room", "bo", { roomList: true, roomCreate: true }, "forbidden"],
    ["without an identity", "", { roomAdmin: true }, "identity_required"],
  ])("is not taken with a token %s", async (_name, identity, grants, code) => {
    expectProblem(await post(COMPLAINT, await server.token(identity, grants)), 403, code);
    expect(server.reportStore.reports).toEqual([]);
  });

  test.each<[object]>([
    [{}],
    [{ identity: "ada" }],
    [{ ...COMPLAINT, identity: "" }],
    [{ ...COMPLAINT, reason: "boredom" }],
    [{ ...COMPLAINT, comment: "x".repeat(2_001) }],
    [{ ...COMPLAINT, comment: null }],
    [{ ...COMPLAINT, present: true }],
  ])("is not taken of %j", async (payload) => {
    expectProblem(await post(payload), 400, "invalid_request");
  });

  test("fails loudly, and is not counted, when it can not be written", async () => {
    server.reportStore.fails = true;
    const headers = { authorization: `Bearer ${member}` };
    const url = "/v1/rooms/hall/reports";
    const reply = await server.app.inject({ method: "POST", url, headers, payload: COMPLAINT });
    expectProblem(reply, 500, "internal_error");
    expect(await counted("harassment")).toBe("0");
  });

  test("is refused when there are too many, and not counted", async () => {
    for (let n = 0; n < 20; n++) await post();
    expectProblem(await post(), 429, "reported_too_often");
    const [first] = server.reportStore.reports;
    for (let n = 20; n < 1_000; n++) server.reportStore.add({ ...first!, reporter: "cy" });
    expectProblem(await post(COMPLAINT, await server.token("di", MEMBER)), 409, "too_many_reports");
    expect(await counted("harassment")).toBe("20");
  });
});

describe("reports", () => {
  test("are listed in pages, from all rooms", async () => {
    for (const room of ["hall", "attic", "hall"]) {
      await post(COMPLAINT, await server.token("bo", { ...MEMBER, room }), room);
    }
    const first = (await list("?limit=2")).json();
    expect(first.reports.map(({ room }: { room: string }) => room)).toEqual(["hall", "attic"]);
    const second = (await list(`?limit=2&after=${first.next}`)).json();
    expect(second.reports.map(({ room }: { room: string }) => room)).toEqual(["hall"]);
    expect((await list(`?after=${second.next}`)).json()).toEqual({ reports: [], next: second.next });
  });

  test.each(["?after=-1", "?after=x", "?after=1.5", "?limit=0", "?limit=501", "?room=hall"])(
    "can not be asked for by %s",
    async (query) => {
      expectProblem(await list(query), 400, "invalid_request");
    },
  );

  test.each<[string, Partial<Grants>]>([
    ["hosts, who may be reported", { roomAdmin: true }],
    ["members", MEMBER],
    ["who may list rooms", { roomList: true }],
    ["who may make rooms", { roomCreate: true, roomAdmin: true }],
  ])("are neither shown to nor deleted by %s", async (_name, grants) => {
    const { id } = (await post()).json();
    const token = await server.token("ada", grants);
    expectProblem(await list("", token), 403, "forbidden");
    expectProblem(await ask(server, `DELETE /v1/reports/${id}`, { token }), 403, "forbidden");
    expect(server.reportStore.reports).toHaveLength(1);
  });
});
