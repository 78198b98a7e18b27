/**
 * Goal: whatever a client sends, nothing is thrown, and a client that cannot be followed is the only one that ends.
 * Method: 100,000 inputs by fast-check, from plain noise to real messages and descriptions with something wrong in them,
 * to a session in a room where somebody else is, who must still be there afterwards.
 */
import { gzipSync } from "node:zlib";
import {
  AddTrackRequest,
  SessionDescription,
  SignalRequest,
  SubscriptionPermission,
  SyncState,
  TrackInfo,
  TrackPublishedResponse,
  UpdateSubscription,
  UpdateTrackSettings,
  WrappedJoinRequest,
} from "@livekit/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readJoinParams } from "../../src/signal/join-request.ts";
import { OFFERS, offerText } from "../sdp/offers.ts";
import { CAMERA, MICROPHONE, SignalClient, type SignalHall, signalHall } from "./client.ts";

/** A hall in which `bo` has always been, and `ada` whenever she is asked for. */
class Stage {
  readonly hall: SignalHall = signalHall({ maxParticipants: 3 });
  readonly #bo = new SignalClient(this.hall, "bo");
  #ada = new SignalClient(this.hall, "ada");

  get ada(): SignalClient {
    const isHere = this.hall.rooms.get("hall")!.participant("ada") !== undefined;
    if (this.#ada.closed !== null || !isHere) this.#ada = new SignalClient(this.hall, "ada");
    return this.#ada;
  }

  /** Time for what bo's connection needs, which must be as it was. */
  check(): void {
    this.#bo.send({ case: "ping", value: 1n });
    expect(this.#bo.take("pong")).toBeDefined();
    expect(this.#bo.closed).toBeNull();
    this.#bo.messages.length = 0;
    this.#ada.messages.length = 0;
    this.hall.clock.pass(1_000);
  }
}

const Text = fc.oneof(fc.string(), fc.constantFrom("", "TR_x", "PA_x", "0", "ada", "bo", "__proto__"));
const Texts = fc.array(Text, { maxLength: 5 });
const Small = fc.nat(4_000);

const Message = fc.oneof(
  fc
    .record({ cid: Text, name: Text, type: fc.nat(3), source: fc.nat(6), width: Small, muted: fc.boolean() })
    .map((fields) => ({ case: "addTrack" as const, value: new AddTrackRequest(fields) })),
  fc.record({ trackSids: Texts, subscribe: fc.boolean() }).map((fields) => ({
    case: "subscription" as const,
    value: new UpdateSubscription(fields),
  })),
  fc
    .record({ trackSids: Texts, disabled: fc.boolean(), width: Small, height: Small, fps: Small })
    .map((fields) => ({ case: "trackSetting" as const, value: new UpdateTrackSettings(fields) })),
  fc.record({ allParticipants: fc.boolean() }).map((fields) => ({
    case: "subscriptionPermission" as const,
    value: new SubscriptionPermission(fields),
  })),
  fc.record({ sids: Texts, trackSidsDisabled: Texts }).map(({ sids, trackSidsDisabled }) => ({
    case: "syncState" as const,
    value: new SyncState({
      trackSidsDisabled,
      publishTracks: sids.map(
        (sid) => new TrackPublishedResponse({ cid: sid, track: new TrackInfo({ sid }) }),
      ),
      subscription: new UpdateSubscription({ trackSids: sids }),
    }),
  })),
  fc
    .record({ cid: Text, sid: Text, type: fc.nat(3) })
    .map((fields) => ({ case: "addTrack" as const, value: new AddTrackRequest(fields) })),
  fc.record({ type: Text, sdp: Text, id: Small }).map((fields) => ({
    case: "answer" as const,
    value: new SessionDescription(fields),
  })),
  fc.constantFrom(
    { case: "simulate" as const, value: {} },
    { case: "leave" as const, value: {} },
    { case: "syncState" as const, value: {} },
    { case: "addTrack" as const, value: CAMERA },
    { case: "addTrack" as const, value: MICROPHONE },
  ),
);

/** Bytes of a real message, some of them changed. */
const Broken = fc
  .tuple(Message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
  .map(([message, changes]) => {
    const bytes = new SignalRequest({ message: message as never }).toBinary();
    for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes;
  });

test("frames of noise", () => {
  const ada = (): SignalClient => new SignalClient(hall, "ada");
  const hall = signalHall();
  let client = ada();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isText) => {
      client.connection.receive(bytes, isText ? "json" : "binary");
      if (client.closed !== null) client = ada();
    }),
    { numRuns: 30_000 },
  );
});

test("messages with something wrong in them", () => {
  const stage = new Stage();
  const Frame = fc.oneof(fc.uint8Array({ maxLength: 200 }), Broken);
  fc.assert(
    fc.property(Frame, fc.boolean(), (bytes, isText) => {
      stage.ada.connection.receive(bytes, isText ? "json" : "binary");
      stage.check();
    }),
    { numRuns: 5_000 },
  );
});

test("JSON of every shape", () => {
  const stage = new Stage();
  const Json = fc.oneof(
    fc.json(),
    fc
      .tuple(fc.constantFrom("offer", "addTrack", "mute", "simulate", "updateMetadata"), fc.json())
      .map(([name, json]) => `{"${name}":${json}}`),
  );
  fc.assert(
    fc.property(Json, (json) => {
      stage.ada.connection.receive(new TextEncoder().encode(json), "json");
      stage.check();
    }),
    { numRuns: 5_000 },
  );
});

// An enumeration has 32 bits on the wire. In JSON the library takes any integer for one, and cannot write it afterwards.
test.each([
  ["a track", { addTrack: { cid: "mic", type: "AUDIO", backupCodecPolicy: 2 ** 42 } }],
  ["a track's source", { addTrack: { cid: "mic", type: "AUDIO", source: 2 ** 42 } }],
  ["features", { updateAudioTrack: { trackSid: "TR_x", features: [2 ** 42] } }],
  ["a data track", { publishDataTrackRequest: { pubHandle: 1, name: "x", encryption: 2 ** 42 } }],
])("JSON with a number beyond those of the protocol, in %s", (_title, message) => {
  const stage = new Stage();
  const { ada } = stage;
  ada.connection.receive(new TextEncoder().encode(JSON.stringify(message)), "json");
  expect(ada.closed).toEqual([1007, "malformed_message"]);
  stage.check();
});

test("descriptions with lines lost, doubled, swapped and spoilt, one after the other", () => {
  const texts = OFFERS.map(offerText);
  const Line = fc.tuple(fc.nat(), fc.constantFrom("drop", "double", "swap", "spoil"), fc.nat(), fc.string());
  const Spoilt = fc
    .tuple(fc.constantFrom(...texts), fc.array(Line, { maxLength: 5 }))
    .map(([text, edits]) => {
      const lines = text.split("\r\n");
      for (const [at, edit, other, noise] of edits) {
        const n = at % lines.length;
        if (edit === "drop") lines.splice(n, 1);
        else if (edit === "double") lines.splice(n, 0, lines[n]!);
        else if (edit === "swap") lines[n] = lines[other % lines.length]!;
        else lines[n] = lines[n]!.slice(0, other % (lines[n]!.length + 1)) + noise;
      }
      return lines.join("\r\n");
    });
  const stage = new Stage();
  fc.assert(
    fc.property(Spoilt, fc.nat(9), (sdp, id) => {
      stage.ada.send({ case: "addTrack", value: CAMERA });
      stage.ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id }) });
      stage.check();
    }),
    { numRuns: 1_500 },
  );
});

test("join requests of noise, compressed and not", () => {
  const Request = fc.oneof(
    fc.string(),
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
    fc.tuple(fc.uint8Array({ maxLength: 100 }), fc.boolean()).map(([bytes, compressed]) => {
      const joinRequest = new Uint8Array(compressed ? gzipSync(bytes) : bytes);
      const wrapped = new WrappedJoinRequest({ compression: compressed ? 1 : 0, joinRequest });
      return Buffer.from(wrapped.toBinary()).toString("base64url");
    }),
  );
  fc.assert(
    fc.property(Request, fc.boolean(), (join_request, needed) => {
      readJoinParams({ join_request }, needed);
    }),
    { numRuns: 60_000 },
  );
});
