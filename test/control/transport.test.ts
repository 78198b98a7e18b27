import fc from "fast-check";
import { expect, test } from "vitest";
import { asSsrc, type SubscriptionId } from "../../src/base/ids.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import {
  conference,
  connect,
  enter,
  FINGERPRINT,
  grants,
  must,
  OPUS,
  REMOTE,
  REMOTE_ICE,
  section,
  VP8,
  VP9,
} from "./conference.ts";

/** The subscriber numbers payload types in its own way. */
const THEIR_VP8 = { ...VP8, payloadType: 120, rtxPayloadType: 121 };
const THEIR_VP9 = { ...VP9, payloadType: 122 };
const RED = { payloadType: 63, codec: "red", clockRate: 48_000, profile: "111/111" } as const;
const AUDIO_SLOT = { kind: "audio", mid: "0", payloads: [OPUS] } as const;
const VIDEO_SLOT = { kind: "video", mid: "1", payloads: [THEIR_VP8, THEIR_VP9] } as const;

test("opening tells the media thread both sides' credentials, which are strong and never repeat", () => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  const everything = {
    loudestAudios: Number.POSITIVE_INFINITY,
    lastVideos: Number.POSITIVE_INFINITY,
    guardsEncryption: true,
  };
  expect(thread.commands).toEqual([
    { kind: "room.options", roomId: "hall", options: everything },
    {
      kind: "transport.open",
      transportId: transport.id,
      roomId: "hall",
      localIce: transport.localIce,
      remoteIce: REMOTE_ICE,
      fingerprints: [FINGERPRINT],
      extensions: { "urn:ietf:params:rtp-hdrext:sdes:mid": 4 },
    },
  ]);
  expect(transport.server).toEqual({ fingerprint: FINGERPRINT, candidates: thread.candidates });
  const credentials = Array.from({ length: 255 }, () => connect(rooms, "ada").localIce);
  for (const { ufrag, pwd } of credentials) {
    expect(ufrag).toMatch(/^[A-Za-z0-9+/]{8}$/);
    expect(pwd).toMatch(/^[A-Za-z0-9+/]{32}$/);
  }
  expect(new Set(credentials.map(({ ufrag }) => ufrag)).size).toBe(255);
  expect(enter(rooms, "ada").openTransport(grants(), REMOTE)).toEqual({
    ok: false,
    error: "too_many_transports",
  });
});

test("an ICE restart makes new credentials", () => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  const before = transport.localIce;
  const remoteIce = { ufrag: "again", pwd: "another-password-another" };
  const localIce = transport.restartIce(remoteIce);
  expect(localIce).not.toEqual(before);
  expect(transport.localIce).toBe(localIce);
  expect(thread.commands.at(-1)).toEqual({
    kind: "transport.restart-ice",
    transportId: transport.id,
    localIce,
    remoteIce,
  });
});

test("publishing tells the media thread what it needs, and nothing about meaning", () => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  const ssrcs = [{ ssrc: asSsrc(1), rtxSsrc: asSsrc(2) }];
  const track = must(transport.publish(section("video", { rids: ["q", "h", "f"], ssrcs })));
  expect(thread.commands.at(-1)).toEqual({
    kind: "up-track.add",
    transportId: transport.id,
    track: {
      trackId: track.id,
      publisher: transport.participant.id,
      kind: "video",
      content: "camera",
      mid: "video",
      payloads: [VP8, VP9],
      rids: ["q", "h", "f"],
      ssrcs,
    },
  });
  expect(rooms.get("hall")!.track(track.id)).toBe(track);
});

test.each([
  ["canPublish denied", { canPublish: false }, "optional", "camera", "none", "forbidden"],
  ["source not granted", { canPublishSources: ["microphone"] }, "optional", "camera", "none", "forbidden"],
  ["source granted", { canPublishSources: ["camera"] }, "optional", "camera", "none", undefined],
  ["source unnamed", { canPublishSources: ["camera"] }, "optional", "unknown", "none", "forbidden"],
  ["plain in a room that wants E2EE", {}, "required", "camera", "none", "e2ee_required"],
  ["encrypted in a room that wants E2EE", {}, "required", "camera", "gcm", undefined],
  ["custom encryption in a room that wants E2EE", {}, "required", "camera", "custom", undefined],
] as const)("publish: %s", (_name, granted, e2ee, source, encryption, error) => {
  const { rooms, thread } = conference({ e2ee });
  const transport = connect(rooms, "ada", granted as never);
  const result = transport.publish(section("video", { source, encryption }));
  expect(result.ok ? undefined : result.error).toBe(error);
  expect(thread.sent("up-track.add")).toHaveLength(error === undefined ? 1 : 0);
});

