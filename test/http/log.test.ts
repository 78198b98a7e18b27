/** Goal: the log says what has changed, and nothing that people say; no stranger can fill it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  AddTrackRequest,
  ClientInfo,
  JoinRequest,
  SendDataRequest,
  SessionDescription,
  SignalRequest,
  UpdateParticipantMetadata,
  WrappedJoinRequest,
} from "@livekit/protocol";
import { expect, test } from "vitest";
import { NO_ROOM_CONFIG } from "../../src/control/access-token.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { grants } from "../control/conference.ts";
import { offerText } from "../sdp/offers.ts";
import { FRAGMENT, post } from "./media-sessions.ts";
import { ask, serve } from "./server.ts";

test("who is refused leaves no line, however often it asks; who changes something leaves one", async () => {
  const lines: string[] = [];
  const log = createLogger("info", { write: (line) => void lines.push(line) });
  const server = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "10" }, {}, log);
  const payload = { name: "hall" };
  for (let i = 0; i < 50; i++) await ask(server, "POST /v1/rooms", { payload });
  await ask(server, "DELETE /nowhere", { remoteAddress: "192.0.2.1" });
  expect(lines).toEqual([]);
  const token = await server.token("app", { roomCreate: true });
  const created = await ask(server, "POST /v1/rooms", { token, payload, remoteAddress: "192.0.2.1" });
  expect(created.statusCode).toBe(201);
  const answered = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "request answered");
  expect(answered).toMatchObject([{ level: "info", method: "POST", route: "/v1/rooms", status: 201 }]);
});

test.each([
  ["info", [undefined]],
  ["debug", ["192.0.2.1", "192.0.2.2"]],
])("at %s an answered request has the addresses %j", async (level, addresses) => {
  const lines: string[] = [];
  const log = createLogger(level, { write: (line) => void lines.push(line) });
  const server = await serve({}, {}, log);
  const token = await server.token("app", { roomCreate: true });
  const payload = { name: "hall" };
  await ask(server, "POST /v1/rooms", { token, payload, remoteAddress: "192.0.2.1" });
  await ask(server, "POST /v1/rooms", { payload, remoteAddress: "192.0.2.2" });
  const answered = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "request answered");
  expect(answered.map(({ ip }) => ip)).toEqual(addresses);
  if (level === "info") expect(lines.join()).not.toContain("192.0.2");
});

test("at no level is there anything that people say of themselves or to each other, nor what opens a door", async () => {
  const lines: string[] = [];
  const server = await serve({}, {}, createLogger("trace", { write: (line) => void lines.push(line) }));
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  const [metadata, name, attributes] = ["secret-1", "secret-2", { "secret-3": "secret-4" }];
  const all = grants({ roomAdmin: true, roomCreate: true, roomList: true, canUpdateOwnMetadata: true });
  const roomConfig = { ...NO_ROOM_CONFIG, metadata: "secret-5" };
  const claims = { identity: "ada", name, metadata, attributes, roomConfig, grants: all, validSeconds: 60 };
  const token = await server.tokens.issue(claims);

  const addTrackRequests = [new AddTrackRequest({ cid: "secret-6", name: "secret-7", stream: "secret-8" })];
  const clientInfo = new ClientInfo({ deviceModel: "secret-9", address: "192.0.2.7" });
  const join = new JoinRequest({ metadata, participantAttributes: attributes, clientInfo, addTrackRequests });
  const query = new URLSearchParams({
    access_token: token,
    join_request: Buffer.from(
      new WrappedJoinRequest({ joinRequest: new Uint8Array(join.toBinary()) }).toBinary(),
    ).toString("base64url"),
  });
  const { port } = server.app.server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rtc/v1?${query}`);
  await once(socket, "open");
  const own = new UpdateParticipantMetadata({ name: "secret-10", metadata: "secret-11", attributes });
  const good = new SessionDescription({ type: "offer", sdp: offerText("chromium-publish-single"), id: 1 });
  const bad = new SessionDescription({ type: "offer", sdp: `${good.sdp}a=mid:secret-12 13\r\n`, id: 2 });
  for (const message of [
    { case: "updateMetadata", value: own },
    { case: "offer", value: good },
    { case: "offer", value: bad },
  ] as const) {
    socket.send(new Uint8Array(new SignalRequest({ message }).toBinary()));
  }
  await once(socket, "close");

  const location = (await post(server, "/whip/hall", token, offerText("chromium-publish-single"))).headers
    .location;
  await post(server, "/whip/hall?encryption=secret-14", token, "v=0\r\ns=secret-15\r\nm=secret-16");
  const headers = { "content-type": FRAGMENT, "if-match": "*" };
  const payload = "a=ice-ufrag:secret-17\r\na=ice-pwd:secret-18-secret-18-secret-18\r\n";
  await ask(server, `PATCH ${location}`, { token, headers, payload });
  await ask(server, "PATCH /v1/rooms/hall", { token, payload: { metadata: "secret-19" } });
  await ask(server, "POST /v1/rooms", { token, payload: { name: "attic", metadata: 20, "secret-20": 1 } });
  const sent = new SendDataRequest({ room: "hall", topic: "secret-21", data: Buffer.from("secret-22") });
  await ask(server, "POST /twirp/livekit.RoomService/SendData", {
    token,
    headers: { "content-type": "application/json" },
    payload: sent.toJsonString(),
  });
  const reported = { identity: "bo", reason: "spam", comment: "secret-23" };
  await ask(server, "POST /v1/rooms/hall/reports", { token, payload: reported });
  await ask(server, "GET /v1/rooms", { token: `${token}x` });
  await ask(server, "DELETE /v1/rooms/hall", { token });
  await server.app.close();

  const said = lines.map((line) => JSON.parse(line).msg);
  expect(said).toEqual(
    expect.arrayContaining([
      "negotiation failed",
      "transport opened",
      "participant reported",
      "room deleted",
    ]),
  );
  const telling = [token, "secret-", "192.0.2.7", "ice-", Buffer.from("secret-22").toString("base64")];
  expect(lines.filter((line) => telling.some((words) => line.includes(words)))).toEqual([]);
});
