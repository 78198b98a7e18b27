import { beforeEach, describe, expect, test } from "vitest";
import type { RoomId } from "../../src/base/ids.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import type { Grants } from "../../src/control/access-token.ts";
import { connect, enter, must, section, VP8 } from "../control/conference.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

let server: Server;
beforeEach(async () => {
  server = await serve();
});

const ROOM = {
  id: expect.stringMatching(/^RM_/),
  name: "hall",
  createdAt: "2023-11-14T22:13:20.000Z",
  participants: 0,
  tracks: 0,
  dominantSpeaker: null,
  maxParticipants: 10,
  maxTracksPerParticipant: 4,
  emptyTimeoutSeconds: 60,
  departureTimeoutSeconds: 20,
  e2ee: "optional",
  e2eeGuard: "report",
  loudestAudios: "all",
  lastVideos: "all",
  locked: false,
  lobby: false,
  metadata: "",
};

describe("rooms", () => {
  test("are created, listed, looked at, changed and deleted", async () => {
    const creator = await server.token("", { roomCreate: true, roomList: true });
    const admin = await server.token("", { roomAdmin: true });
    const payload = { name: "hall", e2ee: "required", loudestAudios: 3 };
    const created = await ask(server, "POST /v1/rooms", { token: creator, payload });
    expect(created.statusCode).toBe(201);
    expect(created.headers.location).toBe("/v1/rooms/hall");
    expect(created.json()).toEqual({ ...ROOM, e2ee: "required", loudestAudios: 3 });
    expectProblem(await ask(server, "POST /v1/rooms", { token: creator, payload }), 409, "room_exists");

    const changed = await ask(server, "PATCH /v1/rooms/hall", {
      token: admin,
      payload: { maxParticipants: 3, loudestAudios: "all", lastVideos: 7 },
    });
    expect(changed.json()).toEqual({ ...ROOM, e2ee: "required", maxParticipants: 3, lastVideos: 7 });
    expect(server.rooms.get("hall")!.options.maxParticipants).toBe(3);
    const listed = await ask(server, "GET /v1/rooms", { token: creator });
    expect(listed.json()).toEqual({ rooms: [changed.json()] });
    const looked = await ask(server, "GET /v1/rooms/hall", { token: admin });
    expect(looked.json()).toEqual(changed.json());

    const deleted = await ask(server, "DELETE /v1/rooms/hall", { token: admin });
    expect([deleted.statusCode, deleted.body]).toEqual([204, ""]);
    expectProblem(await ask(server, "GET /v1/rooms/hall", { token: admin }), 404, "room_not_found");
  });

  test.each([
    { "content-type": "application/json" },
    { "content-type": "application/json", "transfer-encoding": "chunked" },
    { "content-type": "text/plain", "content-length": "0" },
  ])("are deleted without a body, whatever type it is said to have: %j", async (headers) => {
    server.rooms.create("hall");
    const token = await server.token("", { roomAdmin: true });
    expect((await ask(server, "DELETE /v1/rooms/hall", { token, headers })).statusCode).toBe(204);
    expect(server.rooms.list).toEqual([]);
  });

  test("have names of any script, which survive the way through a URL", async () => {
    const name = "Ümläut / 🎤 #1?";
    const token = await server.token("", { roomCreate: true, roomAdmin: true, room: name });
    const created = await ask(server, "POST /v1/rooms", { token, payload: { name } });
    const looked = await ask(server, `GET ${created.headers.location}`, { token });
    expect(looked.json().name).toBe(name);
  });

  test.each([
    [{}, "body/name"],
    [{ name: "" }, "body/name"],
    [{ name: "x", maxParticipants: 0 }, "body/maxParticipants"],
    [{ name: "x", e2ee: "maybe" }, "body/e2ee"],
    [{ name: "x", e2eeGuard: "perhaps" }, "body/e2eeGuard"],
    [{ name: "x", loudestAudios: 0 }, "body/loudestAudios"],
    [{ name: "x", lastVideos: "some" }, "body/lastVideos"],
    [{ name: "x", limit: 1 }, "body"],
    [[], "body"],
  ])("are not made from %j", async (payload, path) => {
    const token = await server.token("", { roomCreate: true });
    const response = await ask(server, "POST /v1/rooms", { token, payload });
    expectProblem(response, 400, "invalid_request");
    expect(response.json().errors[0].path).toBe(path);
  });

  test("with a name that cannot be shown are refused", async () => {
    const token = await server.token("", { roomCreate: true });
    const response = await ask(server, "POST /v1/rooms", { token, payload: { name: "a\u0000b" } });
    expectProblem(response, 400, "invalid_room_name");
  });
});

