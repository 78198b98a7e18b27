/**
 * Goal: LiveKit's server SDK, unmodified, does with our rooms all that it can do.
 * Method: livekit-server-sdk over HTTP; participants by way of control, over a media thread that records.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  DataPacket_Kind,
  DisconnectReason,
  Encryption_Type,
  ParticipantInfo_Kind,
  ParticipantInfo_KindDetail,
  ParticipantInfo_State,
  TrackSource,
  TrackType,
} from "@livekit/protocol";
import { AgentDispatchClient, EgressClient, IngressClient, SipClient } from "livekit-server-sdk";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DataSink, ServerMessage } from "../../src/control/data-sink.ts";
import { departedInfo } from "../../src/livekit/participant-info.ts";
import { claims, connect, enter, grants, must, OPUS, REMOTE, section, VP8 } from "../control/conference.ts";
import { API_KEY, API_SECRET, type LiveKitServer, listen } from "./livekit-server.ts";

let server: LiveKitServer;
beforeEach(async () => {
  server = await listen();
});
afterEach(() => server.close());

const error = (code: string, status: number) => expect.objectContaining({ code, status });

describe("rooms", () => {
  test("are created with what the request says, and with the server's defaults for the rest", async () => {
    const room = await server.api.createRoom({ name: "hall", emptyTimeout: 33, metadata: "m" });
    const nowMs = BigInt(server.clock.nowMs());
    expect(room).toMatchObject({
      sid: server.rooms.get("hall")!.sid,
      name: "hall",
      emptyTimeout: 33,
      departureTimeout: 20,
      maxParticipants: 10,
      creationTime: nowMs / 1000n,
      creationTimeMs: nowMs,
      metadata: "m",
      numParticipants: 0,
      numPublishers: 0,
      activeRecording: false,
    });
    expect(room.sid).toMatch(/^RM_/);
    expect(room.enabledCodecs.map(({ mime }) => mime)).toContain("video/VP8");
  });

  test("that exist are changed, and stay the same room", async () => {
    const first = await server.api.createRoom({ name: "hall", metadata: "m" });
    const second = await server.api.createRoom({ name: "hall", maxParticipants: 3, departureTimeout: 7 });
    expect(second).toMatchObject({ sid: first.sid, maxParticipants: 3, departureTimeout: 7, metadata: "m" });
  });

  test("are listed, all or by name, with counts that leave out who is hidden", async () => {
    for (const name of ["hall", "attic", "cellar"]) await server.api.createRoom({ name });
    must(connect(server.rooms, "ada").publish(section("audio")));
    enter(server.rooms, "bo");
    must(connect(server.rooms, "ghost", { hidden: true }).publish(section("audio")));
    expect((await server.api.listRooms()).map(({ name }) => name)).toEqual(["hall", "attic", "cellar"]);
    const named = await server.api.listRooms(["hall", "cellar", "nowhere"]);
    expect(
      named.map(({ name, numParticipants, numPublishers }) => [name, numParticipants, numPublishers]),
    ).toEqual([
      ["hall", 2, 1],
      ["cellar", 0, 0],
    ]);
  });

  test("are deleted", async () => {
    const transport = connect(server.rooms, "ada");
    await server.api.deleteRoom("hall");
    expect(transport.state).toEqual({ kind: "closed", reason: "room_deleted" });
    await expect(server.api.deleteRoom("hall")).rejects.toEqual(error("not_found", 404));
  });

  test("get other metadata", async () => {
    await server.api.createRoom({ name: "hall", metadata: "one" });
    expect((await server.api.updateRoomMetadata("hall", "two")).metadata).toBe("two");
    expect((await server.api.updateRoomMetadata("hall", "")).metadata).toBe("");
    const tooLarge = server.api.updateRoomMetadata("hall", "x".repeat(64_001));
    await expect(tooLarge).rejects.toEqual(error("invalid_argument", 400));
  });

  test.each([
    [{ name: "" }, "invalid_argument"],
    [{ name: "a\nb" }, "invalid_argument"],
    [{ name: "hall", maxParticipants: 10_001 }, "invalid_argument"],
    [{ name: "hall", emptyTimeout: 86_401 }, "invalid_argument"],
    [{ name: "hall", agents: [{}] }, "unimplemented"],
    [{ name: "hall", egress: {} }, "unimplemented"],
  ])("are not created from %j: %s", async (options, code) => {
    await expect(server.api.createRoom(options as never)).rejects.toMatchObject({ code });
    expect(server.rooms.list).toEqual([]);
  });
});

describe("participants", () => {
  test("are listed and looked at, with their tracks", async () => {
    const token = { ...claims("ada"), name: "Ada", metadata: "m", attributes: { my_key: "v" } };
    const joined = must(server.rooms.join("hall", token));
    const transport = must(joined.openTransport(grants(), REMOTE));
    const video = must(transport.publish(section("video", { rids: ["q", "h"], encryption: "gcm" })));
    server.thread.codec(video.id, VP8);
    must(transport.publish(section("audio")));
    joined.activate();
    const [info, ...others] = await server.api.listParticipants("hall");
    expect(others).toEqual([]);
    expect(info).toMatchObject({
      sid: joined.id,
      identity: "ada",
      name: "Ada",
      metadata: "m",
      attributes: { my_key: "v" },
      state: ParticipantInfo_State.ACTIVE,
      joinedAtMs: BigInt(joined.joinedAtMs),
      version: joined.version,
      isPublisher: true,
      permission: { canPublish: true, canSubscribe: true, canPublishData: true, canUpdateMetadata: false },
    });
    expect(info!.tracks).toMatchObject([
      {
        sid: video.id,
        type: TrackType.VIDEO,
        source: TrackSource.CAMERA,
        encryption: Encryption_Type.GCM,
        mimeType: "video/VP8",
        simulcast: true,
        muted: false,
      },
      { type: TrackType.AUDIO, source: TrackSource.MICROPHONE, mimeType: "audio/opus", simulcast: false },
    ]);
    expect(await server.api.getParticipant("hall", "ada")).toEqual(info);
  });

  test("who are not there, or in no room, are not found", async () => {
    await expect(server.api.listParticipants("hall")).rejects.toEqual(error("not_found", 404));
    await server.api.createRoom({ name: "hall" });
    await expect(server.api.getParticipant("hall", "ada")).rejects.toEqual(error("not_found", 404));
  });

  test("are removed", async () => {
    const transport = connect(server.rooms, "ada");
    await server.api.removeParticipant("hall", "ada");
    expect(transport.state).toEqual({ kind: "closed", reason: "participant_removed" });
    expect(departedInfo(transport.participant, "participant_removed")).toMatchObject({
      state: ParticipantInfo_State.DISCONNECTED,
      disconnectReason: DisconnectReason.PARTICIPANT_REMOVED,
    });
    await expect(server.api.removeParticipant("hall", "ada")).rejects.toEqual(error("not_found", 404));
  });

  test("are removed with their tokens: those from before the moment that is named let nobody in", async () => {
    enter(server.rooms, "ada");
    const nowSeconds = BigInt(Math.floor(server.clock.nowMs() / 1000));
    await server.api.removeParticipant("hall", "ada", { revokeTokenTs: nowSeconds });
    expect(server.rooms.get("hall")!.participant("ada")).toBeUndefined();
    const validFrom = (seconds: bigint) => ({ ...claims("ada"), validFromSeconds: Number(seconds) });
    expect(server.rooms.check("hall", validFrom(nowSeconds - 1n))).toBe("forbidden");
    expect(server.rooms.check("hall", validFrom(nowSeconds))).toBeNull();
    // Whoever is removed may have gone a moment before.
    await server.api.removeParticipant("hall", "ada", { revokeTokenTs: nowSeconds + 1n });
    expect(server.rooms.check("hall", validFrom(nowSeconds))).toBe("forbidden");
    const nobody = server.api.removeParticipant("hall", "", { revokeTokenTs: nowSeconds });
    await expect(nobody).rejects.toEqual(error("not_found", 404));
    const milliseconds = nowSeconds * 1000n;
    const mistake = server.api.removeParticipant("hall", "bo", { revokeTokenTs: milliseconds });
    await expect(mistake).rejects.toEqual(error("invalid_argument", 400));
  });

  test("are changed in part", async () => {
    must(server.rooms.join("hall", { ...claims("ada"), name: "Ada", attributes: { a: "1", b: "2" } }));
    const change = { metadata: "new", attributes: { a: "", c: "3" } };
    const info = await server.api.updateParticipant("hall", "ada", change);
    expect(info).toMatchObject({ name: "Ada", metadata: "new", attributes: { b: "2", c: "3" } });
    const { version } = info;
    const renamed = await server.api.updateParticipant("hall", "ada", { name: "Countess" });
    expect(renamed).toMatchObject({ name: "Countess", metadata: "new" });
    expect(renamed.version).toBeGreaterThan(version);
    const tooLong = server.api.updateParticipant("hall", "ada", { name: "x".repeat(257) });
    await expect(tooLong).rejects.toEqual(error("invalid_argument", 400));
  });

  test.each([
    ["unknown", TrackSource.UNKNOWN],
    ["of a later protocol", 99 as TrackSource],
  ])("may publish nothing else when the only source granted is %s", async (_title, source) => {
    const ada = connect(server.rooms, "ada");
    const permission = { canPublish: true, canPublishSources: [source] };
    const info = await server.api.updateParticipant("hall", "ada", { permission });
    expect(info.permission!.canPublishSources).toEqual([TrackSource.UNKNOWN]);
    expect(ada.publish(section("audio"))).toEqual({ ok: false, error: "forbidden" });
    must(ada.publish(section("audio", { source: "unknown" })));
  });

  test("lose and get permissions, with what follows from it", async () => {
    const transport = connect(server.rooms, "ada");
    for (const kind of ["video", "audio"] as const) must(transport.publish(section(kind)));
    const permission = { canPublish: true, canPublishSources: [TrackSource.MICROPHONE], hidden: true };
    const info = await server.api.updateParticipant("hall", "ada", { permission });
    // What a permission does not name, it denies.
    expect(info.permission).toMatchObject({ ...permission, canSubscribe: false, canPublishData: false });
    expect(info.tracks.map(({ source }) => source)).toEqual([TrackSource.MICROPHONE]);
    expect(transport.watch({})).toEqual({ ok: false, error: "forbidden" });
    await server.api.updateParticipant("hall", "ada", { permission: { canPublish: false } });
    expect(transport.participant.tracks).toEqual([]);
  });

  test("are of the kind that their token says, in other rooms too", async () => {
    must(server.rooms.join("hall", { ...claims("call"), kind: "sip" }));
    await server.api.forwardParticipant("hall", "call", "attic");
    for (const room of ["hall", "attic"]) {
      const { kind } = await server.api.getParticipant(room, "call");
      expect(kind).toBe(ParticipantInfo_Kind.SIP);
    }
  });

  test("are not counted when they only attend to the others", async () => {
    enter(server.rooms, "ada");
    must(server.rooms.join("hall", { ...claims("helper"), kind: "agent" }));
    expect((await server.api.listRooms())[0]!.numParticipants).toBe(1);
    expect(await server.api.listParticipants("hall")).toHaveLength(2);
  });

  test("are moved with all they have, to rooms that the token names", async () => {
    const transport = connect(server.rooms, "ada");
    await server.api.moveParticipant("hall", "ada", "attic");
    expect(transport.participant.room).toBe(server.rooms.get("attic"));
    expect((await server.api.listParticipants("attic")).map(({ identity }) => identity)).toEqual(["ada"]);
    expect(await server.api.listParticipants("hall")).toEqual([]);
    enter(server.rooms, "ada");
    const again = server.api.moveParticipant("hall", "ada", "attic");
    await expect(again).rejects.toEqual(error("already_exists", 409));
    const same = server.api.moveParticipant("hall", "ada", "hall");
    await expect(same).rejects.toEqual(error("invalid_argument", 400));
  });

  test("are forwarded, and not any more when they are removed from the other room", async () => {
    const transport = connect(server.rooms, "ada");
    must(transport.publish(section("video", { encryption: "gcm" })));
    await server.api.forwardParticipant("hall", "ada", "attic");
    const origin = await server.api.getParticipant("hall", "ada");
    const there = await server.api.getParticipant("attic", "ada");
    expect(there).toMatchObject({
      identity: "ada",
      kind: origin.kind,
      kindDetails: [ParticipantInfo_KindDetail.FORWARDED],
      isPublisher: true,
      tracks: [{ type: TrackType.VIDEO, encryption: Encryption_Type.GCM, source: TrackSource.CAMERA }],
    });
    expect(there.sid).not.toBe(origin.sid);
    expect(origin.kindDetails).toEqual([]);
    const moved = server.api.moveParticipant("attic", "ada", "cellar");
    await expect(moved).rejects.toEqual(error("failed_precondition", 412));
    await server.api.removeParticipant("attic", "ada");
    expect(await server.api.listParticipants("attic")).toEqual([]);
    expect(transport.state.kind).toBe("open");
    enter(server.rooms, "bo");
    const same = server.api.forwardParticipant("hall", "bo", "hall");
    await expect(same).rejects.toEqual(error("invalid_argument", 400));
    const nobody = server.api.forwardParticipant("hall", "nobody", "attic");
    await expect(nobody).rejects.toEqual(error("not_found", 404));
  });
});

describe("tracks", () => {
  test("are muted and unmuted", async () => {
    const track = must(connect(server.rooms, "ada").publish(section("audio")));
    expect(await server.api.mutePublishedTrack("hall", "ada", track.id, true)).toMatchObject({
      sid: track.id,
      muted: true,
    });
    expect(track.muted).toBe(true);
    await server.api.mutePublishedTrack("hall", "ada", track.id, false);
    expect(server.thread.sent("up-track.mute").map(({ muted }) => muted)).toEqual([true, false]);
  });

  test("are not opened when their publisher has muted them", async () => {
    const track = must(connect(server.rooms, "ada").publish(section("audio")));
    track.setMuted(true);
    for (const muted of [false, true, false]) {
      const muting = server.api.mutePublishedTrack("hall", "ada", track.id, muted);
      if (muted) await muting;
      else await expect(muting).rejects.toEqual(error("failed_precondition", 412));
    }
    expect(track.muted).toBe(true);
    track.setMuted(false);
    await server.api.mutePublishedTrack("hall", "ada", track.id, true);
    // Clients repeat what they are told.
    track.setMuted(true);
    await server.api.mutePublishedTrack("hall", "ada", track.id, false);
    expect(track.muted).toBe(false);
  });

  test("of somebody else are not found", async () => {
    const track = must(connect(server.rooms, "ada").publish(section("audio")));
    enter(server.rooms, "bo");
    const muting = server.api.mutePublishedTrack("hall", "bo", track.id, true);
    await expect(muting).rejects.toEqual(error("not_found", 404));
    expect(track.muted).toBe(false);
  });

  test("are taken from a subscriber and given back", async () => {
    const viewer = connect(server.rooms, "bo");
    must(viewer.addSlot({ kind: "audio", mid: "0", payloads: [OPUS] }));
    must(viewer.watch({}));
    const track = must(connect(server.rooms, "ada").publish(section("audio")));
    server.thread.codec(track.id, OPUS);
    const [subscription] = viewer.subscriptions;
    expect(subscription!.track).toBe(track);
    await server.api.updateSubscriptions("hall", "bo", [track.id], false);
    expect(subscription!.track).toBeNull();
    await server.api.updateSubscriptions("hall", "bo", [track.id], true);
    expect(subscription!.track).toBe(track);
  });

  test("are taken from a subscriber though another that is named has ended meanwhile", async () => {
    const viewer = connect(server.rooms, "bo");
    must(viewer.addSlot({ kind: "audio", mid: "0", payloads: [OPUS] }));
    must(viewer.watch({}));
    const ada = connect(server.rooms, "ada");
    const [ended, track] = [must(ada.publish(section("video"))), must(ada.publish(section("audio")))];
    server.thread.codec(track.id, OPUS);
    ada.unpublish(ended);
    await server.api.updateSubscriptions("hall", "bo", [ended.id, track.id], false);
    expect(viewer.subscriptions[0]!.track).toBeNull();
  });
});

describe("data", () => {
  const payload = new Uint8Array([1, 2, 3]);
  const { RELIABLE, LOSSY } = DataPacket_Kind;

  /** A participant whose client has data channels. */
  function reachable(identity: string): ServerMessage[] {
    const received: ServerMessage[] = [];
    enter(server.rooms, identity).dataSink = {
      send: (message) => received.push(message),
      call: async ({ method, timeoutMs }) =>
        method === "greet"
          ? { ok: true, payload: `hello after ${timeoutMs}` }
          : { ok: false, failure: { code: method === "slow" ? 1502 : 1400, message: method } },
    } satisfies DataSink;
    return received;
  }

  test("goes to all, or to those who are named, by identity or by id", async () => {
    const [ada, bo] = [reachable("ada"), reachable("bo")];
    await server.api.sendData("hall", payload, RELIABLE, { topic: "chat" });
    const message = { payload, reliable: true, topic: "chat", nonce: expect.any(Uint8Array) };
    expect([ada, bo]).toEqual([[message], [message]]);
    expect(ada[0]!.nonce).toHaveLength(16);
    await server.api.sendData("hall", payload, LOSSY, { destinationIdentities: ["bo"] });
    expect([ada.length, bo.at(-1)]).toMatchObject([1, { reliable: false, topic: undefined }]);
    const { id } = server.rooms.get("hall")!.participant("ada")!;
    await server.api.sendData("hall", payload, RELIABLE, { destinationSids: [id] });
    expect([ada.length, bo.length]).toEqual([2, 2]);
  });

  test("that can reach nobody is refused, and an empty room takes everything", async () => {
    await server.api.createRoom({ name: "hall" });
    await server.api.sendData("hall", payload, RELIABLE, {});
    connect(server.rooms, "ada");
    const lost = server.api.sendData("hall", payload, RELIABLE, {});
    await expect(lost).rejects.toEqual(error("failed_precondition", 412));
    const nobody = server.api.sendData("hall", payload, RELIABLE, { destinationIdentities: ["bo"] });
    await expect(nobody).rejects.toEqual(error("not_found", 404));
    const bo = reachable("bo");
    await server.api.sendData("hall", payload, RELIABLE, {});
    expect(bo).toHaveLength(1);
  });

  /** LiveKit's SDK does not know this method yet. */
  async function perform(request: object): Promise<Response> {
    const token = await server.token("", { roomAdmin: true });
    return fetch(`${server.url}/twirp/livekit.RoomService/PerformRpc`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ room: "hall", payload: "p", ...request }),
    });
  }

  test.each([
    [{ method: "greet" }, 200, { payload: "hello after 10000" }],
    [{ method: "greet", response_timeout_ms: 60_000 }, 200, { payload: "hello after 60000" }],
    [{ method: "greet", response_timeout_ms: 60_001 }, 400, { code: "invalid_argument" }],
    [{ method: "slow" }, 408, { code: "deadline_exceeded", meta: { rpc_error_code: "1502" } }],
    [{ method: "none" }, 412, { code: "failed_precondition", meta: { rpc_error_code: "1400" } }],
    [{ method: "greet", destination_identity: "mute" }, 412, { code: "failed_precondition" }],
    [{ method: "greet", destination_identity: "nobody" }, 404, { code: "not_found" }],
  ])("calls of an application's method: %j → %d", async (request, status, document) => {
    reachable("ada");
    enter(server.rooms, "mute");
    const response = await perform({ destination_identity: "ada", ...request });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(document);
  });

  test("a call may take longer than a socket may be silent", async () => {
    // Zero would be none.
    expect(server.app.server.timeout).toBeGreaterThan(0);
    server.app.server.timeout = 300;
    reachable("ada");
    const sink = server.rooms.get("hall")!.participant("ada")!.dataSink!;
    sink.call = async () => {
      await delay(1_500);
      return { ok: true, payload: "at last" };
    };
    const response = await perform({ destination_identity: "ada", response_timeout_ms: 20_000 });
    expect(await response.json()).toEqual({ payload: "at last" });
  });
});

test.each([
  ["Egress", () => new EgressClient(server.url, API_KEY, API_SECRET).listEgress()],
  ["Ingress", () => new IngressClient(server.url, API_KEY, API_SECRET).listIngress()],
  ["SIP", () => new SipClient(server.url, API_KEY, API_SECRET).listSipDispatchRule()],
  ["agents", () => new AgentDispatchClient(server.url, API_KEY, API_SECRET).listDispatch("hall")],
])("%s: not implemented, as Twirp says it", async (_name, call) => {
  await expect(call()).rejects.toEqual(error("unimplemented", 501));
});
