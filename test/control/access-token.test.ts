import { createSecretKey } from "node:crypto";
import type { PartialMessage } from "@bufbuild/protobuf";
import { RoomAgentDispatch, RoomConfiguration, RoomEgress } from "@livekit/protocol";
import fc from "fast-check";
import { SignJWT } from "jose";
import { AccessToken } from "livekit-server-sdk";
import { expect, test } from "vitest";
import { ROOM_LIMITS } from "../../src/config/schema.ts";
import { AccessTokens, NO_ROOM_CONFIG } from "../../src/control/access-token.ts";
import { systemClock } from "../../src/control/clock.ts";
import { HandClock } from "./conference.ts";

const SECRET = "a secret of at least thirty-two bytes";
const clock = new HandClock();
const NOW = Math.floor(clock.nowMs() / 1000);
const tokens = new AccessTokens({ key: SECRET }, clock);

/** A token as a LiveKit server SDK makes it: grants that are false are left out. */
function sign(claims: Record<string, unknown>, secret = SECRET, alg = "HS256"): Promise<string> {
  return new SignJWT({ iss: "key", sub: "ada", exp: NOW + 60, ...claims })
    .setProtectedHeader({ alg })
    .sign(createSecretKey(Buffer.from(secret)));
}

test("a LiveKit token is read, and the tri-state grants default to allowed", async () => {
  const token = await sign({
    nbf: NOW,
    name: "Ada",
    metadata: "m",
    attributes: { role: "speaker" },
    kind: "agent",
    video: { roomJoin: true, room: "hall", canPublishSources: ["camera"], recorder: true },
  });
  expect(await tokens.verify(token)).toEqual({
    ok: true,
    value: {
      apiKey: "key",
      identity: "ada",
      name: "Ada",
      metadata: "m",
      attributes: { role: "speaker" },
      kind: "agent",
      roomConfig: NO_ROOM_CONFIG,
      grants: {
        roomCreate: false,
        roomList: false,
        roomAdmin: false,
        roomJoin: true,
        room: "hall",
        destinationRoom: "",
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
        canPublishSources: ["camera"],
        canUpdateOwnMetadata: false,
        hidden: false,
      },
      expiresAtSeconds: expect.any(Number),
      validFromSeconds: NOW,
      reissuedAtMs: null,
    },
  });
});

test.each([
  ["SIP", "sip"],
  ["Egress", "egress"],
  ["", "standard"],
  ["of a later protocol", "standard"],
])("the kind %j is %s, as for LiveKit's server", async (kind, read) => {
  expect(await tokens.verify(await sign({ kind }))).toMatchObject({ value: { kind: read } });
  expect(await tokens.verify(await sign({}))).toMatchObject({ value: { kind: "standard" } });
});

test("the configuration of a room is read as LiveKit's server SDK writes it", async () => {
  const signed = async (configuration: PartialMessage<RoomConfiguration>) => {
    const token = new AccessToken("key", SECRET, { identity: "ada", ttl: 60 });
    token.roomConfig = new RoomConfiguration(configuration);
    return new AccessTokens({ key: SECRET }, systemClock).verify(await token.toJwt());
  };
  const limits = { emptyTimeout: 86_400, departureTimeout: 1, maxParticipants: 10_000, metadata: "m" };
  expect(await signed({ ...limits, name: "n", tags: { a: "b" }, syncStreams: true })).toMatchObject({
    value: { roomConfig: limits },
  });
  expect(await signed({})).toMatchObject({ value: { roomConfig: NO_ROOM_CONFIG } });
  // As much as rooms may have otherwise.
  expect([limits.emptyTimeout, limits.maxParticipants]).toEqual([
    ROOM_LIMITS.emptyTimeoutSeconds.maxValue,
    ROOM_LIMITS.maxParticipants.maxValue,
  ]);
  expect(ROOM_LIMITS.departureTimeoutSeconds.maxValue).toBe(limits.emptyTimeout);
  for (const beyond of [
    { emptyTimeout: 86_401 },
    { departureTimeout: 86_401 },
    { maxParticipants: 10_001 },
  ]) {
    expect(await signed(beyond)).toEqual({ ok: false, error: "bad_claims" });
  }
  // CreateRoom refuses these as well.
  for (const unknown of [
    { agents: [new RoomAgentDispatch({ agentName: "a" })] },
    { egress: new RoomEgress() },
  ]) {
    expect(await signed(unknown)).toEqual({ ok: false, error: "unsupported" });
  }
  expect(await tokens.verify(await sign({ roomPreset: "big" }))).toEqual({ ok: false, error: "unsupported" });
});