describe("participants", () => {
  const LIST = "GET /v1/rooms/hall/participants";

  beforeEach(() => {
    server.thread.measured = {};
  });

  test("are listed with what the others may know", async () => {
    const transport = connect(server.rooms, "ada");
    const track = must(transport.publish(section("audio")));
    const listed = await ask(server, LIST, { token: await server.token("bo", { roomJoin: true }) });
    expect(listed.json()).toEqual({
      participants: [
        {
          id: transport.participant.id,
          identity: "ada",
          name: "",
          metadata: "",
          attributes: {},
          hidden: false,
          joinedAt: "2023-11-14T22:13:20.000Z",
          connections: [
            {
              id: transport.id,
              state: "new",
              estimateBps: null,
              allottedBps: null,
              rttUs: null,
              fractionLost: null,
            },
          ],
          tracks: [track.id],
          speaking: false,
          level: 0,
        },
      ],
    });
  });

  test("are looked at with what is known of their paths", async () => {
    const { id } = connect(server.rooms, "ada");
    const path = { estimateBps: 800_000, allottedBps: 600_000, rttUs: 50_000, fractionLost: 0.1 };
    server.thread.measured = { transports: [{ transportId: id, ...path }] };
    const token = await server.token("ada", { roomJoin: true });
    const [connection] = (await ask(server, `${LIST}/ada`, { token })).json().connections;
    expect(connection).toEqual({ id, state: "new", ...path });
  });

  test("are shown with who speaks, and the room with who has the floor", async () => {
    const [ada, bo] = [connect(server.rooms, "ada"), connect(server.rooms, "bo", { hidden: true })];
    const tracks = [ada, bo].map((transport) => must(transport.publish(section("audio"))).id);
    const seen = async (token: string) => {
      const { participants } = (await ask(server, LIST, { token })).json();
      const { dominantSpeaker } = (await ask(server, "GET /v1/rooms/hall", { token })).json();
      const shown = participants.map((one: { identity: string; speaking: boolean; level: number }) => [
        one.identity,
        one.speaking,
        one.level,
      ]);
      return { shown, dominantSpeaker };
    };
    const speakers = [{ trackId: tracks[0]!, level: 0.25 }];
    const member = await server.token("cy", { roomJoin: true });
    const admin = await server.token("", { roomAdmin: true });
    const roomId = "hall" as RoomId;
    server.thread.emit({ kind: "room.speakers", roomId, speakers, dominant: tracks[0]! });
    expect(await seen(member)).toEqual({ shown: [["ada", true, 0.25]], dominantSpeaker: "ada" });
    server.thread.emit({ kind: "room.speakers", roomId, speakers: [], dominant: tracks[1]! });
    expect(await seen(member)).toEqual({ shown: [["ada", false, 0]], dominantSpeaker: null });
    expect((await seen(admin)).dominantSpeaker).toBe("bo");
  });

  test("who are hidden are seen by themselves and admins only", async () => {
    enter(server.rooms, "ghost", { hidden: true });
    const seenBy = async (token: string) => [
      (await ask(server, LIST, { token })).json().participants.length,
      (await ask(server, `${LIST}/ghost`, { token })).statusCode,
    ];
    expect(await seenBy(await server.token("bo", { roomJoin: true }))).toEqual([0, 404]);
    expect(await seenBy(await server.token("ghost", { roomJoin: true }))).toEqual([1, 200]);
    expect(await seenBy(await server.token("", { roomAdmin: true }))).toEqual([1, 200]);
  });

  test("who are hidden, and their tracks, are counted for admins and themselves only", async () => {
    must(connect(server.rooms, "ghost", { hidden: true }).publish(section("audio")));
    enter(server.rooms, "ada");
    const countedFor = async (identity: string, grants: Partial<Grants>) => {
      const token = await server.token(identity, grants);
      const { participants, tracks } = (await ask(server, "GET /v1/rooms/hall", { token })).json();
      return [participants, tracks];
    };
    expect(await countedFor("bo", { roomJoin: true })).toEqual([1, 0]);
    expect(await countedFor("ghost", { roomJoin: true })).toEqual([2, 1]);
    expect(await countedFor("", { roomAdmin: true })).toEqual([2, 1]);
  });

  test("are removed by admins", async () => {
    const transport = connect(server.rooms, "ada");
    const admin = await server.token("", { roomAdmin: true });
    const url = "/v1/rooms/hall/participants/ada";
    expect((await ask(server, `DELETE ${url}`, { token: admin })).statusCode).toBe(204);
    expect(transport.state).toEqual({ kind: "closed", reason: "participant_removed" });
    expectProblem(await ask(server, `DELETE ${url}`, { token: admin }), 404, "participant_not_found");
  });
});

