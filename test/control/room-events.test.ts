/**
 * Goal: whoever listens can follow a room from its first event to its last, and hears what everybody else hears.
 * Method: what happens is written down as short lines; real control over a media thread that records.
 */
import { expect, test } from "vitest";
import type { RoomEvent } from "../../src/control/room-events.ts";
import { claims, conference, connect, enter, must, OPUS, section, VP8 } from "./conference.ts";

function line(event: RoomEvent): string {
  switch (event.kind) {
    case "room.started":
    case "room.changed":
    case "room.finished":
      return `${event.kind} ${event.room.id}`;
    case "lobby.knocked":
      return `${event.kind} ${event.applicant.identity}`;
    case "participant.joined":
    case "participant.active":
    case "participant.receives":
    case "participant.audience":
    case "participant.described":
      return `${event.kind} ${event.participant.identity}`;
    case "participant.changed":
      return `${event.kind} ${event.before.name} to ${event.participant.profile.name}`;
    case "participant.left":
      return `${event.kind} ${event.participant.identity} ${event.reason}`;
    default:
      return `${event.kind} ${event.track.publisher.identity} ${event.track.section.kind}`;
  }
}

/** A conference and what has been told of it since. */
function overheard() {
  const hall = conference();
  const lines: string[] = [];
  hall.rooms.events.on((event) => lines.push(line(event)));
  const told = (): string[] => lines.splice(0);
  return { ...hall, told };
}

test("a room's life in order", () => {
  const { rooms, thread, clock, told } = overheard();
  const ada = connect(rooms, "ada");
  expect(told()).toEqual(["room.started hall", "participant.joined ada"]);

  const transportId = ada.id;
  thread.emit({ kind: "transport.state", transportId, state: "connected" });
  thread.emit({ kind: "transport.state", transportId, state: "disconnected" });
  thread.emit({ kind: "transport.state", transportId, state: "connected" });
  expect(told()).toEqual(["participant.active ada"]);

  const track = must(ada.publish(section("video")));
  must(ada.publish(section("audio")));
  thread.codec(track.id, VP8);
  thread.codec(track.id, VP8);
  track.setMuted(true);
  track.setMuted(true);
  ada.unpublish(track);
  ada.unpublish(track);
  expect(told()).toEqual([
    "track.published ada video",
    "track.published ada audio",
    "track.codec ada video",
    "track.muted ada video",
    "track.unpublished ada video",
  ]);

  must(ada.participant.room.setOptions({ maxParticipants: 2 }));
  ada.close("connection_failed");
  expect(told()).toEqual(["room.changed hall", "track.unpublished ada audio"]);
  clock.pass(5_000);
  expect(told()).toEqual(["participant.left ada connection_failed"]);
  clock.pass(20_000);
  expect(told()).toEqual(["room.finished hall"]);
});

test.each([
  ["room_deleted", ({ rooms }: ReturnType<typeof overheard>) => rooms.get("hall")!.delete()],
  ["server_shutdown", ({ rooms }: ReturnType<typeof overheard>) => rooms.deleteAll()],
])("%s: tracks end first, then participants, then the room", (reason, end) => {
  const hall = overheard();
  for (const identity of ["ada", "bo"]) must(connect(hall.rooms, identity).publish(section("audio")));
  hall.told();
  end(hall);
  expect(hall.told()).toEqual([
    "track.unpublished ada audio",
    `participant.left ada ${reason}`,
    "track.unpublished bo audio",
    `participant.left bo ${reason}`,
    "room.finished hall",
  ]);
});

test("who never connects was never active", () => {
  const { rooms, clock, told } = overheard();
  const participant = enter(rooms, "ada");
  clock.pass(5_000);
  expect(told().at(-1)).toBe("participant.left ada never_connected");
  participant.activate();
  expect(told()).toEqual([]);
});

test("a second join is a change only where its token says something else", () => {
  const { rooms, told } = overheard();
  enter(rooms, "ada");
  told();
  enter(rooms, "ada");
  expect(told()).toEqual([]);
  must(rooms.join("hall", { ...claims("ada"), name: "Ada" }));
  expect(told()).toEqual(["participant.changed  to Ada"]);
  enter(rooms, "ada", { hidden: true });
  expect(told()).toEqual(["participant.changed Ada to "]);
});

test("one room's listeners hear of that room, until they stop listening", () => {
  const { rooms } = conference();
  const lines: string[] = [];
  const hall = must(rooms.create("hall"));
  const stop = hall.events.on((event) => lines.push(line(event)));
  must(rooms.create("attic")).delete();
  enter(rooms, "ada");
  stop();
  enter(rooms, "bo");
  expect(lines).toEqual(["participant.joined ada"]);
});

test("what a listener causes is heard by all after what caused it", () => {
  const { rooms, thread } = conference();
  const hall = must(rooms.create("hall"));
  const heard: string[][] = [[], []];
  hall.events.on((event) => heard[0]!.push(event.kind));
  hall.events.on((event) => {
    if (event.kind === "track.codec") event.track.setMuted(true);
    if (event.kind === "track.muted") event.track.publisher.leave("participant_removed");
  });
  hall.events.on((event) => heard[1]!.push(event.kind));
  thread.codec(must(connect(rooms, "ada").publish(section("audio"))).id, OPUS);
  expect(heard[0]!.slice(2)).toEqual(["track.codec", "track.muted", "track.unpublished", "participant.left"]);
  expect(heard[1]).toEqual(heard[0]);
});

test("an error in a listener does not keep the others from hearing what comes next", () => {
  const { rooms } = conference();
  const hall = must(rooms.create("hall"));
  const lines: string[] = [];
  hall.events.on((event) => {
    if (event.kind === "room.changed") throw new Error("a bug");
  });
  hall.events.on((event) => lines.push(line(event)));
  expect(() => hall.setOptions({ maxParticipants: 1 })).toThrow("a bug");
  enter(rooms, "ada");
  expect(lines).toContain("participant.joined ada");
});