test("a grant that is denied stays denied", async () => {
  const result = await tokens.verify(await sign({ video: { canPublish: false, canSubscribe: false } }));
  expect(result).toMatchObject({ value: { grants: { canPublish: false, canSubscribe: false } } });
});

test.each([
  [{}, true],
  [{ canPublish: false }, false],
  [{ canPublish: false, canPublishData: true }, true],
  [{ canPublishData: false }, false],
])("data is a kind of publishing, unless the token says otherwise: %j", async (video, canPublishData) => {
  expect(await tokens.verify(await sign({ video }))).toMatchObject({ value: { grants: { canPublishData } } });
});

test.each([
  ["another secret", () => sign({}, "another secret of thirty-two bytes!!"), "bad_signature"],
  ["another algorithm", () => sign({}, SECRET.repeat(2), "HS512"), "bad_signature"],
  ["an unknown key", () => sign({ iss: "stranger" }), "unknown_key"],
  ["no issuer", () => sign({ iss: undefined }), "malformed"],
  ["expired", () => sign({ exp: NOW - 31 }), "expired"],
  ["not yet valid", () => sign({ nbf: NOW + 31 }), "not_yet_valid"],
  ["no expiry", () => sign({ exp: undefined }), "bad_claims"],
  ["an identity that no URL can hold", () => sign({ sub: "." }), "bad_claims"],
  ["an identity that UTF-8 can not hold", () => sign({ sub: "ada\ud83d" }), "bad_claims"],
  ["another", () => sign({ sub: ".." }), "bad_claims"],
  ["wrong type of grant", () => sign({ video: { roomJoin: "yes" } }), "bad_claims"],
  ["wrong type of attributes", () => sign({ attributes: { n: 1 } }), "bad_claims"],
  ["too large", () => sign({ metadata: "m".repeat(8192) }), "too_large"],
  ["empty", async () => "", "malformed"],
  ["not a token", async () => "a.b.c", "malformed"],
  ["unsigned", async () => unsigned(), "bad_signature"],
])("refused: %s", async (_name, make, error) => {
  expect(await tokens.verify(await make())).toEqual({ ok: false, error });
});

function unsigned(): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ iss: "key", sub: "ada", exp: NOW + 60 })}.`;
}

test.each([
  ["just expired", { exp: NOW - 29 }],
  ["just not yet valid", { nbf: NOW + 29 }],
])("clocks may differ a little: %s", async (_name, change) => {
  expect(await tokens.verify(await sign(change))).toMatchObject({ ok: true });
});

test("an issued token is accepted until it expires", async () => {
  const own = new HandClock();
  const issuer = new AccessTokens({ key: SECRET }, own);
  const token = await issuer.issue({
    identity: "bo",
    grants: { roomJoin: true, room: "hall" },
    validSeconds: 600,
  });
  expect(await issuer.verify(token)).toMatchObject({
    ok: true,
    value: { identity: "bo", name: "bo", grants: { roomJoin: true, room: "hall", canPublish: true } },
  });
  own.pass(631_000);
  expect(await issuer.verify(token)).toEqual({ ok: false, error: "expired" });
});

test("no text is accepted or throws, and no change of one character goes unnoticed", async () => {
  const good = await sign({ video: { roomJoin: true, room: "hall" } });
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200, unit: "binary" }), async (text) => {
      expect((await tokens.verify(text)).ok).toBe(false);
    }),
  );
  const signatureStart = good.lastIndexOf(".") + 1;
  await fc.assert(
    fc.asyncProperty(fc.nat(signatureStart - 2), fc.constantFrom(..."Aa0_-"), async (at, letter) => {
      fc.pre(good[at] !== letter);
      const changed = good.slice(0, at) + letter + good.slice(at + 1);
      expect((await tokens.verify(changed)).ok).toBe(false);
    }),
  );
});

test("a token of ours is good although the time of day was set back", async () => {
  const setBack = new HandClock();
  const issuer = new AccessTokens({ key: SECRET }, setBack);
  const token = await issuer.issue({ identity: "ada", grants: { room: "hall" }, validSeconds: 60 });
  setBack.set(-3_600_000);
  expect(await issuer.verify(token)).toMatchObject({ ok: true, value: { identity: "ada" } });
});
