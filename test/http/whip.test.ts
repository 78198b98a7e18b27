/**
 * WHIP (RFC 9725) and WHEP through the real HTTP server, with offers of real browsers: what opens, and what it does to the
 * room. How a session lives on is in `whip-session.test.ts`, and what is refused in `whip-refusals.test.ts`.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { Grants } from "../../src/control/access-token.ts";
import type { RoomOptions } from "../../src/control/room.ts";
import { FINGERPRINT } from "../control/conference.ts";
import { type OfferName, offer, offerText } from "../sdp/offers.ts";
import { FRAGMENT, mediaArrives, member, open, post, SDP } from "./media-sessions.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

let server: Server;
let ada: string;
let bo: string;
beforeEach(async () => {
  server = await serve();
  ada = await member(server, "ada");
  bo = await member(server, "bo");
});

const transportsOf = (identity: string) => [...server.rooms.get("hall")!.participant(identity)!.transports];
const tracksOf = (identity: string) =>
  server.rooms
    .get("hall")!
    .participant(identity)!
    .tracks.map(({ section }) => section);

describe("publishing", () => {
  test.each<[OfferName, rids: string[]]>([
    ["chromium-publish-simulcast", ["q", "h", "f"]],
    ["chromium-publish-single", []],
    ["firefox-publish-simulcast", ["q", "h", "f"]],
    ["aiortc-publish", []],
  ])("%s is answered, and its tracks are in the room", async (name, rids) => {
    const response = await post(server, "/whip/hall", ada, offerText(name));
    expect(response.statusCode).toBe(201);
    expect(response.headers).toMatchObject({
      "content-type": "application/sdp",
      location: expect.stringMatching(/^\/sessions\/[\w-]{22}$/),
      etag: '"1"',
      "accept-patch": FRAGMENT,
    });
    const published = { encryption: "none" };
    expect(tracksOf("ada")).toMatchObject([
      { ...published, kind: "audio", source: "microphone", rids: [] },
      { ...published, kind: "video", source: "camera", rids },
    ]);
  });

  test("the answer names STUN and TURN servers, where there are any, as links (RFC 9725 §4.6)", async () => {
    const [stun, turn] = ["stun:[2001:db8::1]:3478", "turns:turn.example:443?transport=tcp"];
    const helped = await serve({
      BLINDFOLD_ICE_STUN_URLS: stun!,
      BLINDFOLD_ICE_TURN_URLS: turn!,
      BLINDFOLD_ICE_TURN_SECRET: "shared with coturn",
    });
    for (const [target, name] of [
      ["/whip/hall", "chromium-publish-single"],
      ["/whep/hall", "chromium-watch"],
    ] as const) {
      const { headers } = await post(helped, target, await member(helped, "eve\u{1f512}"), offerText(name));
      const [first, second] = String(headers.link).split(", ");
      expect(first).toBe(`<${stun}>; rel="ice-server"`);
      const credentials = 'username="\\d+:[\\w-]{22}"; credential="[\\w+/]{27}="; credential-type="password"';
      expect(second).toMatch(new RegExp(`^<${RegExp.escape(turn!)}>; rel="ice-server"; ${credentials}$`));
    }
    expect((await post(server, "/whip/hall", ada, offerText("chromium-publish-single"))).headers.link).toBe(
      undefined,
    );
  });

  test("the answer says of the server what its media thread was told", async () => {
    const name = "chromium-publish-simulcast";
    const { answer } = await open(server, "/whip/hall", ada, name);
    const [told] = server.thread.sent("transport.open");
    expect(told!.remoteIce).toEqual(offer(name).sections[0]!.ice);
    expect(told!.fingerprints).toEqual(offer(name).sections[0]!.fingerprints);
    expect(answer.bundle).toEqual(offer(name).bundle);
    const both = { fingerprints: [FINGERPRINT], rtcpMux: true, direction: "recvonly", rejected: false };
    // The tagged section describes the transport for all of the group.
    expect(answer.sections).toMatchObject([
      { ...both, kind: "audio", mid: "0", ice: told!.localIce, setup: "passive" },
      { ...both, kind: "video", mid: "1" },
    ]);
  });

  test.each([
    ["source=screen_share", ["screen_share_audio", "screen_share"], "none"],
    ["encryption=gcm", ["microphone", "camera"], "gcm"],
    ["source=camera&encryption=custom", ["microphone", "camera"], "custom"],
  ])("?%s is what the tracks are declared to be", async (query, sources, encryption) => {
    await open(server, `/whip/hall?${query}`, ada, "chromium-publish-single");
    expect(tracksOf("ada").map(({ source }) => source)).toEqual(sources);
    expect(tracksOf("ada").map((track) => track.encryption)).toEqual([encryption, encryption]);
  });

  test("a session of the same participant and source replaces the first, another source does not", async () => {
    const first = await open(server, "/whip/hall", ada, "chromium-publish-single");
    await open(server, "/whip/hall?source=screen_share", ada, "chromium-publish-single");
    await open(server, "/whip/hall", bo, "chromium-publish-single");
    const [camera, screen] = transportsOf("ada");
    const others = [screen!, ...transportsOf("bo")];
    // The room takes four tracks of one participant: the old ones have to make room for the new.
    await open(server, "/whip/hall", ada, "firefox-publish-simulcast");
    expect(camera!.state).toEqual({ kind: "closed", reason: "replaced" });
    expect(others.map(({ state }) => state.kind)).toEqual(["open", "open"]);
    expect(tracksOf("ada").map(({ source }) => source)).toEqual([
      "screen_share_audio",
      "screen_share",
      "microphone",
      "camera",
    ]);
    expectProblem(await ask(server, `DELETE ${first.location}`, { token: ada }), 404, "session_not_found");
  });

  test.each<[string, Partial<Grants>, Partial<RoomOptions>, number, string]>([
    ["by its token", { canPublish: false }, {}, 403, "forbidden"],
    ["in part by its token", { canPublishSources: ["microphone"] }, {}, 403, "forbidden"],
    ["by the room, for want of encryption", {}, { e2ee: "required" }, 403, "e2ee_required"],
    ["by the room, for its tracks", {}, { maxTracksPerParticipant: 1 }, 409, "too_many_tracks"],
  ])("a session that is refused %s replaces nothing", async (_name, grants, options, status, code) => {
    await open(server, "/whip/hall", ada, "chromium-publish-single");
    const before = { transports: transportsOf("ada"), tracks: tracksOf("ada") };
    server.rooms.get("hall")!.setOptions(options);
    const token = await server.token("ada", { roomJoin: true, ...grants });
    const refused = await post(server, "/whip/hall", token, offerText("firefox-publish-simulcast"));
    expectProblem(refused, status, code);
    expect({ transports: transportsOf("ada"), tracks: tracksOf("ada") }).toEqual(before);
    expect(before.transports[0]!.state.kind).toBe("open");
  });

  test("a room whose members must encrypt takes what is declared so", async () => {
    server.rooms.create("hall", { e2ee: "required" });
    await open(server, "/whip/hall?encryption=custom", ada, "chromium-publish-single");
    expect(tracksOf("ada")).toHaveLength(2);
  });
});

describe("watching", () => {
  /** Whose track each section of `identity` carries, in the order of the offer. */
  const seenBy = (identity: string) =>
    server.rooms
      .get("hall")!
      .participant(identity)!
      .subscriptions.map(({ track }) => track?.publisher.identity ?? null);

  async function publishes(token: string, identity: string): Promise<void> {
    await open(server, "/whip/hall", token, "chromium-publish-simulcast");
    mediaArrives(server, identity);
  }

  test.each<[OfferName, sections: number]>([
    ["chromium-watch", 4],
    ["firefox-watch", 2],
    ["aiortc-watch", 4],
  ])("%s is answered with streams of the server", async (name, count) => {
    await publishes(ada, "ada");
    const { answer } = await open(server, "/whep/hall", bo, name);
    const told = server.thread.sent("down-track.add").map(({ downTrack }) => downTrack);
    expect(told).toHaveLength(count);
    expect(answer.sections.map(({ mid }) => mid)).toEqual(offer(name).sections.map(({ mid }) => mid));
    expect(answer.sections).toMatchObject(
      told.map(({ kind, mid, ssrc, rtxSsrc, cname, subscriptionId }) => ({
        kind,
        mid,
        direction: "sendonly",
        ssrcs: [{ ssrc, rtxSsrc }],
        msid: { streamId: cname, trackId: subscriptionId },
      })),
    );
    expect(seenBy("bo").slice(0, 2)).toEqual(["ada", "ada"]);
  });

  test("the room: everyone else, never oneself, and later tracks in free sections", async () => {
    await publishes(ada, "ada");
    await publishes(bo, "bo");
    await open(server, "/whep/hall", bo, "chromium-watch");
    expect(seenBy("bo")).toEqual(["ada", "ada", null, null]);
    await publishes(await member(server, "cy"), "cy");
    expect(seenBy("bo")).toEqual(["ada", "ada", "cy", "cy"]);
    // Sections are all in use: whoever comes now is not seen before another one goes.
    await publishes(await member(server, "di"), "di");
    expect(seenBy("bo")).toEqual(["ada", "ada", "cy", "cy"]);
    server.rooms.get("hall")!.participant("ada")!.leave("participant_removed");
    expect(seenBy("bo")).toEqual(["di", "di", "cy", "cy"]);
  });

  test("one participant, who need not be there yet", async () => {
    await publishes(ada, "ada");
    await open(server, "/whep/hall/cy", bo, "chromium-watch");
    expect(seenBy("bo")).toEqual([null, null, null, null]);
    await publishes(await member(server, "cy"), "cy");
    expect(seenBy("bo")).toEqual(["cy", "cy", null, null]);
  });

  test("a name of any script survives the way through a URL", async () => {
    const name = "Zoë / 🎤";
    await publishes(await member(server, name), name);
    await open(server, `/whep/hall/${encodeURIComponent(name)}`, bo, "firefox-watch");
    expect(seenBy("bo")).toEqual([name, name]);
  });

  test("does not end the watcher's other sessions", async () => {
    await publishes(bo, "bo");
    await open(server, "/whep/hall", bo, "firefox-watch");
    await open(server, "/whep/hall", bo, "firefox-watch");
    expect(transportsOf("bo").map(({ state }) => state.kind)).toEqual(["open", "open", "open"]);
  });
});

