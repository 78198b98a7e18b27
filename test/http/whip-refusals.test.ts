/**
 * What WHIP and WHEP refuse: each as a problem document, and without a trace in the room.
 *
 * Tables of requests that fail for one reason each; then offers of real browsers, broken by chance.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Grants } from "../../src/control/access-token.ts";
import type { RoomDefaults } from "../../src/control/rooms.ts";
import { claims, connect, enter, must, REMOTE, section } from "../control/conference.ts";
import { description, OFFERS, type OfferName, offerText } from "../sdp/offers.ts";
import { FRAGMENT, member, open, post, SDP } from "./media-sessions.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

const PUBLISH = offerText("chromium-publish-single");
const WATCH = offerText("chromium-watch");

const offerFor = (target: string): string => (target.startsWith("/whip") ? PUBLISH : WATCH);

const without = (attribute: string): string =>
  PUBLISH.split("\r\n")
    .filter((line) => !line.startsWith(attribute))
    .join("\r\n");

/** Everything that a session leaves in a room; transports also as the media thread has them. */
function traces({ rooms, thread }: Server) {
  const participants = rooms.list.flatMap((room) => room.participants);
  return {
    participants: participants.map(({ identity }) => identity),
    transports: participants.flatMap(({ transports }) => [...transports]).length,
    open: thread.sent("transport.open").length - thread.sent("transport.close").length,
    tracks: rooms.counts.tracks,
    subscriptions: participants.flatMap(({ subscriptions }) => subscriptions).length,
  };
}

/** For longer than a replacement takes. */
function loseDtlsThread({ dataThread, clock }: Server): void {
  dataThread.die();
  clock.pass(5_000);
}

const NOTHING = { participants: [], transports: 0, open: 0, tracks: 0, subscriptions: 0 };

describe("a token that does not grant it", () => {
  test.each<[string, Partial<Grants>]>([
    ["/whip/hall", {}],
    ["/whip/hall", { roomJoin: true, room: "cellar" }],
    ["/whip/hall", { roomAdmin: true, roomCreate: true }],
    ["/whip/hall", { roomJoin: true, canPublish: false }],
    ["/whip/hall", { roomJoin: true, canPublishSources: ["microphone"] }],
    ["/whip/hall", { roomJoin: true, canPublishSources: ["screen_share"] }],
    ["/whip/hall?source=screen_share", { roomJoin: true, canPublishSources: ["camera", "microphone"] }],
    ["/whep/hall", {}],
    ["/whep/hall", { roomJoin: true, room: "cellar" }],
    ["/whep/hall", { roomJoin: true, canSubscribe: false }],
    ["/whep/hall/bo", { roomJoin: true, canSubscribe: false }],
  ])("POST %s %j", async (target, grants) => {
    const server = await serve();
    const token = await server.token("ada", grants);
    expectProblem(await post(server, target, token, offerFor(target)), 403, "forbidden");
    expect(traces(server)).toEqual(NOTHING);
  });

  test.each(["/whip/hall", "/whep/hall", "/whep/hall/bo"])("none at all, POST %s", async (url) => {
    const server = await serve();
    const response = await ask(server, `POST ${url}`, { payload: PUBLISH, headers: { "content-type": SDP } });
    expectProblem(response, 401, "unauthorized");
    expect(response.headers["www-authenticate"]).toBe("Bearer");
    const nobody = await server.token("", { roomJoin: true });
    expectProblem(await post(server, url, nobody, offerFor(url)), 403, "identity_required");
    expect(traces(server)).toEqual(NOTHING);
  });
});

