/**
 * Goal: Twirp's protocol as its clients in any language speak it, and nothing that a stranger sends is a fault of ours.
 * Method: requests by hand, in both encodings; then bytes by chance for every method.
 */
import * as livekit from "@livekit/protocol";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Grants } from "../../src/control/access-token.ts";
import { enter, must } from "../control/conference.ts";
import { ask, type Server, serve } from "../http/server.ts";

const JSON_TYPE = "application/json";
const PROTOBUF = "application/protobuf";

/** Every method, with the grants it takes and, for the fuzzing, its request. */
const METHODS: readonly (readonly [string, Partial<Grants>, livekit.Room | object])[] = [
  ["CreateRoom", { roomCreate: true }, new livekit.CreateRoomRequest({ name: "hall", emptyTimeout: 9 })],
  ["ListRooms", { roomList: true }, new livekit.ListRoomsRequest({ names: ["hall"] })],
  ["ListParticipants", { roomAdmin: true }, new livekit.ListParticipantsRequest({ room: "hall" })],
  ["GetParticipant", { roomAdmin: true }, new livekit.RoomParticipantIdentity({ room: "hall" })],
  ["RemoveParticipant", { roomAdmin: true }, new livekit.RoomParticipantIdentity({ room: "hall" })],
  ["MutePublishedTrack", { roomAdmin: true }, new livekit.MuteRoomTrackRequest({ room: "hall" })],
  [
    "UpdateParticipant",
    { roomAdmin: true },
    new livekit.UpdateParticipantRequest({ room: "hall", attributes: { a: "b" }, permission: {} }),
  ],
  [
    "UpdateSubscriptions",
    { roomAdmin: true },
    new livekit.UpdateSubscriptionsRequest({ room: "hall", participantTracks: [{ trackSids: ["TR_1"] }] }),
  ],
  ["SendData", { roomAdmin: true }, new livekit.SendDataRequest({ room: "hall", data: new Uint8Array(9) })],
  ["UpdateRoomMetadata", { roomAdmin: true }, new livekit.UpdateRoomMetadataRequest({ room: "hall" })],
  ["PerformRpc", { roomAdmin: true }, new livekit.PerformRpcRequest({ room: "hall" })],
  [
    "MoveParticipant",
    { roomAdmin: true, destinationRoom: "attic" },
    new livekit.MoveParticipantRequest({ room: "hall", destinationRoom: "attic" }),
  ],
  [
    "ForwardParticipant",
    { roomAdmin: true, destinationRoom: "attic" },
    new livekit.ForwardParticipantRequest({ room: "hall", destinationRoom: "attic" }),
  ],
  // Last, since the room is gone afterwards.
  ["DeleteRoom", { roomCreate: true }, new livekit.DeleteRoomRequest({ room: "hall" })],
];

type Request = { toBinary(): Uint8Array; toJsonString(): string };

let server: Server;
beforeEach(async () => {
  server = await serve();
  must(server.rooms.create("hall"));
});

function call(on: Server, method: string, token: string | undefined, payload: unknown, type = JSON_TYPE) {
  const body = Buffer.isBuffer(payload) || typeof payload === "string" ? payload : JSON.stringify(payload);
  return ask(on, `POST /twirp/livekit.RoomService/${method}`, {
    ...(token !== undefined && { token }),
    payload: body,
    headers: { "content-type": type },
  });
}

function expectError(response: Awaited<ReturnType<typeof ask>>, status: number, code: string): void {
  expect([response.statusCode, response.json().code]).toEqual([status, code]);
  expect(response.headers["content-type"]).toBe(JSON_TYPE);
  expect(response.json().msg).toMatch(/./);
}