test("a participant's tracks are counted over all of its transports", () => {
  const { rooms } = conference({ maxTracksPerParticipant: 2 });
  const [one, two] = [connect(rooms, "ada"), connect(rooms, "ada")];
  must(one.publish(section("audio")));
  must(two.publish(section("video")));
  expect(two.publish(section("video"))).toEqual({ ok: false, error: "too_many_tracks" });
  one.close();
  must(two.publish(section("video")));
});

test("a closed transport publishes and receives nothing", () => {
  const { rooms } = conference();
  const transport = connect(rooms, "ada");
  transport.close();
  expect(transport.publish(section("audio"))).toEqual({ ok: false, error: "closed" });
  expect(transport.addSlot(AUDIO_SLOT)).toEqual({ ok: false, error: "closed" });
});

test("slots: unique SSRCs away from those announced, RTX only where negotiated, one CNAME per pair", () => {
  const { rooms } = conference();
  const transport = connect(rooms, "ada");
  const slots = [AUDIO_SLOT, VIDEO_SLOT, AUDIO_SLOT, VIDEO_SLOT].map((slot) => must(transport.addSlot(slot)));
  const ssrcs = slots.flatMap(({ section: { ssrc, rtxSsrc } }) => (rtxSsrc === 0 ? [ssrc] : [ssrc, rtxSsrc]));
  expect(ssrcs).toHaveLength(6);
  expect(new Set(ssrcs).size).toBe(6);
  expect(ssrcs).not.toContain(0);
  const [a0, v0, a1, v1] = slots.map(({ section }) => section.cname);
  expect(a0).toBe(v0);
  expect(a1).toBe(v1);
  expect(a0).not.toBe(a1);
  for (let count = 4; count < 256; count++) must(transport.addSlot(AUDIO_SLOT));
  expect(transport.addSlot(AUDIO_SLOT)).toEqual({ ok: false, error: "too_many_subscriptions" });
});

test("a watched track starts when its codec is known, in the subscriber's numbering", () => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("video")));
  const viewer = connect(rooms, "bo");
  const slot = must(viewer.addSlot(VIDEO_SLOT));
  must(viewer.watch({ identity: "ada" }));
  expect(thread.sent("down-track.source")).toEqual([]);

  thread.codec(track.id, VP8);
  thread.codec(track.id, VP8);
  const { subscriptionId } = slot.section;
  const started = {
    kind: "down-track.source",
    subscriptionId,
    source: { trackId: track.id, payload: THEIR_VP8 },
  };
  expect(thread.sent("down-track.source")).toEqual([started]);

  thread.codec(track.id, VP9);
  expect(thread.sent("down-track.source").at(-1)).toMatchObject({ source: { payload: THEIR_VP9 } });
});

test.each([
  ["codec", { ...VP9, codec: "AV1" as const }],
  ["profile", { ...VP8, profile: "profile-id=2" }],
  ["clock rate", { ...VP8, clockRate: 48_000 }],
])("a track whose %s the subscriber lacks is not forwarded", (_name, offered) => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("video")));
  const viewer = connect(rooms, "bo");
  must(viewer.addSlot({ ...VIDEO_SLOT, payloads: [offered] }));
  must(viewer.watch({}));
  thread.codec(track.id, VP8);
  expect(thread.sent("down-track.source")).toEqual([]);
});

test.each([
  ["as it is by who knows it", "custom", [OPUS, RED], RED],
  ["as Opus by who does not", "none", [OPUS], OPUS],
  ["as Opus by who numbers Opus otherwise", "none", [OPUS, { ...RED, profile: "109/109" }], OPUS],
  ["by nobody else when it is encrypted", "custom", [OPUS], undefined],
] as const)("Opus with redundancy is received %s", (_how, encryption, payloads, expected) => {
  const { rooms, thread } = conference();
  const published = { ...section("audio"), payloads: [OPUS, RED], encryption };
  const track = must(connect(rooms, "ada").publish(published));
  const viewer = connect(rooms, "bo");
  must(viewer.addSlot({ kind: "audio", mid: "0", payloads }));
  must(viewer.watch({}));
  thread.codec(track.id, RED);
  expect(thread.sent("down-track.source").at(-1)?.source?.payload).toEqual(expected);
});

