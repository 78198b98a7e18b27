/**
 * Goal: what one client says is told to everybody in its room, so nobody says it at any length.
 * Method: each kind of request that has text or lists in it, with a megabyte of them; what comes of it is measured where
 * somebody else is told.
 */
import {
  AddTrackRequest,
  ClientInfo,
  DataTrackFrameEncoding,
  DataTrackSchemaId,
  JoinRequest,
  MuteTrackRequest,
  ParticipantInfo_State,
  PublishDataTrackRequest,
  RequestResponse_Reason,
  SignalRequest,
  SignalResponse,
  SimulcastCodec,
  SubscriptionPermission,
  TrackPermission,
  UpdateDataSubscription,
  UpdateDataSubscription_Update,
  UpdateLocalAudioTrack,
  UpdateParticipantMetadata,
  UpdateSubscription,
  VideoLayer,
  WrappedJoinRequest,
} from "@livekit/protocol";
import { describe, expect, test, vi } from "vitest";
import { readJoinParams } from "../../src/signal/join-request.ts";
import { claims, must } from "../control/conference.ts";
import { CAMERA, SignalClient, type SignalHall, signalHall } from "./client.ts";

const LONG = "x".repeat(1_000_000);
const many = <T>(value: T): T[] => Array(20_000).fill(value);

function bytesTold(client: SignalClient): number {
  return client.messages.reduce(
    (sum, { case: kind, value }) => sum + (kind === "update" ? value.toBinary().length : 0),
    0,
  );
}

test.each<[string, Partial<AddTrackRequest>]>([
  ["name", { name: LONG }],
  ["stream", { stream: LONG }],
  ["layers", { layers: many(new VideoLayer({ width: 1 })) }],
  ["codecs", { simulcastCodecs: many(new SimulcastCodec({ codec: "vp8" })) }],
  ["features", { audioFeatures: many(1) }],
])("a track with a long %s is refused", (_what, change) => {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  ada.send({ case: "addTrack", value: new AddTrackRequest({ ...CAMERA, ...change }) });
  expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
  expect(ada.kinds()).not.toContain("trackPublished");
});

test("a backup with a long list is refused, and a track does not get one later", () => {
  const hall = signalHall();
  const [ada, bo] = [new SignalClient(hall, "ada"), new SignalClient(hall, "bo")];
  ada.send({ case: "addTrack", value: CAMERA });
  ada.offer("chromium-publish-simulcast");
  const { sid } = ada.take("trackPublished").track!;
  const codecs = many(new SimulcastCodec({ codec: "vp8" }));
  ada.send({ case: "addTrack", value: new AddTrackRequest({ ...CAMERA, sid, simulcastCodecs: codecs }) });
  expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
  bo.messages.length = 0;
  const features = new UpdateLocalAudioTrack({ trackSid: sid, features: many(1) });
  ada.send({ case: "updateAudioTrack", value: features });
  expect(bytesTold(bo)).toBeLessThan(1_000);
});

test.each<[string, Partial<PublishDataTrackRequest>]>([
  ["schema", { schema: new DataTrackSchemaId({ name: LONG }) }],
  ["encoding", { frameEncoding: new DataTrackFrameEncoding({ value: { case: "custom", value: LONG } }) }],
])("a data track with a long %s is refused", (_what, change) => {
  const ada = new SignalClient(signalHall(), "ada");
  const value = new PublishDataTrackRequest({ pubHandle: 1, name: "x", ...change });
  ada.send({ case: "publishDataTrackRequest", value });
  expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
});

test("a join request with a long list in it is not read", () => {
  const ask = (request: Partial<JoinRequest>): boolean => {
    const wrapped = new WrappedJoinRequest({ joinRequest: new JoinRequest(request).toBinary() });
    return readJoinParams({ join_request: Buffer.from(wrapped.toBinary()).toString("base64url") }, true).ok;
  };
  const about = (capabilities: number[]) => ({ clientInfo: new ClientInfo({ capabilities }) });
  expect([ask(about([1])), ask(about(many(1)))]).toEqual([true, false]);
  expect([
    ask({ addTrackRequests: [CAMERA] }),
    ask({ addTrackRequests: many(CAMERA).slice(0, 257) }),
  ]).toEqual([true, false]);
});

