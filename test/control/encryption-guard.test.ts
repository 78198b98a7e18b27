/**
 * Goal: what a media thread finds of a track's encryption is told, and what the room wants is done about it.
 * Method: control over a thread that says what a test wants it to say.
 */
import { describe, expect, test } from "vitest";
import type { RoomEvent } from "../../src/control/room-events.ts";
import type { Rooms } from "../../src/control/rooms.ts";
import type { Track } from "../../src/control/track.ts";
import { type Conference, claims, conference, connect, must, section } from "./conference.ts";

interface Stage extends Conference {
  readonly track: Track;
  readonly told: string[];
  readonly find: (suspect: boolean) => void;
}

function stage(e2eeGuard: "off" | "report" | "cut"): Stage {
  const hall = conference({ e2eeGuard });
  const told: string[] = [];
  hall.rooms.events.on((event: RoomEvent) => {
    if (event.kind === "track.suspect") told.push(`${event.room.id} suspect ${event.track.suspect}`);
    if (event.kind === "track.unpublished") told.push(`${event.room.id} ${event.reason}`);
  });
  const transport = connect(hall.rooms, "ada");
  const track = must(transport.publish(section("video", { encryption: "gcm", trailer: "livekit" })));
  const find = (suspect: boolean): void =>
    hall.thread.emit({ kind: "up-track.suspect", trackId: track.id, suspect });
  return { ...hall, track, told, find };
}

const tracksOf = (rooms: Rooms, room = "hall"): readonly Track[] => rooms.get(room)!.tracks();

test("the media thread is told how frames should end, and whether to look", () => {
  const { thread } = stage("report");
  expect(thread.sent("up-track.add")).toMatchObject([{ track: { trailer: "livekit" } }]);
  expect(thread.sent("room.options")).toMatchObject([{ options: { guardsEncryption: true } }]);
  expect(stage("off").thread.sent("room.options")).toMatchObject([{ options: { guardsEncryption: false } }]);
});

describe("a suspect track", () => {
  test("is reported, and so is that it is not any more", () => {
    const { rooms, track, told, find } = stage("report");
    find(true);
    find(true);
    expect(track.suspect).toBe(true);
    find(false);
    expect(told).toEqual(["hall suspect true", "hall suspect false"]);
    expect(tracksOf(rooms)).toEqual([track]);
  });

  test("is cut where the room wants that, at once or as soon as it does", () => {
    for (const first of ["cut", "report"] as const) {
      const { rooms, thread, track, told, find } = stage(first);
      find(true);
      must(rooms.get("hall")!.setOptions({ e2eeGuard: "cut" }));
      expect(told).toEqual(["hall suspect true", "hall not_encrypted"]);
      expect(thread.sent("up-track.remove")).toEqual([{ kind: "up-track.remove", trackId: track.id }]);
      expect(tracksOf(rooms)).toEqual([]);
    }
  });

  test("is not suspect any more where nobody looks", () => {
    const { rooms, track, find } = stage("report");
    find(true);
    must(rooms.get("hall")!.setOptions({ e2eeGuard: "off" }));
    expect(track.suspect).toBe(false);
  });

  test("is cut when its publisher is moved to a room that wants that", () => {
    const { rooms, track, told, find } = stage("report");
    must(rooms.create("attic", { e2eeGuard: "cut" }));
    find(true);
    must(rooms.move(track.publisher, "attic"));
    expect(told).toEqual(["hall suspect true", "hall moved", "attic not_encrypted"]);
    expect(tracksOf(rooms, "attic")).toEqual([]);
  });
});

test("one without suspicion is left alone", () => {
  const { rooms, track } = stage("cut");
  must(rooms.get("hall")!.setOptions({ maxParticipants: 3 }));
  must(rooms.join("hall", claims("bo")));
  expect(tracksOf(rooms)).toEqual([track]);
});

test("a suspect track is cut where it is forwarded to, if that room wants it, and is not taken there later", () => {
  const { rooms, track, told, find } = stage("report");
  must(rooms.create("attic", { e2eeGuard: "cut" }));
  must(rooms.forward(track.publisher, "attic"));
  expect(tracksOf(rooms, "attic")).toHaveLength(1);
  find(true);
  expect(told).toEqual(["hall suspect true", "attic not_encrypted"]);
  expect([tracksOf(rooms), tracksOf(rooms, "attic")]).toEqual([[track], []]);
  must(rooms.create("cellar", { e2eeGuard: "cut" }));
  must(rooms.forward(track.publisher, "cellar"));
  expect(tracksOf(rooms, "cellar")).toEqual([]);
});