test("where redundancy comes and goes who knows both forms is told so once, and who knows Opus alone as well", () => {
  const { rooms, thread } = conference();
  const published = { ...section("audio"), payloads: [OPUS, RED] };
  const track = must(connect(rooms, "ada").publish(published));
  const [both, plain] = [connect(rooms, "bo"), connect(rooms, "cy")];
  must(both.addSlot({ kind: "audio", mid: "0", payloads: [OPUS, RED] }));
  must(plain.addSlot({ kind: "audio", mid: "0", payloads: [OPUS] }));
  for (const viewer of [both, plain]) must(viewer.watch({}));
  for (const payload of [OPUS, RED, OPUS]) thread.codec(track.id, payload);
  const trackId = track.id;
  expect(thread.sent("down-track.source").map(({ source }) => source)).toEqual([
    { trackId, payload: OPUS, alternate: RED },
    { trackId, payload: OPUS },
  ]);
  expect(both.subscriptions[0]!.codec).toBe("opus");
});

test("a track that is encrypted is said to be", () => {
  const { rooms, thread } = conference();
  const ada = connect(rooms, "ada");
  for (const encryption of ["none", "custom"] as const)
    must(ada.publish({ ...section("audio"), encryption }));
  expect(thread.sent("up-track.add").map(({ track }) => track.isSealed)).toEqual([undefined, true]);
});

test("a change to a codec that the subscriber lacks frees its slot", () => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("video")));
  const viewer = connect(rooms, "bo");
  must(viewer.addSlot({ ...VIDEO_SLOT, payloads: [THEIR_VP8] }));
  must(viewer.watch({}));
  thread.codec(track.id, VP8);
  thread.codec(track.id, VP9);
  expect(thread.sent("down-track.source").map(({ source }) => source?.payload.payloadType)).toEqual([
    120,
    undefined,
  ]);
});

test("a payload type that was not negotiated changes nothing", () => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("video")));
  thread.codec(track.id, { ...VP8, payloadType: 1 });
  expect(track.payload).toBeNull();
});

test("watching the room leaves out oneself; watching a person leaves out the others", () => {
  const { rooms, thread } = conference();
  const ada = connect(rooms, "ada");
  const bo = connect(rooms, "bo");
  for (const transport of [ada, bo]) {
    const track = must(transport.publish(section("video")));
    thread.codec(track.id, VP8);
  }
  const whole = must(ada.addSlot(VIDEO_SLOT));
  must(ada.addSlot(VIDEO_SLOT));
  must(ada.watch({}));
  expect(ada.subscriptions.map(({ track }) => track?.publisher.identity)).toEqual(["bo", undefined]);
  must(ada.watch({ identity: "ada" }));
  expect(ada.subscriptions.map(({ track }) => track?.publisher.identity)).toEqual(["ada", undefined]);
  expect(whole.section.subscriptionId).toBe(ada.subscriptions[0]!.section.subscriptionId);
});

test("canSubscribe denied: nothing may be watched", () => {
  const { rooms } = conference();
  expect(connect(rooms, "ada", { canSubscribe: false }).watch({})).toEqual({ ok: false, error: "forbidden" });
});

test("grants belong to the transport: one identity may publish with one token and watch with another", () => {
  const { rooms } = conference();
  const up = connect(rooms, "ada", { canSubscribe: false });
  const down = connect(rooms, "ada", { canPublish: false });
  must(up.publish(section("audio")));
  must(down.watch({}));
  expect(down.publish(section("audio"))).toEqual({ ok: false, error: "forbidden" });
});

test("when a publisher goes its slot is freed and serves the next who waits", () => {
  const { rooms, thread } = conference();
  const [ada, bo] = [connect(rooms, "ada"), connect(rooms, "bo")];
  const tracks = [ada, bo].map((transport) => must(transport.publish(section("video"))));
  for (const track of tracks) thread.codec(track.id, VP8);
  const viewer = connect(rooms, "cy");
  must(viewer.addSlot(VIDEO_SLOT));
  must(viewer.watch({}));
  const [subscription] = viewer.subscriptions;
  expect(subscription!.track).toBe(tracks[0]);
  ada.close();
  expect(subscription!.track).toBe(tracks[1]);
  bo.unpublish(tracks[1]!);
  expect(subscription!.track).toBeNull();
  expect(rooms.get("hall")!.tracks()).toEqual([]);
  expect(thread.sent("up-track.remove")).toEqual([{ kind: "up-track.remove", trackId: tracks[1]!.id }]);
});

test("audio and video of one publisher go to one pair of slots where there is room for it", () => {
  const { rooms, thread } = conference();
  const viewer = connect(rooms, "viewer");
  for (const slot of [AUDIO_SLOT, VIDEO_SLOT]) {
    for (let pair = 0; pair < 3; pair++) must(viewer.addSlot(slot));
  }
  must(viewer.watch({}));
  const [ada, bo] = [connect(rooms, "ada"), connect(rooms, "bo")];
  thread.codec(must(ada.publish(section("audio"))).id, OPUS);
  thread.codec(must(bo.publish(section("video"))).id, VP8);
  thread.codec(must(bo.publish(section("audio"))).id, OPUS);
  thread.codec(must(ada.publish(section("video"))).id, VP8);
  expect(viewer.subscriptions.map(({ group, track }) => [group, track?.publisher.identity])).toEqual([
    [0, "ada"],
    [1, "bo"],
    [2, undefined],
    [0, "ada"],
    [1, "bo"],
    [2, undefined],
  ]);
});