describe("encodings", () => {
  test("protobuf is answered with protobuf", async () => {
    const token = await server.token("", { roomCreate: true });
    const request = new livekit.CreateRoomRequest({ name: "attic", metadata: "ü" }).toBinary();
    const response = await call(server, "CreateRoom", token, Buffer.from(request), PROTOBUF);
    expect([response.statusCode, response.headers["content-type"]]).toEqual([200, PROTOBUF]);
    expect(livekit.Room.fromBinary(response.rawPayload)).toMatchObject({ name: "attic", metadata: "ü" });
  });

  test("JSON takes either spelling of names, and is answered in the protocol's, with zeros", async () => {
    const token = await server.token("", { roomCreate: true });
    for (const request of [{ empty_timeout: 9 }, { emptyTimeout: 9 }]) {
      const response = await call(server, "CreateRoom", token, { name: "hall", ...request });
      expect(response.headers["content-type"]).toBe(JSON_TYPE);
      expect(response.json()).toMatchObject({
        name: "hall",
        empty_timeout: 9,
        num_participants: 0,
        creation_time_ms: String(server.clock.nowMs()),
        active_recording: false,
      });
    }
  });

  test("fields of a later version are skipped", async () => {
    const token = await server.token("", { roomList: true });
    expect((await call(server, "ListRooms", token, { newer: { field: 1 } })).statusCode).toBe(200);
    // Field 15, a varint.
    const later = Buffer.from([0x78, 0x01]);
    expect((await call(server, "ListRooms", token, later, PROTOBUF)).statusCode).toBe(200);
  });

  test("an empty protobuf is a request that says nothing", async () => {
    const token = await server.token("", { roomList: true });
    const response = await call(server, "ListRooms", token, Buffer.alloc(0), PROTOBUF);
    expect(livekit.ListRoomsResponse.fromBinary(response.rawPayload).rooms).toHaveLength(1);
  });

  test.each([
    ["JSON", "{", JSON_TYPE],
    ["JSON", "", JSON_TYPE],
    ["JSON", "[]", JSON_TYPE],
    ["JSON", '{"name":1}', JSON_TYPE],
    ["JSON", '{"emptyTimeout":-1}', JSON_TYPE],
    ["JSON", Buffer.from([0x22, 0xff, 0x22]), JSON_TYPE],
    // An enumeration has 32 bits on the wire.
    ["JSON", '{"egress":{"room":{"preset":4398046511104}}}', JSON_TYPE],
    ["deep JSON", "[".repeat(100_000), JSON_TYPE],
    ["protobuf", Buffer.from([0x0a, 0x05, 0x61]), PROTOBUF],
    ["a protobuf of groups in groups", Buffer.alloc(100_000, 0x0b), PROTOBUF],
    ["a large protobuf", Buffer.alloc(262_145), PROTOBUF],
  ])("%s that cannot be read is malformed (%#)", async (_name, payload, type) => {
    const token = await server.token("", { roomCreate: true });
    expectError(await call(server, "CreateRoom", token, payload, type), 400, "malformed");
  });

  test("metadata and attributes at their limits fit into a request", async () => {
    enter(server.rooms, "ada");
    const token = await server.token("", { roomAdmin: true });
    const change = { metadata: '"'.repeat(64_000), attributes: { key: '"'.repeat(63_997) } };
    const request = { room: "hall", identity: "ada", ...change };
    expect((await call(server, "UpdateParticipant", token, request)).statusCode).toBe(200);
  });
});

describe("who may call", () => {
  test.each(METHODS)("%s", async (method, needed, request) => {
    const payload = (request as Request).toJsonString();
    expectError(await call(server, method, undefined, payload), 401, "unauthenticated");
    expectError(await call(server, method, "x.y.z", payload), 401, "unauthenticated");
    const others: Partial<Grants>[] = [
      { roomJoin: true },
      { ...needed, roomCreate: false, roomList: false, room: "cellar" },
      { ...needed, roomCreate: false, roomList: false, roomAdmin: false },
      {
        ...needed,
        roomCreate: false,
        roomList: false,
        destinationRoom: "cellar",
        roomAdmin: !!needed.destinationRoom,
      },
    ];
    for (const grants of others) {
      expectError(
        await call(server, method, await server.token("", grants), payload),
        403,
        "permission_denied",
      );
    }
    const { statusCode } = await call(server, method, await server.token("", needed), payload);
    expect([200, 404, 501]).toContain(statusCode);
  });
});