test("a list of tracks that nobody has is not answered at length", () => {
  const ada = new SignalClient(signalHall(), "ada");
  const value = new UpdateSubscription({ subscribe: true, trackSids: many("TR_nobody") });
  ada.send({ case: "subscription", value });
  const answers = ada.kinds().filter((kind) => kind === "subscriptionResponse");
  expect(answers.length).toBeGreaterThan(0);
  expect(answers.length).toBeLessThan(1_000);
});

test("a long list of who may receive is not held against the whole room one by one", () => {
  const hall = signalHall();
  const [ada, bo] = [new SignalClient(hall, "ada"), new SignalClient(hall, "bo")];
  const room = hall.rooms.get("hall")!;
  const participants = vi.spyOn(room, "participants", "get");
  const { sid } = bo.take("join").participant!;
  const trackPermissions = [...many({}), { participantSid: sid, allTracks: true }].map(
    (fields) => new TrackPermission(fields),
  );
  ada.send({ case: "subscriptionPermission", value: new SubscriptionPermission({ trackPermissions }) });
  expect(room.participant("ada")!.audience).toEqual(new Map([["bo", "all"]]));
  expect(participants.mock.calls.length).toBeLessThan(100);
});

describe("a long list of data tracks", () => {
  const update = (trackSid: string, subscribe = true) =>
    new UpdateDataSubscription_Update({ trackSid, subscribe });
  const ask = (client: SignalClient, updates: UpdateDataSubscription_Update[]): string[] => {
    client.send({ case: "updateDataSubscription", value: new UpdateDataSubscription({ updates }) });
    const { subHandles } = client.take("dataTrackSubscriberHandles");
    return Object.values(subHandles).map(({ trackSid }) => trackSid);
  };

  test("that nobody has is not looked for in the whole room one by one", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const participants = vi.spyOn(hall.rooms.get("hall")!, "participants", "get");
    ask(ada, many(update("DTR_nobody")));
    expect(participants.mock.calls.length).toBeLessThan(10);
  });

  test("is subscribed to as far as an answer can tell, and goes on when some are given up", () => {
    const hall = signalHall({ maxParticipants: 100 });
    const ada = new SignalClient(hall, "ada");
    const sids = Array.from({ length: 17 }, (_, n) => new SignalClient(hall, `p${n}`)).flatMap((client) =>
      Array.from({ length: 64 }, (_, k) => {
        const value = new PublishDataTrackRequest({ pubHandle: k + 1, name: `${k}` });
        client.send({ case: "publishDataTrackRequest", value });
        return client.take("publishDataTrackResponse").info!.sid;
      }),
    );
    const received = ask(
      ada,
      sids.map((sid) => update(sid)),
    );
    expect(received).toEqual(sids.slice(0, 1_024));
    const [first] = sids;
    const last = sids.at(-1)!;
    expect(ask(ada, [update(first!, false)])).not.toContain(first);
    expect(ask(ada, [update(last)])).toContain(last);
  });
});

