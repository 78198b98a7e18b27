/**
 * Goal: the token that a client comes back with opens what its first one did, and not more.
 * Method: tokens that are issued over real control, read as this server and others with the same keys read them.
 */
import { expect, test } from "vitest";
import { AccessTokens, type Claims } from "../../src/control/access-token.ts";
import { SessionToken } from "../../src/signal/session-token.ts";
import { claims, conference, must } from "../control/conference.ts";

const hall = conference();
const tokens = new AccessTokens({ first: "a".repeat(40), key: "b".repeat(40) }, hall.clock);

test("is signed with the key of the first, by which others may know where it came from", async () => {
  const ada = must(hall.rooms.join("hall", claims("ada")));
  const token = new SessionToken(tokens, claims("ada"), ada, () => {});
  expect(must(await tokens.verify(await token.issue()))).toMatchObject({ apiKey: "key", identity: "ada" });
});

test("makes nobody the administrator of a room that it is moved to", async () => {
  const first = claims("bo", { roomAdmin: true, destinationRoom: "attic" });
  const bo = must(hall.rooms.join("hall", first));
  const token = new SessionToken(tokens, first, bo, () => {});
  const grants = async () => must(await tokens.verify(await token.issue())).grants;
  expect(await grants()).toMatchObject({ room: "hall", roomAdmin: true, destinationRoom: "attic" });
  must(hall.rooms.create("attic"));
  must(hall.rooms.move(bo, "attic"));
  expect(await grants()).toMatchObject({
    room: "attic",
    roomJoin: true,
    roomAdmin: false,
    destinationRoom: "",
  });
});

test("keeps the kind, and the configuration of a room that may be gone when the client comes back", async () => {
  const roomConfig = { emptyTimeout: 7, departureTimeout: 8, maxParticipants: 9, metadata: "m" };
  const first: Claims = { ...claims("cy"), kind: "agent", roomConfig };
  const cy = must(hall.rooms.join("hall", first));
  const token = new SessionToken(tokens, first, cy, () => {});
  expect(must(await tokens.verify(await token.issue()))).toMatchObject({ kind: "agent", roomConfig });
});

test("lets nobody back who was removed since, but who has left or was let in again", async () => {
  const reissued = async (): Promise<Claims> => {
    const di = must(hall.rooms.join("hall", claims("di")));
    const token = new SessionToken(tokens, claims("di"), di, () => {});
    const verified = must(await tokens.verify(await token.issue()));
    hall.clock.pass(1);
    return verified;
  };
  const first = await reissued();
  hall.rooms.get("hall")!.participant("di")!.leave("client_left");
  must(hall.rooms.join("hall", first)).leave("participant_removed");
  const refused = { ok: false, error: "forbidden" };
  expect(hall.rooms.join("hall", first)).toEqual(refused);
  expect(hall.rooms.join("attic", { ...first, grants: { ...first.grants, room: "attic" } }).ok).toBe(true);
  hall.clock.pass(1);

  const second = await reissued();
  hall.rooms.get("hall")!.participant("di")!.leave("client_left");
  expect(hall.rooms.join("hall", first)).toEqual(refused);
  must(hall.rooms.join("hall", second));
});

test("is revoked like those of the application, by when it was issued", async () => {
  const zoe = must(hall.rooms.join("hall", claims("zoe")));
  const token = new SessionToken(tokens, claims("zoe"), zoe, () => {});
  const first = must(await tokens.verify(await token.issue()));
  hall.clock.pass(1_000);
  const second = must(await tokens.verify(await token.issue()));
  zoe.leave("client_left");
  must(hall.rooms.revoke("hall", "zoe", hall.clock.nowMs() / 1000));
  expect(hall.rooms.join("hall", first)).toEqual({ ok: false, error: "forbidden" });
  expect(hall.rooms.join("hall", second).ok).toBe(true);
});

test("comes every five minutes until the end, and expires no sooner than the first nor in ten minutes", async () => {
  const { clock } = hall;
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const first: Claims = { ...claims("di"), expiresAtSeconds: nowSeconds + 1_000 };
  const di = must(hall.rooms.join("hall", first));
  di.hold();
  const sent: string[] = [];
  const token = new SessionToken(tokens, first, di, (next) => sent.push(next));
  clock.pass(299_000);
  clock.pass(1_000);
  await expect.poll(() => sent).toHaveLength(1);
  clock.pass(100_000);
  await token.refresh();
  clock.pass(299_000);
  await token.issue();
  expect(sent).toHaveLength(2);
  clock.pass(1_000);
  await expect.poll(() => sent).toHaveLength(3);
  token.end();
  clock.pass(600_000);
  await token.issue();
  expect(sent).toHaveLength(3);
  // Made after 300, 400 and 700 s.
  const expiries = sent.map(
    (text) => JSON.parse(Buffer.from(text.split(".")[1]!, "base64url").toString()).exp,
  );
  expect(expiries).toEqual([1_000, 1_000, 1_300].map((seconds) => nowSeconds + seconds));
});

test("has the words of the first where the present ones are too long for a URL", async () => {
  const first: Claims = { ...claims("ed"), metadata: "first", attributes: { first: "yes" } };
  const ed = must(hall.rooms.join("hall", first));
  const token = new SessionToken(tokens, first, ed, () => {});
  const words = async () => {
    const { metadata, attributes } = must(await tokens.verify(await token.issue()));
    return [metadata.length, attributes];
  };
  // With the attributes as JSON, 4,096 bytes.
  must(ed.update({ attributes: { first: "", a: "b" }, metadata: "x".repeat(4_087) }));
  expect(await words()).toEqual([4_087, { a: "b" }]);
  must(ed.update({ metadata: "x".repeat(4_088) }));
  expect(await words()).toEqual([5, { first: "yes" }]);
});