describe("tracks", () => {
  test("of hidden participants are seen by themselves and admins only", async () => {
    must(connect(server.rooms, "ghost", { hidden: true }).publish(section("audio")));
    const seenBy = async (token: string) => {
      const asked = ask(server, "GET /v1/rooms/hall/tracks", { token });
      const requestId = await statsRequest(server);
      server.thread.answer(requestId, {});
      return (await asked).json().tracks.length;
    };
    expect(await seenBy(await server.token("bo", { roomJoin: true }))).toBe(0);
    expect(await seenBy(await server.token("ghost", { roomJoin: true }))).toBe(1);
    expect(await seenBy(await server.token("", { roomAdmin: true }))).toBe(1);
  });

  test("are listed with what the media thread measures", async () => {
    const track = must(connect(server.rooms, "ada").publish(section("video", { encryption: "gcm" })));
    server.thread.codec(track.id, VP8);
    const token = await server.token("bo", { roomJoin: true });
    const asked = ask(server, "GET /v1/rooms/hall/tracks", { token });
    const requestId = await statsRequest(server);
    const layer = { spatial: 0, rid: "q", active: true, bitrateBps: 150_000 };
    const layers = [{ ...layer, packets: 10, packetsLost: 1, maxTemporal: 2 }];
    const upTracks = [{ trackId: track.id, codec: "VP8" as const, layers, dependencyDescriptor: true }];
    server.thread.emit({ kind: "up-track.wanted", trackId: track.id, spatial: 1 });
    server.thread.answer(requestId, { upTracks });
    expect((await asked).json()).toEqual({
      tracks: [
        {
          id: track.id,
          participant: "ada",
          mid: "video",
          kind: "video",
          source: "camera",
          codec: "VP8",
          encryption: "gcm",
          muted: false,
          suspect: false,
          layers,
          dependencyDescriptor: true,
          backup: null,
          wantedSpatial: 1,
        },
      ],
    });
  });

  test("are listed without measurements when the media thread is silent", async () => {
    must(connect(server.rooms, "ada").publish(section("video")));
    const token = await server.token("bo", { roomJoin: true });
    const asked = ask(server, "GET /v1/rooms/hall/tracks", { token });
    await statsRequest(server);
    server.clock.pass(1_000);
    expect((await asked).json().tracks).toMatchObject([
      { codec: null, layers: null, dependencyDescriptor: null, wantedSpatial: null },
    ]);
  });

  test("are muted by admins", async () => {
    const track = must(connect(server.rooms, "ada").publish(section("audio")));
    const token = await server.token("", { roomAdmin: true });
    const url = "PATCH /v1/rooms/hall/tracks";
    const asked = ask(server, `${url}/${track.id}`, { token, payload: { muted: true } });
    await statsRequest(server);
    server.clock.pass(1_000);
    expect((await asked).json()).toMatchObject({ id: track.id, muted: true });
    expect(server.thread.sent("up-track.mute")).toEqual([
      { kind: "up-track.mute", trackId: track.id, muted: true },
    ]);
    const unknown = await ask(server, `${url}/TR_x`, { token, payload: { muted: true } });
    expectProblem(unknown, 404, "track_not_found");
  });

  test("are not opened by admins when their publisher has muted them", async () => {
    const track = must(connect(server.rooms, "ada").publish(section("audio")));
    track.setMuted(true);
    const token = await server.token("", { roomAdmin: true });
    const request = `PATCH /v1/rooms/hall/tracks/${track.id}`;
    const refused = await ask(server, request, { token, payload: { muted: false } });
    expectProblem(refused, 409, "muted_by_publisher");
    expect(track.muted).toBe(true);
  });
});

