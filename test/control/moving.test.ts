/**
 * Goal: a participant that is moved takes its media along; either room sees it come or go like anybody else.
 * Method: `hall` with three people, `attic` with one, real control over recording threads.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { RoomOptions } from "../../src/control/room.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  type Conference,
  claims,
  conference,
  connect,
  grants,
  must,
  REMOTE,
  RecordingThread,
  section,
  VP8,
} from "./conference.ts";

let hall: Conference;
let ada: Transport;
let stays: Transport;
let there: Transport;

/** Publishes a video, and receives those of all the others in the room. */
function enterRoom(room: string, identity: string): Transport {
  const participant = must(hall.rooms.join(room, claims(identity, { room })));
  const transport = must(participant.openTransport(grants(), REMOTE));
  for (const mid of ["0", "1", "2"]) must(transport.addSlot({ kind: "video", mid, payloads: [VP8] }));
  must(transport.watch({}));
  const threads = [hall.thread, other];
  const track = must(transport.publish(section("video")));
  threads[transport.thread.index]!.codec(track.id, VP8);
  return transport;
}

let other: RecordingThread;
beforeEach(() => {
  hall = conference({}, 3);
  other = new RecordingThread(1);
  stays = enterRoom("hall", "stays");
  ada = enterRoom("hall", "ada");
  there = enterRoom("attic", "there");
});

const received = ({ subscriptions }: Transport) =>
  subscriptions.flatMap(({ track }) => (track === null ? [] : [track.publisher.identity]));
const identities = (room: string) => hall.rooms.get(room)!.participants.map(({ identity }) => identity);

test("it is received where it went, receives those who are there, and is gone where it was", () => {
  expect([received(ada), received(stays), received(there)]).toEqual([["stays"], ["ada"], []]);
  const { participant } = ada;
  must(hall.rooms.move(participant, "attic"));
  expect([identities("hall"), identities("attic")]).toEqual([["stays"], ["there", "ada"]]);
  expect([received(ada), received(stays), received(there)]).toEqual([["there"], [], ["ada"]]);
  expect(hall.rooms.get("attic")!.participant("ada")).toBe(participant);
  expect([...participant.transports]).toEqual([ada]);
});

test("the media thread is told after everything was taken apart, and before anything is put together", () => {
  hall.thread.commands.length = 0;
  must(hall.rooms.move(ada.participant, "attic"));
  const steps = hall.thread.commands.map((command) =>
    command.kind === "down-track.source" ? (command.source === null ? "off" : "on") : command.kind,
  );
  expect(steps).toEqual(["off", "off", "transport.move", "on", "on"]);
  expect(hall.thread.sent("transport.move")).toEqual([
    { kind: "transport.move", transportId: ada.id, roomId: "attic" },
  ]);
});

test("either room hears of it as of anybody", () => {
  ada.participant.activate();
  const [left, entered, all]: string[][] = [[], [], []];
  hall.rooms.get("hall")!.events.on(({ kind }) => left!.push(kind));
  hall.rooms.get("attic")!.events.on(({ kind }) => entered!.push(kind));
  hall.rooms.events.on(({ kind, room }) => all!.push(`${room.id} ${kind}`));
  must(hall.rooms.move(ada.participant, "attic"));
  expect(left).toEqual(["track.unpublished", "participant.left"]);
  expect(entered).toEqual(["participant.joined", "participant.active", "track.published", "track.codec"]);
  expect(all).toEqual([...left!.map((kind) => `hall ${kind}`), ...entered!.map((kind) => `attic ${kind}`)]);
});

test("a listener that moves somebody makes no event say the wrong room", () => {
  const told: string[] = [];
  hall.rooms.get("hall")!.events.on((event) => {
    if (event.kind === "track.muted") must(hall.rooms.move(event.track.publisher, "attic"));
  });
  hall.rooms.events.on(({ kind, room }) => told.push(`${room.id} ${kind}`));
  [...ada.tracks][0]!.setMuted(true);
  expect(told.filter((line) => line.startsWith("hall")).slice(-2)).toEqual([
    "hall track.unpublished",
    "hall participant.left",
  ]);
});

test("a room is made for it, and the one that it leaves empty ends in its time", () => {
  stays.participant.leave("client_left");
  must(hall.rooms.move(ada.participant, "cellar"));
  expect(identities("cellar")).toEqual(["ada"]);
  hall.clock.pass(20_000);
  expect(hall.rooms.get("hall")).toBeUndefined();
  hall.rooms.get("cellar")!.delete();
  expect(ada.state).toEqual({ kind: "closed", reason: "room_deleted" });
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
  hall.thread.commands.length = 0;
  expect(hall.rooms.move(ada.participant, destination)).toEqual({ ok: false, error });
  expect(hall.thread.commands).toEqual([]);
  expect(identities("hall")).toEqual(["stays", "ada"]);
});

describe("refused as well", () => {
  test("where somebody has its identity", () => {
    enterRoom("attic", "ada");
    expect(hall.rooms.move(ada.participant, "attic")).toEqual({ ok: false, error: "identity_taken" });
  });

  test("to a room that nobody may make", () => {
    hall = conference({ autoCreate: false });
    const participant = must(hall.rooms.join("hall", claims("ada", { roomCreate: true })));
    expect(hall.rooms.move(participant, "cellar")).toEqual({ ok: false, error: "room_not_found" });
  });

  test("while the server drains", () => {
    hall.rooms.drain();
    expect(hall.rooms.move(ada.participant, "attic")).toEqual({ ok: false, error: "draining" });
  });
});

test("between rooms in different threads its tracks are piped where they are watched", () => {
  hall.threads.add(other);
  const far = enterRoom("cellar", "far");
  expect(far.thread.index).toBe(1);
  must(hall.rooms.move(ada.participant, "cellar"));
  const [track] = [...ada.tracks];
  expect(other.sent("piped-track.add").map(({ roomId, track: piped }) => [roomId, piped.trackId])).toEqual([
    ["cellar", track!.id],
  ]);
  expect([received(far), received(ada)]).toEqual([["ada"], ["far"]]);

  must(hall.rooms.move(ada.participant, "hall"));
  expect(other.sent("piped-track.remove")).toEqual([{ kind: "piped-track.remove", trackId: track!.id }]);
  expect([received(far), received(ada)]).toEqual([[], ["stays"]]);
  // It is not in that room any more, so it does not go down with its thread.
  other.die();
  expect(ada.state.kind).toBe("open");
});

test("the death of its thread ends it in its new room", () => {
  must(hall.rooms.move(ada.participant, "attic"));
  hall.thread.die();
  expect(ada.state).toEqual({ kind: "closed", reason: "media_thread_exited" });
});

test("when many have been moved one by one, what those who are there publish is received soon", () => {
  hall = conference({ maxParticipants: 200 });
  const many = Array.from({ length: 150 }, (_, n) => connect(hall.rooms, `p${n}`));
  for (const transport of many) {
    for (const mid of ["a", "b", "c"]) must(transport.publish(section("video", { mid })));
  }
  for (const { participant } of many) must(hall.rooms.move(participant, "attic"));
  hall.clock.pass(1_000);
  const watcher = enterRoom("attic", "watcher");
  const [speaker] = many as [Transport];
  const track = must(speaker.publish(section("video", { mid: "d" })));
  hall.thread.codec(track.id, VP8);
  hall.clock.pass(1_000);
  expect(received(watcher)).toEqual([speaker.participant.identity]);
});
