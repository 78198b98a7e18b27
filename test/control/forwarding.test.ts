/**
 * Goal: a participant that is forwarded is seen in another room with what it publishes, and stays where it is.
 * Method: `hall` with ada, `attic` with one who watches, real control over recording threads.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { RoomOptions } from "../../src/control/room.ts";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  type Conference,
  claims,
  conference,
  grants,
  must,
  OPUS,
  REMOTE,
  RecordingThread,
  section,
  VP8,
} from "./conference.ts";

let hall: Conference;
let ada: Transport;
let watcher: Transport;
let video: Track;

function connect(room: string, identity: string): Transport {
  const participant = must(hall.rooms.join(room, claims(identity, { room })));
  return must(participant.openTransport(grants(), REMOTE));
}

function watch(transport: Transport): void {
  for (const mid of ["0", "1"]) must(transport.addSlot({ kind: "video", mid, payloads: [VP8] }));
  must(transport.addSlot({ kind: "audio", mid: "2", payloads: [OPUS] }));
  must(transport.watch({}));
}

beforeEach(() => {
  hall = conference({}, 3);
  ada = connect("hall", "ada");
  video = must(ada.publish(section("video", { encryption: "gcm", note: "her camera" })));
  hall.thread.codec(video.id, VP8);
  watcher = connect("attic", "watcher");
  watch(watcher);
});

const forward = (to = "attic") => hall.rooms.forward(ada.participant, to);
const inAttic = () => hall.rooms.get("attic")!.participant("ada");
const received = (): Track[] => watcher.subscriptions.flatMap(({ track }) => track ?? []);

test("it is in both rooms, as the same identity with the same tracks under other ids", () => {
  must(ada.participant.update({ name: "Ada", attributes: { a: "1" } }));
  ada.participant.activate();
  must(forward());
  expect(hall.rooms.get("hall")!.participant("ada")).toBe(ada.participant);
  const there = inAttic()!;
  expect(there).toMatchObject({ identity: "ada", source: ada.participant, active: true, trackCount: 1 });
  expect(there.id).not.toBe(ada.participant.id);
  expect(there.profile).toEqual(ada.participant.profile);
  const [track] = there.tracks;
  expect(track).toMatchObject({ section: video.section, note: "her camera", payload: VP8, source: video });
  expect(track!.id).not.toBe(video.id);
  expect(received()).toEqual([track]);
});

test("its media comes by a pipe, be it within one thread, and keyframes are asked of its publisher", () => {
  must(forward());
  const [track] = inAttic()!.tracks;
  expect(hall.thread.pipes).toEqual([0]);
  expect(hall.thread.sent("up-track.pipe")).toEqual([
    { kind: "up-track.pipe", trackId: video.id, to: 0, channel: 1 },
  ]);
  expect(hall.thread.sent("piped-track.add")).toEqual([
    {
      kind: "piped-track.add",
      roomId: "attic",
      track: track!.params,
      extensions: ada.extensions,
      from: 0,
      channel: 1,
    },
  ]);
  expect(track!.params.publisher).toBe(inAttic()!.id);
  expect(hall.thread.sent("down-track.source").at(-1)!.source?.trackId).toBe(track!.id);
  hall.thread.emit({ kind: "piped-track.keyframe", trackId: track!.id, encoding: 2 });
  expect(hall.thread.sent("up-track.keyframe")).toEqual([
    { kind: "up-track.keyframe", trackId: video.id, encoding: 2 },
  ]);
});

test("in a large room its own pipe and that of the forwarding are two, and end apart", () => {
  const other = new RecordingThread(1);
  hall.threads.add(other);
  for (const name of ["x", "y"]) connect("hall", name);
  const far = connect("hall", "far");
  watch(far);
  for (const name of ["v", "w"]) connect("attic", name);
  must(forward());
  const afar = connect("attic", "afar");
  expect([far.thread.index, afar.thread.index]).toEqual([1, 1]);
  watch(afar);
  const [track] = inAttic()!.tracks;
  const added = other.sent("piped-track.add").map(({ roomId, track: { trackId } }) => [roomId, trackId]);
  expect(added).toEqual([
    ["hall", video.id],
    ["attic", track!.id],
  ]);
  const channels = hall.thread.sent("up-track.pipe").map(({ to, channel }) => [to, channel]);
  expect(channels).toEqual([
    [1, 1],
    [0, 2],
    [1, 3],
  ]);
  afar.close();
  expect(hall.thread.sent("up-track.unpipe")).toEqual([
    { kind: "up-track.unpipe", trackId: video.id, to: 1, channel: 3 },
  ]);
  expect(other.sent("piped-track.remove")).toEqual([{ kind: "piped-track.remove", trackId: track!.id }]);
});

test("what its publisher is asked for is the most that anybody wants in either room", () => {
  const [layer, wanted]: [(id: string, spatial: number) => void, (number | null)[]] = [
    (id, spatial) => hall.thread.emit({ kind: "up-track.wanted", trackId: id as never, spatial }),
    [],
  ];
  video.onDemandChanged(() => wanted.push(video.wanted));
  layer(video.id, -1);
  must(forward());
  const [track] = inAttic()!.tracks;
  layer(track!.id, 1);
  layer(track!.id, 2);
  layer(video.id, 0);
  inAttic()!.leave("participant_removed");
  expect(wanted).toEqual([-1, 1, 2, 0]);
});

test("what happens to it is seen in the other room too", () => {
  must(forward());
  const told: string[] = [];
  hall.rooms.get("attic")!.events.on((event) => told.push(event.kind));
  const audio = must(ada.publish(section("audio")));
  hall.thread.codec(audio.id, OPUS);
  audio.note = "words of its own";
  ada.participant.tell({ kind: "track.described", track: audio });
  const [, heard] = inAttic()!.tracks;
  expect(heard).toMatchObject({ payload: OPUS, note: "words of its own" });
  expect(received()).toContain(heard);

  audio.setMuted(true);
  expect(heard!.muted).toBe(true);
  expect(hall.thread.sent("up-track.mute").map(({ trackId }) => trackId)).toEqual([audio.id, heard!.id]);
  ada.unpublish(audio);
  expect(received()).not.toContain(heard);
  must(ada.participant.update({ name: "Countess" }));
  expect(inAttic()!.profile.name).toBe("Countess");
  ada.participant.activate();
  expect(told).toEqual([
    "track.published",
    "track.codec",
    "track.described",
    "track.muted",
    "track.unpublished",
    "participant.changed",
    "participant.active",
  ]);
});

test("muted in the other room, it is heard where it is", () => {
  must(forward());
  const [track] = inAttic()!.tracks;
  track!.setMuted(true);
  expect([video.muted, track!.muted]).toEqual([false, true]);
  expect(hall.thread.sent("up-track.mute").map(({ trackId }) => trackId)).toEqual([track!.id]);
});

test("what it may not publish in the other room any more ends there, and comes back when it may", () => {
  hall.thread.codec(must(ada.publish(section("audio"))).id, OPUS);
  must(forward());
  const there = inAttic()!;
  const sources = () => there.tracks.map((track) => track.section.source);
  const { permission } = there.profile;
  must(there.update({ permission: { ...permission, canPublishSources: ["microphone"] } }));
  expect(sources()).toEqual(["microphone"]);
  expect(received().map(({ section: { source } }) => source)).toEqual(["microphone"]);
  must(there.update({ permission: { ...permission, canPublish: false } }));
  expect(sources()).toEqual([]);
  must(ada.publish(section("video", { mid: "8" })));
  expect(sources()).toEqual([]);
  expect(ada.participant.trackCount).toBe(3);
  must(there.update({ permission }));
  expect(sources()).toEqual(["camera", "microphone", "camera"]);
});

test("a token of its identity that publishes nothing does not end what another has published", () => {
  must(hall.rooms.join("hall", claims("ada", { canPublish: false })));
  must(forward());
  expect(inAttic()!.trackCount).toBe(1);
});

test("whom it lets receive its tracks is for it to say, in the other room too", () => {
  must(forward());
  ada.participant.setAudience(new Map([["somebody", "all"]]));
  expect(received()).toEqual([]);
  ada.participant.setAudience(new Map([["watcher", new Set([video.id])]]));
  expect(received()).toHaveLength(1);
});

test("who speaks there is told here", () => {
  const audio = must(ada.publish(section("audio")));
  hall.thread.codec(audio.id, OPUS);
  must(forward());
  const { speakers } = hall.rooms.get("attic")!;
  const says = (level: number | null): void => {
    const list = level === null ? [] : [{ trackId: audio.id, level }];
    hall.thread.emit({ kind: "room.speakers", roomId: "hall" as never, speakers: list, dominant: null });
  };
  says(0.5);
  expect(speakers.list.map(({ track, level }) => [track.publisher, level])).toEqual([[inAttic(), 0.5]]);
  says(null);
  expect(speakers.list).toEqual([]);
  says(0.7);
  inAttic()!.leave("participant_removed");
  expect(speakers.list).toEqual([]);
});

describe("it ends", () => {
  const isOver = (): void => {
    expect(inAttic()).not.toBe(there);
    expect(received()).toEqual([]);
    expect(hall.thread.sent("up-track.unpipe")).toHaveLength(1);
    expect(hall.thread.sent("piped-track.remove")).toHaveLength(1);
    // Nothing that happens over there reaches this room any more.
    if (ada.state.kind === "open" && ada.participant.room.id === "hall") {
      must(ada.publish(section("audio")));
      expect(hall.rooms.get("attic")!.tracks()).toEqual([]);
    }
  };
  let there: ReturnType<typeof inAttic>;
  beforeEach(() => {
    must(forward());
    there = inAttic();
  });

  test("when the participant leaves its room", () => {
    const reasons: string[] = [];
    hall.rooms.get("attic")!.events.on((event) => {
      reasons.push(event.kind === "participant.left" ? event.reason : event.kind);
    });
    ada.participant.leave("client_left");
    isOver();
    expect(reasons).toEqual(["track.unpublished", "client_left"]);
  });

  test("when it is moved elsewhere", () => {
    must(hall.rooms.move(ada.participant, "cellar"));
    isOver();
  });

  test("when it is moved here, where it then is itself", () => {
    must(hall.rooms.move(ada.participant, "attic"));
    expect(inAttic()).toBe(ada.participant);
    expect(received()).toEqual([video]);
  });

  test("when it is removed from the other room, and that is all", () => {
    there!.leave("participant_removed");
    isOver();
    expect(ada.state.kind).toBe("open");
  });

  test("when somebody of its identity comes to the other room", () => {
    const real = connect("attic", "ada");
    expect(inAttic()).toBe(real.participant);
    isOver();
  });

  test("with the other room", () => {
    hall.rooms.get("attic")!.delete();
    expect(hall.thread.sent("up-track.unpipe")).toHaveLength(1);
    must(forward());
  });

  test("with its own room, its thread, and after any time not by itself", () => {
    hall.clock.pass(3_600_000);
    expect(inAttic()).toBe(there);
    hall.rooms.get("hall")!.delete();
    isOver();
  });
});

test("once is enough, and from the other room it goes on from the origin", () => {
  must(forward());
  const there = inAttic();
  must(forward());
  expect(inAttic()).toBe(there);
  must(hall.rooms.forward(there!, "cellar"));
  expect(hall.rooms.get("cellar")!.participant("ada")!.source).toBe(ada.participant);
  expect(hall.rooms.forward(there!, "hall")).toEqual({ ok: false, error: "same_room" });
  expect(hall.rooms.move(there!, "cellar")).toEqual({ ok: false, error: "forwarded" });
});

test.each<[string, string, Partial<RoomOptions>]>([
  ["hall", "same_room", {}],
  ["a\nb", "invalid_room_name", {}],
  ["attic", "room_full", { maxParticipants: 1 }],
  ["attic", "e2ee_required", { e2ee: "required" }],
  ["attic", "too_many_tracks", { maxTracksPerParticipant: 1 }],
])("to %j it is refused: %s", (destination, error, options) => {
  must(hall.rooms.get("attic")!.setOptions(options));
  must(ada.publish(section("audio")));
  expect(forward(destination)).toEqual({ ok: false, error });
  expect(inAttic()).toBeUndefined();
});

test("what it publishes later is forwarded as far as the other room takes it", () => {
  must(hall.rooms.get("attic")!.setOptions({ e2ee: "required", maxTracksPerParticipant: 2 }));
  must(forward());
  must(ada.publish(section("audio")));
  expect(inAttic()!.trackCount).toBe(1);
  for (const mid of ["8", "9"]) must(ada.publish(section("video", { mid, encryption: "gcm" })));
  expect(inAttic()!.trackCount).toBe(2);
});

test("what the other room had no room for is forwarded as soon as something else has ended", () => {
  must(hall.rooms.get("attic")!.setOptions({ maxTracksPerParticipant: 1 }));
  must(forward());
  const next = must(ada.publish(section("video", { mid: "8" })));
  hall.thread.codec(next.id, VP8);
  expect(inAttic()!.tracks.map(({ source }) => source)).toEqual([video]);
  ada.unpublish(video);
  expect(inAttic()!.tracks.map(({ source }) => source)).toEqual([next]);
  expect(received()).toEqual(inAttic()!.tracks);
});

test("and as soon as something else was cut there", () => {
  must(hall.rooms.get("attic")!.setOptions({ maxTracksPerParticipant: 1, e2eeGuard: "cut" }));
  must(forward());
  const next = must(ada.publish(section("video", { mid: "8" })));
  hall.thread.emit({ kind: "up-track.suspect", trackId: video.id, suspect: true });
  expect(inAttic()!.tracks.map(({ source }) => source)).toEqual([next]);
});

test("and as soon as the room takes more", () => {
  must(hall.rooms.get("attic")!.setOptions({ maxTracksPerParticipant: 1 }));
  must(forward());
  const next = must(ada.publish(section("video", { mid: "8" })));
  must(hall.rooms.get("attic")!.setOptions({ maxTracksPerParticipant: 2 }));
  expect(inAttic()!.tracks.map(({ source }) => source)).toEqual([video, next]);
});
