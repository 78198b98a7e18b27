/**
 * Goal: a room knows who speaks in it, wherever it lives; and its threads know how many of them are to be heard and seen.
 * Method: real control over recording threads, one transport of a room in each.
 */
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { RoomId, TrackId } from "../../src/base/ids.ts";
import type { Room } from "../../src/control/room.ts";
import type { Rooms } from "../../src/control/rooms.ts";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  claims,
  conference,
  connect,
  grants,
  must,
  OPUS,
  REMOTE,
  RecordingThread,
  section,
} from "./conference.ts";

const ROOM = "hall" as RoomId;

function report(thread: RecordingThread, levels: Readonly<Record<string, number>>, dominant?: Track): void {
  const speakers = Object.entries(levels).map(([id, level]) => ({ trackId: id as TrackId, level }));
  thread.emit({ kind: "room.speakers", roomId: ROOM, speakers, dominant: dominant?.id ?? null });
}

const named = (room: Room): string[] =>
  room.speakers.list.map(({ track, level }) => `${track.publisher.identity} ${level}`);

describe("who speaks", () => {
  let near: RecordingThread;
  let far: RecordingThread;
  let rooms: Rooms;
  let room: Room;
  let ada: Transport;
  let bo: Transport;
  let adas: Track;
  let bos: Track;
  let changes: number;
  let forget: () => void;

  beforeEach(() => {
    const hall = conference({}, 1);
    near = hall.thread;
    rooms = hall.rooms;
    far = new RecordingThread(1);
    hall.threads.add(far);
    ada = connect(hall.rooms, "ada");
    bo = connect(hall.rooms, "bo");
    [adas, bos] = [ada, bo].map((transport) => must(transport.publish(section("audio")))) as [Track, Track];
    room = hall.rooms.get("hall")!;
    changes = 0;
    forget = room.speakers.onChange(() => {
      changes += 1;
    });
  });

  test("is found with one look at the room's tracks, however many speak", () => {
    report(near, { [adas.id]: 0.1, [bos.id]: 0.5 });
    const looks = vi.spyOn(room, "tracks");
    expect(named(room)).toEqual(["bo 0.5", "ada 0.1"]);
    expect(looks).toHaveBeenCalledOnce();
    report(near, {});
    expect(named(room)).toEqual([]);
    expect(looks).toHaveBeenCalledOnce();
  });

  test("is what the threads say of their own, the loudest first", () => {
    expect([named(room), room.speakers.dominant, changes]).toEqual([[], null, 0]);
    report(near, { [adas.id]: 0.1 }, adas);
    report(far, { [bos.id]: 0.5 }, adas);
    expect(named(room)).toEqual(["bo 0.5", "ada 0.1"]);
    expect(room.speakers.levelOf(ada.participant)).toBe(0.1);
    report(near, {}, adas);
    expect(named(room)).toEqual(["bo 0.5"]);
    expect(room.speakers.levelOf(ada.participant)).toBeNull();
    expect(changes).toBe(3);
    forget();
    report(far, {}, adas);
    expect(changes).toBe(3);
  });

  test("has the floor as the thread says that changed its mind last", () => {
    const floor = (): string | undefined => room.speakers.dominant?.identity;
    report(near, {}, adas);
    expect(floor()).toBe("ada");
    report(far, {}, bos);
    expect(floor()).toBe("bo");
    // It says so still, and has nothing new to say.
    report(near, { [adas.id]: 0.2 }, adas);
    expect(floor()).toBe("bo");
    report(near, {}, bos);
    report(near, {}, adas);
    expect(floor()).toBe("ada");
    report(near, {});
    expect(floor()).toBe("bo");
    report(far, {});
    expect(floor()).toBeUndefined();
  });

  test("is forgotten when somebody moves, who does not speak on coming back before a thread says so", () => {
    // So that the room stays in the thread.
    connect(rooms, "cy");
    must(rooms.join("attic", claims("dee", { room: "attic" })));
    report(near, { [adas.id]: 0.1 }, adas);
    rooms.move(ada.participant, "attic");
    expect([named(room), changes]).toEqual([[], 2]);
    rooms.move(ada.participant, "hall");
    expect(named(room)).toEqual([]);
    report(near, { [adas.id]: 0.1 }, adas);
    expect(named(room)).toEqual(["ada 0.1"]);
  });

  test("is forgotten with the track, and with the thread", () => {
    report(near, { [adas.id]: 0.1 }, adas);
    report(far, { [bos.id]: 0.5 }, bos);
    bo.unpublish(bos);
    expect([named(room), room.speakers.dominant?.identity]).toEqual([["ada 0.1"], "ada"]);
    near.die();
    expect([named(room), room.speakers.dominant]).toEqual([[], null]);
    expect(changes).toBe(3);
    // It comes too late.
    report(near, { [adas.id]: 0.1 }, adas);
    expect(named(room)).toEqual([]);
  });

  test("is forgotten when the room has left the thread", () => {
    report(far, { [bos.id]: 0.5 }, adas);
    bo.close();
    expect(room.speakers.dominant).toBeNull();
    report(far, { [adas.id]: 0.5 }, adas);
    expect(named(room)).toEqual([]);
    // Until it comes back.
    expect(must(bo.participant.openTransport(grants(), REMOTE)).thread).toBe(bo.thread);
    report(far, { [adas.id]: 0.5 }, adas);
    expect(named(room)).toEqual(["ada 0.5"]);
  });
});