describe("subscriptions", () => {
  const LIST = "GET /v1/rooms/hall/subscriptions";

  /** ada publishes; bo and cy each watch with one section. */
  function watched() {
    const track = must(connect(server.rooms, "ada").publish(section("video")));
    server.thread.codec(track.id, VP8);
    const slots = ["bo", "cy"].map((identity) => {
      const viewer = connect(server.rooms, identity);
      const slot = must(viewer.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
      must(viewer.watch({}));
      return slot;
    });
    return { track, slots };
  }

  async function silently(asked: ReturnType<typeof ask>) {
    await statsRequest(server);
    server.clock.pass(1_000);
    return asked;
  }

  test("are shown with layers and rates: one's own, or all to admins", async () => {
    const { track, slots } = watched();
    const { subscriptionId } = slots[0]!.section;
    const current = { spatial: 1, temporal: 2 };
    server.thread.emit({ kind: "down-track.layer", subscriptionId, current });
    const allotted = { layers: current, reason: "limited: 180 kbit/s left, next layer needs 220 more" };
    server.thread.emit({ kind: "down-track.allotted", subscriptionId, cause: "bandwidth", ...allotted });
    const asked = ask(server, LIST, { token: await server.token("bo", { roomJoin: true }) });
    const requestId = await statsRequest(server);
    const measured = { bitrateBps: 9, packets: 8, retransmitted: 7, fractionLost: 0.5, rttUs: 0 };
    const downTracks = [{ subscriptionId, current, ...measured }];
    server.thread.answer(requestId, { downTracks });
    expect((await asked).json()).toEqual({
      subscriptions: [
        {
          id: subscriptionId,
          subscriber: "bo",
          publisher: "ada",
          track: track.id,
          kind: "video",
          mid: "0",
          preference: NO_PREFERENCE,
          codec: "VP8",
          current,
          allotted,
          ...measured,
          rttUs: null,
        },
      ],
    });
    const all = await silently(ask(server, LIST, { token: await server.token("", { roomAdmin: true }) }));
    expect(all.json().subscriptions).toHaveLength(2);
  });

  test("are changed by their owner and by admins, not by others", async () => {
    const { slots } = watched();
    const { subscriptionId } = slots[0]!.section;
    const url = `PATCH /v1/rooms/hall/subscriptions/${subscriptionId}`;
    const payload = {
      paused: true,
      maximum: { spatial: 1, temporal: 1 },
      visible: { width: 640, height: 360 },
    };
    const own = await server.token("bo", { roomJoin: true });
    const changed = await silently(ask(server, url, { token: own, payload }));
    expect(changed.json().preference).toEqual({ ...NO_PREFERENCE, ...payload });
    expect(server.thread.sent("down-track.prefer")).toHaveLength(1);

    const admin = await server.token("", { roomAdmin: true });
    const resumed = await silently(
      ask(server, url, { token: admin, payload: { paused: false, pinned: true } }),
    );
    expect(resumed.json().preference).toEqual({ ...NO_PREFERENCE, ...payload, paused: false, pinned: true });
    const anySize = await silently(ask(server, url, { token: own, payload: { visible: null } }));
    expect(anySize.json().preference.visible).toBeNull();

    const other = await server.token("cy", { roomJoin: true });
    expectProblem(await ask(server, url, { token: other, payload }), 404, "subscription_not_found");
    const none = await ask(server, url, { token: own, payload: {} });
    expectProblem(none, 400, "invalid_request");
    const layer = { preferred: { spatial: 4, temporal: 0 } };
    expectProblem(await ask(server, url, { token: own, payload: layer }), 400, "invalid_request");
  });
});

describe("every route asks for the grant that it names", () => {
  const MEMBER = { roomJoin: true };
  const ADMIN = { roomAdmin: true };
  test.each([
    ["POST /v1/rooms", [{ roomCreate: true }], [MEMBER, ADMIN, { roomList: true }]],
    ["GET /v1/rooms", [{ roomList: true }], [MEMBER, ADMIN, { roomCreate: true }]],
    ["GET /v1/rooms/hall", [MEMBER, ADMIN, { roomList: true }], [{ roomCreate: true }]],
    ["PATCH /v1/rooms/hall", [ADMIN], [MEMBER, { roomList: true, roomCreate: true }]],
    ["DELETE /v1/rooms/hall", [ADMIN, { roomCreate: true }], [MEMBER, { roomList: true }]],
    ["GET /v1/rooms/hall/participants", [ADMIN, MEMBER], [{ roomList: true, roomCreate: true }]],
    ["GET /v1/rooms/hall/participants/x", [ADMIN, MEMBER], [{ roomList: true, roomCreate: true }]],
    ["DELETE /v1/rooms/hall/participants/x", [ADMIN], [MEMBER, { roomCreate: true }]],
    ["GET /v1/rooms/hall/tracks", [ADMIN, MEMBER], [{ roomList: true, roomCreate: true }]],
    ["PATCH /v1/rooms/hall/tracks/x", [ADMIN], [MEMBER, { roomCreate: true }]],
    ["GET /v1/rooms/hall/subscriptions", [ADMIN, MEMBER], [{ roomList: true, roomCreate: true }]],
    ["PATCH /v1/rooms/hall/subscriptions/x", [ADMIN, MEMBER], [{ roomList: true, roomCreate: true }]],
  ])("%s", async (request, allowed, denied) => {
    const payload = request.startsWith("POST")
      ? { name: "attic" }
      : request.includes("tracks")
        ? { muted: true }
        : request.includes("subscriptions")
          ? { paused: true }
          : { maxParticipants: 2 };
    const body = /^P/.test(request) ? { payload } : {};
    const statusWith = async (token?: string) =>
      (await ask(server, request, { ...body, ...(token !== undefined && { token }) })).statusCode;

    expect(await statusWith()).toBe(401);
    const elsewhere = denied.map((grants) => ({ ...grants, room: "cellar" }));
    for (const grants of [...denied, ...elsewhere, { ...MEMBER, ...ADMIN, room: "cellar" }]) {
      expect(await statusWith(await server.token("bo", grants)), JSON.stringify(grants)).toBe(403);
    }
    for (const grants of allowed) {
      server.rooms.create("hall");
      server.rooms.get("attic")?.delete();
      const status = await statusWith(await server.token("bo", grants));
      expect([200, 201, 204, 404], JSON.stringify(grants)).toContain(status);
    }
  });
});

/** The id of the statistics request that a handler has just posted. */
async function statsRequest({ thread }: Server): Promise<number> {
  const before = thread.sent("stats").length;
  while (thread.sent("stats").length === before) await new Promise(setImmediate);
  return thread.sent("stats").at(-1)!.requestId;
}