describe("a room that does not take it", () => {
  test.each<[string, Partial<RoomDefaults>, (server: Server) => void, string, number, string]>([
    ["does not exist", { autoCreate: false }, () => {}, "/whip/hall", 404, "room_not_found"],
    ["does not exist, to watch", { autoCreate: false }, () => {}, "/whep/hall", 404, "room_not_found"],
    ["is full", { maxParticipants: 1 }, ({ rooms }) => enter(rooms, "bo"), "/whip/hall", 409, "room_full"],
    [
      "is full, to watch",
      { maxParticipants: 1 },
      ({ rooms }) => enter(rooms, "bo"),
      "/whep/hall",
      409,
      "room_full",
    ],
    [
      "is locked",
      {},
      ({ rooms }) => rooms.create("hall", { locked: true }),
      "/whip/hall",
      403,
      "room_locked",
    ],
    ["has banned it", {}, ({ rooms }) => rooms.ban("hall", "ada", null), "/whep/hall", 403, "banned"],
    ["wants encryption", { e2ee: "required" }, () => {}, "/whip/hall", 403, "e2ee_required"],
    [
      "wants encryption, not none",
      { e2ee: "required" },
      () => {},
      "/whip/hall?encryption=none",
      403,
      "e2ee_required",
    ],
    ["takes one track", { maxTracksPerParticipant: 1 }, () => {}, "/whip/hall", 409, "too_many_tracks"],
    ["is of a draining server", {}, ({ rooms }) => rooms.drain(), "/whip/hall", 503, "draining"],
    ["has no media thread", {}, ({ thread }) => thread.die(), "/whip/hall", 503, "no_capacity"],
    ["has no DTLS thread", {}, loseDtlsThread, "/whip/hall", 503, "no_capacity"],
    ["has no media thread, to watch", {}, ({ thread }) => thread.die(), "/whep/hall", 503, "no_capacity"],
  ])("%s", async (_name, defaults, prepare, target, status, code) => {
    const server = await serve({}, defaults);
    prepare(server);
    const before = traces(server);
    const response = await post(server, target, await member(server, "ada"), offerFor(target));
    expectProblem(response, status, code);
    expect(traces(server)).toEqual(before);
  });

  test.each(["/whip/hall", "/whep/hall"])(
    "that has a lobby: it waits there until it is admitted, %s",
    async (url) => {
      const server = await serve({}, { lobby: true });
      const token = await member(server, "ada");
      expectProblem(await post(server, url, token, offerFor(url)), 403, "awaiting_admission");
      const { lobby } = server.rooms.get("hall")!;
      expect([lobby.waiting.map(({ identity }) => identity), traces(server)]).toEqual([["ada"], NOTHING]);
      lobby.decide("ada", true);
      expect((await post(server, url, token, offerFor(url))).statusCode).toBe(201);
    },
  );

  test("of a name that cannot be shown", async () => {
    const server = await serve();
    const token = await server.token("ada", { roomJoin: true, room: "a\u0000b" });
    expectProblem(await post(server, "/whip/a%00b", token, PUBLISH), 400, "invalid_room_name");
  });

  test("may still be made by whoever may create rooms", async () => {
    const server = await serve({}, { autoCreate: false });
    const token = await server.token("ada", { roomJoin: true, roomCreate: true });
    await open(server, "/whip/hall", token, "chromium-publish-single");
    expect(traces(server)).toMatchObject({ participants: ["ada"], tracks: 2 });
  });

  test("because of too many sessions of one participant", async () => {
    const server = await serve();
    for (let count = 0; count < 256; count += 1) connect(server.rooms, "ada");
    const response = await post(server, "/whip/hall", await member(server, "ada"), PUBLISH);
    expectProblem(response, 409, "too_many_transports");
    expect(traces(server)).toMatchObject({ transports: 256, open: 256, tracks: 0 });
  });
});