test("a room named like a track does not get its events", () => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("audio")));
  const room = track.id as string;
  const intruder = must(rooms.join(room, claims("eve", { room })));
  must(
    intruder.openTransport(claims("eve").grants, {
      remoteIce: { ufrag: "e", pwd: "e" },
      fingerprints: [],
      extensions: {},
    }),
  );
  thread.codec(track.id, OPUS);
  expect(track.payload).toEqual(OPUS);
});

test.each([
  ["audio", "microphone", "voice"],
  ["audio", "unknown", "voice"],
  ["audio", "screen_share_audio", "other"],
  ["video", "camera", "camera"],
  ["video", "unknown", "camera"],
  ["video", "screen_share", "screen"],
] as const)("%s of a %s is to a media thread %s", (kind, source, content) => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  must(transport.publish(section(kind, { source })));
  const publisher = transport.participant.id;
  expect(thread.sent("up-track.add")).toMatchObject([{ track: { publisher, content } }]);
});

describe("how many are heard and seen", () => {
  const everything = {
    loudestAudios: Number.POSITIVE_INFINITY,
    lastVideos: Number.POSITIVE_INFINITY,
    guardsEncryption: true,
  };

  test("is told to each thread before its first transport, and when it changes", () => {
    const { rooms, thread, threads } = conference({ loudestAudios: 3 }, 2);
    const other = new RecordingThread(1);
    threads.add(other);
    connect(rooms, "ada");
    connect(rooms, "bo");
    const options = { ...everything, loudestAudios: 3 };
    expect(thread.commands[0]).toEqual({ kind: "room.options", roomId: ROOM, options });
    expect(thread.sent("room.options")).toHaveLength(1);
    rooms.get("hall")!.setOptions({ lastVideos: 9 });
    expect(thread.sent("room.options").at(-1)!.options).toMatchObject({ loudestAudios: 3, lastVideos: 9 });
    expect(other.commands).toEqual([]);
    connect(rooms, "cy");
    expect(other.commands[0]).toMatchObject({
      kind: "room.options",
      options: { loudestAudios: 3, lastVideos: 9 },
    });
    rooms.get("hall")!.setOptions({ loudestAudios: "all", lastVideos: "all" });
    for (const one of [thread, other]) expect(one.sent("room.options").at(-1)!.options).toEqual(everything);
  });

  test("is told before the first transport that opens, though others have left that never did", () => {
    const { rooms, thread } = conference();
    const [one] = ["one", "two"].map((identity) =>
      must(must(rooms.join("hall", claims(identity))).openTransport(grants(), null)),
    );
    one!.close();
    connect(rooms, "ada");
    expect(thread.commands.map(({ kind }) => kind)).toEqual(["room.options", "transport.open"]);
  });

  test("is told again when the room comes back to a thread", () => {
    const { rooms, thread } = conference();
    connect(rooms, "ada").close();
    connect(rooms, "ada");
    expect(thread.commands.map(({ kind }) => kind)).toEqual([
      "room.options",
      "transport.open",
      "transport.close",
      "room.close",
      "room.options",
      "transport.open",
    ]);
  });
});
