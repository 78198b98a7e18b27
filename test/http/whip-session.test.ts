/** A WHIP session once it is open (RFC 9725 §4.2, §4.3): candidates, ICE restarts, its end, and whose it is. */
import { beforeEach, describe, expect, test } from "vitest";
import { parseFragment } from "../../src/sdp/ice-fragment.ts";
import { offer, offerText } from "../sdp/offers.ts";
import { FRAGMENT, member, open, SDP } from "./media-sessions.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

let server: Server;
let ada: string;
beforeEach(async () => {
  server = await serve();
  ada = await member(server, "ada");
});

const transportsOf = (identity: string) => [...server.rooms.get("hall")!.participant(identity)!.transports];

describe("a session", () => {
  const RESTART = "a=ice-ufrag:fresh\r\na=ice-pwd:freshPasswordOf22Letters\r\n";
  const FRESH = { ufrag: "fresh", pwd: "freshPasswordOf22Letters" };
  const CANDIDATE = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
  const { ice } = offer("chromium-publish-single").sections[0]!;
  const PRESENT = `a=ice-ufrag:${ice!.ufrag}\r\na=ice-pwd:${ice!.pwd}\r\n${CANDIDATE}`;

  let location: string;
  beforeEach(async () => {
    ({ location } = await open(server, "/whip/hall", ada, "chromium-publish-single"));
  });

  const patch = (payload: string, ifMatch?: string, { token = ada, type = FRAGMENT } = {}) => {
    const condition = ifMatch === undefined ? {} : { "if-match": ifMatch };
    return ask(server, `PATCH ${location}`, {
      token,
      payload,
      headers: { "content-type": type, ...condition },
    });
  };
  const restarts = () => server.thread.sent("transport.restart-ice");

  test.each([
    ["its ETag", CANDIDATE, '"1"'],
    ["its ETag among others", CANDIDATE, 'W/"1", "9" , "1"'],
    ["*", CANDIDATE, "*"],
    ["*, in quotes", CANDIDATE, '"*"'],
    ["its ETag, and the credentials in use", PRESENT, '"1"'],
  ])("takes note of candidates: %s", async (_name, payload, ifMatch) => {
    const response = await patch(payload, ifMatch);
    expect([response.statusCode, response.body, response.headers.etag]).toEqual([204, "", undefined]);
    expect(restarts()).toEqual([]);
  });

  test.each(['"1"', "*", '"*"'])("restarts ICE with new credentials and If-Match: %s", async (ifMatch) => {
    const before = transportsOf("ada")[0]!.localIce;
    const response = await patch(RESTART, ifMatch);
    expect([response.statusCode, response.headers.etag]).toEqual([200, '"2"']);
    expect(response.headers["content-type"]).toBe(FRAGMENT);
    const [told, ...more] = restarts();
    expect([told!.remoteIce, more]).toEqual([FRESH, []]);
    expect(told!.localIce).not.toEqual(before);
    expect(parseFragment(response.body)).toEqual({ ok: true, ice: told!.localIce });
    expect(response.body).toContain("127.0.0.1 7882 typ host");
  });

  test("has one ETag for each ICE session, and only the present one is good", async () => {
    await patch(RESTART, '"1"');
    expectProblem(await patch(CANDIDATE, '"1"'), 412, "precondition_failed");
    expectProblem(await patch(RESTART.replaceAll("fresh", "newer"), '"1"'), 412, "precondition_failed");
    expect((await patch(RESTART, '"2"')).statusCode).toBe(204);
    expect(restarts()).toHaveLength(1);
    expect((await patch(RESTART.replaceAll("fresh", "newer"), '"2"')).headers.etag).toBe('"3"');
  });

  test.each([
    ["without If-Match", RESTART, undefined, {}, 428, "precondition_required"],
    ["with another tag", RESTART, '"2"', {}, 412, "precondition_failed"],
    ["with a weak tag", RESTART, 'W/"1"', {}, 412, "precondition_failed"],
    ["with a whole description", offerText("chromium-watch"), '"1"', {}, 400, "bad_request"],
    ["with half of the credentials", "a=ice-ufrag:fresh\r\n", '"1"', {}, 400, "bad_request"],
    ["of another media type", RESTART, '"1"', { type: SDP }, 415, "unsupported_media_type"],
    ["of JSON", "{}", '"1"', { type: "application/json" }, 415, "unsupported_media_type"],
  ])("is not changed %s", async (_name, payload, ifMatch, options, status, code) => {
    expectProblem(await patch(payload, ifMatch, options), status, code);
    expect(restarts()).toEqual([]);
    expect((await patch(CANDIDATE, '"1"')).statusCode).toBe(204);
  });

  test("ends by DELETE, and then is gone", async () => {
    const [transport] = transportsOf("ada");
    const ended = await ask(server, `DELETE ${location}`, { token: ada });
    expect([ended.statusCode, ended.body, ended.headers["content-type"]]).toEqual([200, "", undefined]);
    expect(transport!.state).toEqual({ kind: "closed", reason: "client_left" });
    expect(server.thread.sent("transport.close")).toHaveLength(1);
    expectProblem(await ask(server, `DELETE ${location}`, { token: ada }), 404, "session_not_found");
    expectProblem(await patch(RESTART, "*"), 404, "session_not_found");
  });

  test.each(["application/json", SDP])("ends by DELETE from a client that always says %s", async (type) => {
    const ended = await ask(server, `DELETE ${location}`, { token: ada, headers: { "content-type": type } });
    expect(ended.statusCode).toBe(200);
    expect(transportsOf("ada")).toEqual([]);
  });

  test("is gone when its connection has failed", async () => {
    const { id: transportId } = transportsOf("ada")[0]!;
    server.thread.emit({ kind: "transport.state", transportId, state: "failed", reason: "ice_timeout" });
    expectProblem(await patch(RESTART, "*"), 404, "session_not_found");
  });

  test.each([
    ["another identity", "bo", "hall"],
    ["no identity", "", "hall"],
    ["another room", "ada", "cellar"],
  ])("does not exist for a token of %s", async (_name, identity, room) => {
    const token = await server.token(identity, { roomJoin: true, roomAdmin: true, room });
    expectProblem(await patch(RESTART, "*", { token }), 404, "session_not_found");
    expectProblem(await ask(server, `DELETE ${location}`, { token }), 404, "session_not_found");
    expect(transportsOf("ada")[0]!.state.kind).toBe("open");
  });

  test("is for bearers of a token only", async () => {
    expectProblem(await ask(server, `DELETE ${location}`), 401, "unauthorized");
    expectProblem(await ask(server, `PATCH ${location}`, { payload: RESTART }), 401, "unauthorized");
  });
});