describe("whatever is refused leaves who is in the room as it was", () => {
  const REFUSED: [string, string, Partial<Grants>, (server: Server) => void, string][] = [
    ["may not publish", "/whip/hall", { canPublish: false }, () => {}, "forbidden"],
    ["may not publish a picture", "/whip/hall", { canPublishSources: ["microphone"] }, () => {}, "forbidden"],
    ["may not watch", "/whep/hall", { canSubscribe: false }, () => {}, "forbidden"],
    ["does not encrypt", "/whip/hall", {}, limit({ e2ee: "required" }), "e2ee_required"],
    ["has too many tracks", "/whip/hall", {}, limit({ maxTracksPerParticipant: 1 }), "too_many_tracks"],
    ["finds no media thread", "/whep/hall", {}, ({ thread }) => thread.die(), "no_capacity"],
    ["finds no DTLS thread", "/whep/hall", {}, loseDtlsThread, "no_capacity"],
  ];

  function limit(options: Partial<RoomDefaults>): (server: Server) => void {
    return ({ rooms }) => void rooms.get("hall")!.setOptions(options);
  }

  async function refuse(
    server: Server,
    target: string,
    grants: Partial<Grants>,
    code: string,
  ): Promise<void> {
    const events: string[] = [];
    server.rooms.get("hall")!.events.on(({ kind }) => events.push(kind));
    const token = await server.token("ada", { roomJoin: true, hidden: true, ...grants });
    const response = await post(server, target, token, offerFor(target));
    expectProblem(response, response.statusCode, code);
    expect(events).toEqual([]);
  }

  test.each(REFUSED)("one who is forwarded there, where one who %s comes", async (...refused) => {
    const [, target, grants, prepare, code] = refused;
    const server = await serve();
    server.rooms.create("hall");
    const home = must(server.rooms.join("home", claims("ada", { room: "home" })));
    must(must(home.openTransport(home.profile.permission, REMOTE)).publish(section("audio")));
    must(server.rooms.forward(home, "hall"));
    const [standIn] = server.rooms.get("hall")!.participants;
    // It is in the room whatever becomes of its media.
    home.hold();
    prepare(server);
    await refuse(server, target, grants, code);
    expect(server.rooms.get("hall")!.participants).toEqual([standIn]);
    expect(standIn!.source).toBe(home);
  });

  test.each(REFUSED)("one who is there itself, where one who %s comes", async (...refused) => {
    const [, target, grants, prepare, code] = refused;
    const server = await serve();
    const { participant } = connect(server.rooms, "ada");
    prepare(server);
    const { profile } = participant;
    await refuse(server, target, grants, code);
    expect(server.rooms.get("hall")!.participants).toEqual([participant]);
    expect(participant.profile).toEqual(profile);
  });

  test("nobody, where there is no room", async () => {
    const server = await serve();
    const token = await server.token("ada", { roomJoin: true, canPublish: false });
    expectProblem(await post(server, "/whip/hall", token, PUBLISH), 403, "forbidden");
    expect(server.rooms.list).toEqual([]);
  });
});

describe("a body that cannot be answered", () => {
  const large = `${PUBLISH}${"a=x\r\n".repeat(14_000)}`;
  test.each<[string, string, string, string, number, string]>([
    ["not SDP", "/whip/hall", SDP, "hello", 400, "bad_request"],
    ["empty", "/whip/hall", SDP, "", 400, "bad_request"],
    ["empty, to watch", "/whep/hall", SDP, "", 400, "bad_request"],
    ["too large", "/whip/hall", SDP, large, 413, "payload_too_large"],
    ["too large, to watch", "/whep/hall", SDP, large, 413, "payload_too_large"],
    ["of JSON", "/whip/hall", "application/json", "{}", 415, "unsupported_media_type"],
    ["of text", "/whip/hall", "text/plain", PUBLISH, 415, "unsupported_media_type"],
    ["a fragment", "/whip/hall", FRAGMENT, PUBLISH, 415, "unsupported_media_type"],
    ["a fragment, to watch", "/whep/hall", FRAGMENT, WATCH, 415, "unsupported_media_type"],
    ["only receiving, to publish", "/whip/hall", SDP, WATCH, 422, "unacceptable_session"],
    ["only sending, to watch", "/whep/hall", SDP, PUBLISH, 422, "unacceptable_session"],
    ["only sending, to watch one", "/whep/hall/bo", SDP, PUBLISH, 422, "unacceptable_session"],
    ["without BUNDLE", "/whip/hall", SDP, without("a=group"), 422, "unacceptable_session"],
    ["without rtcp-mux", "/whip/hall", SDP, without("a=rtcp-mux"), 422, "unacceptable_session"],
    ["without ICE", "/whip/hall", SDP, without("a=ice-"), 422, "unacceptable_session"],
    ["without fingerprint", "/whip/hall", SDP, without("a=fingerprint"), 422, "unacceptable_session"],
    ["of an unknown source", "/whip/hall?source=window", SDP, PUBLISH, 400, "invalid_request"],
    ["of an unknown encryption", "/whip/hall?encryption=rot13", SDP, PUBLISH, 400, "invalid_request"],
    ["with an unknown option", "/whip/hall?codec=vp8", SDP, PUBLISH, 400, "invalid_request"],
  ])("%s", async (_name, target, type, payload, status, code) => {
    const server = await serve();
    const token = await member(server, "ada");
    const response = await ask(server, `POST ${target}`, {
      token,
      payload,
      headers: { "content-type": type },
    });
    expectProblem(response, status, code);
    expect(traces(server)).toEqual(NOTHING);
    expect(server.rooms.list).toEqual([]);
  });

  test("of no type is refused, a type in capitals with a parameter is not", async () => {
    const server = await serve();
    const token = await member(server, "ada");
    const untyped = await ask(server, "POST /whip/hall", { token, payload: PUBLISH });
    expectProblem(untyped, 415, "unsupported_media_type");
    const headers = { "content-type": "Application/SDP; charset=utf-8" };
    expect((await ask(server, "POST /whip/hall", { token, payload: PUBLISH, headers })).statusCode).toBe(201);
  });
});