describe("small messages of one who has said much", () => {
  const MUTES = 900;

  /** bo sees how ada, with all the metadata that there may be, mutes and unmutes all the time. */
  function flood(): { hall: SignalHall; ada: SignalClient; bo: SignalClient; sid: string } {
    const hall = signalHall();
    const ada = new SignalClient(hall, claims("ada", { canUpdateOwnMetadata: true }));
    ada.send({ case: "addTrack", value: CAMERA });
    ada.offer("chromium-publish-simulcast");
    const words = { metadata: "x".repeat(64_000), attributes: { a: "y".repeat(63_000) } };
    ada.send({ case: "updateMetadata", value: new UpdateParticipantMetadata(words) });
    const bo = new SignalClient(hall, "bo");
    const { sid } = ada.take("trackPublished").track!;
    for (let n = 0; n < MUTES; n++) {
      ada.send({ case: "mute", value: new MuteTrackRequest({ sid, muted: n % 2 === 0 }) });
    }
    return { hall, ada, bo, sid };
  }

  test("do not become large ones for all, who soon know how it is", () => {
    const { hall, bo, ada, sid } = flood();
    expect(bytesTold(bo)).toBeLessThan(1_200_000);
    const isMuted = (): boolean => bo.seen("ada")!.tracks[0]!.muted;
    const before = isMuted();
    ada.send({ case: "mute", value: new MuteTrackRequest({ sid, muted: !before }) });
    expect(isMuted()).toBe(before);
    hall.clock.pass(1_000);
    expect(isMuted()).toBe(!before);
    // After a while it is told at once again.
    hall.clock.pass(10_000);
    ada.send({ case: "mute", value: new MuteTrackRequest({ sid, muted: before }) });
    expect(isMuted()).toBe(before);
  });

  test("are no more than what all are told in the long run, however long that is", () => {
    const { hall, ada, bo, sid } = flood();
    const SECONDS = 120;
    const before = bytesTold(bo);
    for (let n = 0; n < 10 * SECONDS; n++) {
      ada.send({ case: "mute", value: new MuteTrackRequest({ sid, muted: n % 2 === 0 }) });
      if (n % 50 === 0) bo.send({ case: "ping", value: 1n });
      hall.clock.pass(100);
    }
    expect(bo.closed).toBeNull();
    // 64 KiB a second, and one of each kind of delay.
    expect(bytesTold(bo) - before).toBeLessThan(65_536 * SECONDS + 400_000);
    hall.clock.pass(5_000);
    expect(bo.seen("ada")!.tracks[0]!.muted).toBe(false);
  });

  test("are not told once it has left", () => {
    const { hall, ada, bo } = flood();
    ada.send({ case: "leave", value: {} as never });
    // Less than until all are told how many there are.
    hall.clock.pass(4_000);
    expect(bo.seen("ada")!.state).toBe(ParticipantInfo_State.DISCONNECTED);
    expect(bo.kinds().at(-1)).toBe("update");
  });
});

describe("in a room whose metadata is longer than what may wait for a client", () => {
  const MAX_WAITING_BYTES = 4_194_304;

  /** Ada has just been told of everybody in one message, of which nothing has left yet. */
  function newcomer(): { ada: SignalClient; joinBytes: number } {
    const hall = signalHall({ maxParticipants: 100 });
    for (let n = 0; n < 80; n++) {
      must(hall.rooms.join("hall", { ...claims(`p${n}`), metadata: "x".repeat(64_000) }));
    }
    const ada = new SignalClient(hall, "ada");
    const joinBytes = ada.take("join").toBinary().length;
    ada.bufferedBytes = joinBytes;
    return { ada, joinBytes };
  }

  function waits(client: SignalClient, bytes: number): readonly [number, string] | null {
    client.bufferedBytes = bytes;
    client.send({ case: "ping", value: 1n });
    return client.closed;
  }

  test("one on a slow line gets it, and what comes after it", () => {
    const { ada, joinBytes } = newcomer();
    expect(joinBytes).toBeGreaterThan(MAX_WAITING_BYTES);
    expect(waits(ada, joinBytes)).toBeNull();
    expect(waits(ada, joinBytes + 4_000_000)).toBeNull();
    expect(ada.kinds().filter((kind) => kind === "pong")).toHaveLength(2);
  });

  test("one that does not read is cut off all the same", () => {
    const { ada, joinBytes } = newcomer();
    expect(waits(ada, joinBytes + MAX_WAITING_BYTES + 1_000)).toEqual([1008, "too_slow"]);
  });

  test("one that has read it has no more in store than others", () => {
    const { ada } = newcomer();
    expect(waits(ada, 0)).toBeNull();
    expect(waits(ada, MAX_WAITING_BYTES + 1_000)).toEqual([1008, "too_slow"]);
  });

  test("one that is told in text gets what comes after it, whatever the letters", async () => {
    const hall = signalHall({ maxParticipants: 100 });
    for (let n = 0; n < 80; n++) {
      must(hall.rooms.join("hall", { ...claims(`p${n}`), metadata: "é".repeat(32_000) }));
    }
    const ada = new SignalClient(hall, claims("ada", { room: "attic" }));
    const ping = Buffer.from(new SignalRequest({ message: { case: "ping", value: 1n } }).toJsonString());
    ada.connection.receive(ping, "json");
    must(hall.rooms.move(hall.rooms.get("attic")!.participant("ada")!, "hall"));
    await vi.waitFor(() => expect(ada.kinds()).toContain("roomMoved"));
    const told = new SignalResponse({ message: { case: "roomMoved", value: ada.take("roomMoved") } });
    ada.bufferedBytes = Buffer.byteLength(told.toJsonString()) + 4_000_000;
    ada.connection.receive(ping, "json");
    expect(ada.closed).toBeNull();
  });
});