describe("no method is there", () => {
  test.each([
    ["POST /twirp/livekit.RoomService/Unknown"],
    ["POST /twirp/livekit.RoomService/createRoom"],
    ["POST /twirp/livekit.RoomService/CreateRoom/"],
    ["POST /twirp/livekit.RoomService"],
    ["POST /twirp/RoomService/CreateRoom"],
    ["POST /twirp/livekit.Unknown/CreateRoom"],
    ["POST /twirp/livekit.RoomService/constructor"],
    ["POST /twirp/"],
    ["GET /twirp/livekit.RoomService/ListRooms"],
    ["DELETE /twirp/livekit.RoomService/ListRooms"],
  ])("%s", async (request) => {
    const token = await server.token("", { roomCreate: true, roomList: true });
    const payload = request.startsWith("POST") ? { payload: {} } : {};
    expectError(await ask(server, request, { token, ...payload }), 404, "bad_route");
  });

  test("which a client can find out", async () => {
    const url = "/twirp/livekit.RoomService/ListRooms";
    for (const method of ["GET", "TRACE"]) {
      const refused = await ask(server, `${method} ${url}`);
      expectError(refused, 404, "bad_route");
      expect(refused.headers.allow).toBe("POST, OPTIONS");
    }
    expect((await ask(server, `OPTIONS ${url}`)).headers.allow).toBe("POST, OPTIONS");
  });

  test.each([["text/xml"], ["application/sdp"], ["application/jsonx"], ["application/protobufx"]])(
    "a request as %s",
    async (type) => {
      const token = await server.token("", { roomList: true });
      expectError(await call(server, "ListRooms", token, "{}", type), 404, "bad_route");
    },
  );

  test("nor for a request without a body", async () => {
    const token = await server.token("", { roomList: true });
    expectError(await ask(server, "POST /twirp/livekit.RoomService/ListRooms", { token }), 404, "bad_route");
  });
});

test("requests beyond the rate are refused in Twirp's form too", async () => {
  const busy = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1" });
  await call(busy, "ListRooms", undefined, {});
  const refused = await call(busy, "ListRooms", undefined, {});
  expectError(refused, 429, "resource_exhausted");
  expect(refused.headers["retry-after"]).toBeDefined();
});

describe("whatever is sent", () => {
  let token: string;
  beforeAll(async () => {
    const fuzzed = await serve();
    const grants = { roomCreate: true, roomList: true, roomAdmin: true, destinationRoom: "attic" };
    token = await fuzzed.token("", grants);
  });

  /** Bytes by chance, and requests with some of their bytes changed. */
  const body = (request: Request): fc.Arbitrary<{ payload: Buffer; type: string }> => {
    const damaged = (bytes: Uint8Array) =>
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }).map((changes) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
        return copy;
      });
    const type = fc.constantFrom(JSON_TYPE, PROTOBUF);
    return fc.oneof(
      fc.record({ payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)), type }),
      fc.record({ payload: fc.json().map((text) => Buffer.from(text)), type: fc.constant(JSON_TYPE) }),
      damaged(request.toBinary()).map((payload) => ({ payload, type: PROTOBUF })),
      damaged(Buffer.from(request.toJsonString())).map((payload) => ({ payload, type: JSON_TYPE })),
    );
  };

  test.each(METHODS)("%s answers, or refuses in Twirp's form", async (method, _needed, request) => {
    await fc.assert(
      fc.asyncProperty(body(request as Request), async ({ payload, type }) => {
        const response = await call(server, method, token, payload, type);
        if (response.statusCode === 200) return;
        expect(response.headers["content-type"]).toBe(JSON_TYPE);
        const { code } = response.json();
        expect([
          "malformed",
          "permission_denied",
          "invalid_argument",
          "not_found",
          "unimplemented",
        ]).toContain(code);
      }),
      { numRuns: 60 },
    );
  });
});