interface Mutation {
  readonly how: "drop" | "duplicate" | "swap" | "value" | "word";
  /** Number of a line, modulo how many there are; duplicates and swaps have two places. */
  readonly at: number;
  readonly other: number;
  readonly junk: string;
}

describe("offers of real browsers, broken by chance", () => {
  // Without bias: fast-check prefers small numbers, and most offers would end at their first line.
  const place = fc.noBias(fc.nat({ max: 99_999 }));
  const mutation: fc.Arbitrary<Mutation> = fc.record({
    how: fc.constantFrom(...(["drop", "duplicate", "swap", "value", "word"] as const)),
    at: place,
    other: place,
    junk: fc.oneof(
      fc.constantFrom("0", "-1", "9", "96", "65536", "4294967296", "*", "a=b;c=d", "sendrecv", "sha-256"),
      fc.nat({ max: 128 }).map(String),
      fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
  });

  function mutate(text: string, mutations: readonly Mutation[]): string {
    const lines = text.split("\r\n").slice(0, -1);
    for (const { how, at, other, junk } of mutations) {
      const [here, there] = [at % lines.length, other % lines.length];
      const line = lines[here] ?? "";
      if (how === "drop") lines.splice(here, 1);
      if (how === "duplicate") lines.splice(there, 0, line);
      if (how === "swap") [lines[here], lines[there]] = [lines[there] ?? "", line];
      if (how === "value") lines[here] = line.replace(/^(a=[^:]*:|.=).*/, (_all, name) => `${name}${junk}`);
      if (how === "word") lines[here] = line.replace(/[^ :=]*$/, () => junk);
    }
    return lines.map((line) => `${line}\r\n`).join("");
  }

  test("are answered, or refused without a fault of ours and without a trace", async () => {
    const server = await serve();
    const token = await member(server, "ada");
    const statuses = new Set<number>();
    const targetsOf = (name: OfferName): string[] =>
      name.endsWith("watch")
        ? ["/whep/hall", "/whep/hall/bo"]
        : ["/whip/hall", "/whip/hall?source=screen_share"];
    const request = fc.record({
      opening: fc.constantFrom(
        ...OFFERS.flatMap((name) => targetsOf(name).map((target) => ({ name, target }))),
      ),
      mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ opening: { name, target }, mutations }) => {
        const broken = mutate(offerText(name), mutations);
        const response = await post(server, target, token, broken);
        statuses.add(response.statusCode);
        if (response.statusCode === 201) {
          const [offered, answer] = [description(broken), description(response.body)];
          const accepted = answer.sections.filter(({ rejected }) => !rejected);
          expect(accepted).not.toEqual([]);
          expect(answer.bundle).toHaveLength(offered.bundle.length > 0 ? accepted.length : 0);
          expect(answer.sections).toHaveLength(offered.sections.length);
          expect(traces(server)).toMatchObject({ transports: 1, open: 1 });
          server.rooms.get("hall")!.participant("ada")!.leave("participant_removed");
        } else {
          expect(response.statusCode).toBeLessThan(500);
          expectProblem(response, response.statusCode, response.json().code);
        }
        expect(traces(server)).toEqual(NOTHING);
      }),
      { numRuns: 400, seed: 9725 },
    );
    // The mutations are neither so mild nor so harsh that one of these outcomes is never seen.
    expect([...statuses]).toEqual(expect.arrayContaining([201, 400, 422]));
  });
});