test("a GET finds nothing, which is no error (RFC 9725 §4.1)", async () => {
  const { location } = await open(server, "/whip/hall", ada, "chromium-publish-single");
  for (const url of ["/whip/hall", "/whep/hall", "/whep/hall/ada", location]) {
    for (const method of ["GET", "HEAD"]) {
      const found = await ask(server, `${method} ${url}`, { token: ada });
      expect([found.statusCode, found.body], `${method} ${url}`).toEqual([204, ""]);
    }
    expectProblem(await ask(server, `GET ${url}`), 401, "unauthorized");
  }
  expectProblem(await ask(server, `GET ${location}`, { token: bo }), 404, "session_not_found");
});

describe("a browser's script from another origin", () => {
  const origin = "https://app.example";

  test.each([
    ["/whip/hall", "POST", { allow: "POST, GET, HEAD, OPTIONS", "accept-post": SDP }],
    ["/whep/hall", "POST", { allow: "POST, GET, HEAD, OPTIONS", "accept-post": SDP }],
    ["/whep/hall/ada", "POST", { allow: "POST, GET, HEAD, OPTIONS", "accept-post": SDP }],
    ["/sessions/x", "PATCH", { allow: "PATCH, GET, HEAD, DELETE, OPTIONS", "accept-patch": FRAGMENT }],
    ["/sessions/x", "DELETE", { allow: "PATCH, GET, HEAD, DELETE, OPTIONS", "accept-patch": FRAGMENT }],
  ])("may ask %s whether it takes %s", async (url, method, expected) => {
    const shared = await serve({ BLINDFOLD_HTTP_CORS_ORIGINS: origin });
    const headers = { origin, "access-control-request-method": method };
    const options = await ask(shared, `OPTIONS ${url}`, { headers });
    expect([options.statusCode, options.body]).toEqual([204, ""]);
    expect(options.headers).toMatchObject({ ...expected, "access-control-allow-origin": origin });
    expect(options.headers["access-control-allow-methods"]).toContain(method);
    const unshared = await ask(server, `OPTIONS ${url}`, { headers });
    expect(unshared.headers).toMatchObject(expected);
    expect(unshared.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("may read the headers that it needs", async () => {
    const shared = await serve({ BLINDFOLD_HTTP_CORS_ORIGINS: origin });
    const response = await ask(shared, "POST /whip/hall", {
      token: await member(shared, "ada"),
      payload: offerText("chromium-publish-single"),
      headers: { origin, "content-type": SDP },
    });
    expect(response.statusCode).toBe(201);
    const exposed = String(response.headers["access-control-expose-headers"]).toLowerCase().split(/, */);
    expect(exposed).toEqual(expect.arrayContaining(["location", "etag", "accept-patch"]));
  });
});
