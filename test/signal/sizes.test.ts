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
  PublishDataTrackRequest,
  RequestResponse_Reason,
  SimulcastCodec,
  UpdateLocalAudioTrack,
  VideoLayer,
  WrappedJoinRequest,
} from "@livekit/protocol";
import { expect, test } from "vitest";
import { readJoinParams } from "../../src/signal/join-request.ts";
import { CAMERA, SignalClient, signalHall } from "./client.ts";

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