test("dealing: every slot carries at most one track, no track twice, and no slot stays free in vain", () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant("publish" as const),
      who: fc.nat(3),
      kind: fc.constantFrom("audio", "video"),
    }),
    fc.record({ do: fc.constant("end" as const), nth: fc.nat(7) }),
    fc.record({ do: fc.constant("slot" as const), kind: fc.constantFrom("audio", "video") }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { rooms, thread } = conference({ maxTracksPerParticipant: 100 });
      const viewer = connect(rooms, "viewer");
      const publishers = ["a", "b", "c", "d"].map((identity) => connect(rooms, identity));
      must(viewer.watch({}));
      for (const one of steps) {
        const live = rooms.get("hall")!.tracks();
        if (one.do === "publish") {
          const track = must(publishers[one.who]!.publish(section(one.kind as "audio")));
          thread.codec(track.id, one.kind === "audio" ? OPUS : VP8);
        } else if (one.do === "end") {
          const track = live[one.nth];
          for (const publisher of track === undefined ? [] : publishers) publisher.unpublish(track!);
        } else {
          must(viewer.addSlot(one.kind === "audio" ? AUDIO_SLOT : VIDEO_SLOT));
        }
      }
      const live = rooms.get("hall")!.tracks();
      for (const kind of ["audio", "video"]) {
        const slots = viewer.subscriptions.filter((subscription) => subscription.section.kind === kind);
        const carried = slots.flatMap(({ track }) => (track === null ? [] : [track]));
        expect(new Set(carried).size).toBe(carried.length);
        for (const track of carried) expect(live).toContain(track);
        const published = live.filter((track) => track.section.kind === kind);
        expect(carried).toHaveLength(Math.min(published.length, slots.length));
      }
      // What the media thread was told last is what the records say.
      const told = new Map(
        thread.sent("down-track.source").map((c) => [c.subscriptionId, c.source?.trackId]),
      );
      for (const { section: slot, track } of viewer.subscriptions) {
        expect(told.get(slot.subscriptionId)).toBe(track?.id);
      }
    }),
  );
});

test("preferences go to the media thread whole, and layers come back", () => {
  const { rooms, thread } = conference();
  const viewer = connect(rooms, "bo");
  const subscription = must(viewer.addSlot(VIDEO_SLOT));
  const { subscriptionId } = subscription.section;
  expect(rooms.get("hall")!.subscription(subscriptionId)).toBe(subscription);
  subscription.prefer({ paused: true });
  subscription.prefer({ preferred: { spatial: 1, temporal: 2 } });
  expect(thread.sent("down-track.prefer").at(-1)).toEqual({
    kind: "down-track.prefer",
    subscriptionId,
    preference: { ...NO_PREFERENCE, paused: true, preferred: { spatial: 1, temporal: 2 } },
  });
  thread.emit({ kind: "down-track.layer", subscriptionId, current: { spatial: 1, temporal: 0 } });
  expect(subscription.current).toEqual({ spatial: 1, temporal: 0 });
});

test("muting is told once", () => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("audio")));
  track.setMuted(true);
  track.setMuted(true);
  track.setMuted(false);
  expect(thread.sent("up-track.mute").map(({ muted }) => muted)).toEqual([true, false]);
});

test("a failed connection closes the transport; a broken one does not", () => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  const reasons: string[] = [];
  transport.onClosed((reason) => reasons.push(reason));
  const transportId = transport.id;
  thread.emit({ kind: "transport.state", transportId, state: "disconnected" });
  expect(transport.state).toEqual({ kind: "open", connection: "disconnected" });
  thread.emit({ kind: "transport.state", transportId, state: "failed", reason: "ice_timeout" });
  transport.close();
  expect(transport.state).toEqual({ kind: "closed", reason: "connection_failed" });
  expect(reasons).toEqual(["connection_failed"]);
});

test("events about what has ended are ignored", () => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  const track = must(transport.publish(section("video")));
  transport.close();
  const count = thread.commands.length;
  thread.codec(track.id, VP8);
  transport.unpublish(track);
  thread.emit({ kind: "transport.state", transportId: transport.id, state: "connected" });
  thread.emit({ kind: "down-track.layer", subscriptionId: "SU_x" as SubscriptionId, current: null });
  expect(thread.commands).toHaveLength(count);
});
