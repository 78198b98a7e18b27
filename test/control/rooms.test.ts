import { expect, test } from "vitest";
import type { RoomId } from "../../src/base/ids.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  type Conference,
  claims,
  conference,
  connect,
  enter,
  grants,
  must,
  REMOTE,
  RecordingDataThread,
  RecordingThread,
  section,
  VP8,
  VP9,
} from "./conference.ts";

test.each([
  ["hall", true],
  ["!abc:example.org", true],
  ["ein Raum mit Ümläuten 🎤", true],
  ["x".repeat(128), true],
  ["", false],
  ["x".repeat(129), false],
  ["a\nb", false],
  ["\u0000", false],
  ["\ud800", false],
  [".", false],
  ["..", false],
])("room name %j: %s", (name, good) => {
  expect(conference().rooms.create(name).ok).toBe(good);
  expect(conference().rooms.join(name, claims("ada", { room: name })).ok).toBe(good);
});

test("a room exists once, with the server's defaults where it says nothing", () => {
  const { rooms } = conference({ maxParticipants: 7 });
  const room = must(rooms.create("hall", { e2ee: "required" }));
  expect(room.options).toEqual({
    maxParticipants: 7,
    maxTracksPerParticipant: 4,
    emptyTimeoutSeconds: 60,
    departureTimeoutSeconds: 20,
    e2ee: "required",
    e2eeGuard: "report",
    metadata: "",
    loudestAudios: "all",
    lastVideos: "all",
    locked: false,
    lobby: false,
  });
  expect(rooms.create("hall")).toEqual({ ok: false, error: "room_exists" });
  expect(rooms.list).toEqual([room]);
});

test.each([
  ["another room's token", claims("ada", { room: "attic" }), "forbidden"],
  ["no roomJoin", claims("ada", { roomJoin: false }), "forbidden"],
  ["no identity", claims(""), "identity_required"],
])("join refused: %s", (_name, token, error) => {
  expect(conference().rooms.join("hall", token)).toEqual({ ok: false, error });
});

test("without autoCreate a room is made only by those who may", () => {
  const { rooms } = conference({ autoCreate: false });
  expect(rooms.join("hall", claims("ada"))).toEqual({ ok: false, error: "room_not_found" });
  expect(rooms.join("hall", claims("ada", { roomCreate: true })).ok).toBe(true);
  expect(rooms.join("hall", claims("bo")).ok).toBe(true);
});

test("a join makes the room as its token configures it, and leaves one that is there as it is", () => {
  const { rooms, clock } = conference();
  const roomConfig = { emptyTimeout: 7, departureTimeout: 8, maxParticipants: 1, metadata: "m" };
  const ada = must(rooms.join("hall", { ...claims("ada"), roomConfig }));
  expect(ada.room.options).toMatchObject({
    emptyTimeoutSeconds: 7,
    departureTimeoutSeconds: 8,
    maxParticipants: 1,
    metadata: "m",
    maxTracksPerParticipant: 4,
  });
  expect(rooms.join("hall", claims("bo"))).toEqual({ ok: false, error: "room_full" });
  must(rooms.join("hall", { ...claims("ada"), roomConfig: { ...roomConfig, maxParticipants: 2 } }));
  expect(ada.room.options.maxParticipants).toBe(1);
  ada.leave("client_left");
  clock.pass(8_000);
  expect(rooms.list).toEqual([]);
  expect(enter(rooms, "bo").room.options).toMatchObject({ departureTimeoutSeconds: 20, metadata: "" });
});

test("one identity is one participant, however often it joins, and does not fill the room", () => {
  const { rooms } = conference({ maxParticipants: 1 });
  const first = enter(rooms, "ada");
  const again = must(rooms.join("hall", { ...claims("ada"), name: "Ada L." }));
  expect(again).toBe(first);
  expect(first.profile.name).toBe("Ada L.");
  expect(rooms.join("hall", claims("bo"))).toEqual({ ok: false, error: "room_full" });
});

test.each(["agent", "egress"] as const)(
  "an %s takes no place, and a room that has nobody else ends",
  (kind) => {
    const { rooms, clock } = conference({ maxParticipants: 1 });
    const attend = (identity: string) => must(rooms.join("hall", { ...claims(identity), kind }));
    const attendant = attend("one");
    attendant.hold();
    clock.pass(59_000);
    const ada = enter(rooms, "ada");
    ada.hold();
    attend("two").hold();
    expect(rooms.join("hall", claims("bo"))).toEqual({ ok: false, error: "room_full" });
    clock.pass(60_000);
    expect(attendant.room.participants).toHaveLength(3);
    ada.leave("client_left");
    clock.pass(19_000);
    expect(rooms.list).toHaveLength(1);
    clock.pass(1_000);
    expect([rooms.list, attendant.room.participants]).toEqual([[], []]);
    attend("three").hold();
    clock.pass(50_000);
    attend("four").leave("client_left");
    clock.pass(10_000);
    expect(rooms.list).toEqual([]);
  },
);

test("a room with new rules ends no sooner while somebody is there", () => {
  const { rooms, clock } = conference();
  const ada = enter(rooms, "ada");
  ada.hold();
  must(ada.room.setOptions({ emptyTimeoutSeconds: 1, departureTimeoutSeconds: 1 }));
  clock.pass(100_000);
  expect(rooms.list).toEqual([ada.room]);
});

test.each<[string, (hall: Conference, ...all: Transport[]) => void]>([
  ["closed", (_, ...all) => all.forEach((one) => void one.close())],
  ["gone", (_, ...all) => all.forEach(({ participant }) => void participant.leave("client_left"))],
  ["sent away with their rooms", ({ rooms }) => rooms.deleteAll()],
])("when all transports are %s, threads have nothing left, and hear no more", (_, end) => {
  const hall = conference({}, 1);
  const threads = [hall.thread, new RecordingThread(1), new RecordingThread(2)];
  for (const thread of threads.slice(1)) hall.threads.add(thread);
  const ada = connect(hall.rooms, "ada");
  const video = must(ada.publish(section("video", { payloads: [VP9] })));
  const backup = must(ada.publishBackup(video, section("video", { mid: "b" }), false));
  for (const [{ id }, payload] of [
    [video, VP9],
    [backup, VP8],
  ] as const)
    threads[ada.thread.index]!.codec(id, payload);
  const attic = must(hall.rooms.forward(ada.participant, "attic"));
  const viewers = [
    ...["bo", "cy"].map((identity) => connect(hall.rooms, identity)),
    must(must(hall.rooms.join("attic", claims("di", { room: "attic" }))).openTransport(grants(), REMOTE)),
  ];
  for (const [index, viewer] of viewers.entries()) {
    must(viewer.watch({}));
    must(viewer.addSlot({ kind: "video", mid: "0", payloads: [index === 1 ? VP8 : VP9] }));
  }
  expect(viewers.map(({ subscriptions: [one] }) => one!.codec)).toEqual(["VP9", "VP8", "VP9"]);
  const places = [...new Set([ada, ...viewers].map(({ thread }) => thread))];
  expect(places).toHaveLength(3);
  end(hall, ada, ...viewers);
  expect(places.map(({ load }) => load)).toEqual([0, 0, 0]);
  expect([...hall.rooms.list, attic].flatMap((room) => [...room.placements.threads])).toEqual([]);
  const told = threads.map(({ commands }) => commands.length);
  for (const thread of threads) thread.die();
  expect(threads.map(({ commands }) => commands.length)).toEqual(told);
});

test("a participant leaves when its last transport has been closed for a while", () => {
  const { rooms, clock } = conference();
  const one = connect(rooms, "ada");
  const two = connect(rooms, "ada");
  const room = rooms.get("hall")!;
  one.close();
  clock.pass(10_000);
  expect(room.participant("ada")).toBe(one.participant);
  two.close();
  clock.pass(4_000);
  const three = connect(rooms, "ada");
  expect(three.participant).toBe(one.participant);
  clock.pass(10_000);
  three.close();
  expect(room.participant("ada")).toBeDefined();
  clock.pass(5_000);
  expect(room.participant("ada")).toBeUndefined();
});

test("who joins but never connects leaves too, and can open nothing afterwards", () => {
  const { rooms, clock } = conference();
  const participant = enter(rooms, "ada");
  clock.pass(5_000);
  expect(rooms.get("hall")!.participants).toEqual([]);
  expect(participant.openTransport(grants(), REMOTE)).toEqual({ ok: false, error: "left" });
});

test("a room ends some time after the last one has left, and not while someone is in it", () => {
  const { rooms, clock } = conference({ departureTimeoutSeconds: 30 });
  const transport = connect(rooms, "ada");
  clock.pass(100_000);
  expect(rooms.list).toHaveLength(1);
  transport.close();
  clock.pass(34_000);
  expect(rooms.list).toHaveLength(1);
  clock.pass(1_000);
  expect(rooms.list).toHaveLength(0);
});

test("a room that nobody joins ends after another timeout", () => {
  const { rooms, clock } = conference({ emptyTimeoutSeconds: 30, departureTimeoutSeconds: 100 });
  must(rooms.create("hall"));
  clock.pass(29_000);
  expect(rooms.list).toHaveLength(1);
  clock.pass(1_000);
  expect(rooms.list).toHaveLength(0);
});

test("a new timeout counts from now", () => {
  const { rooms, clock } = conference({ emptyTimeoutSeconds: 30 });
  const room = must(rooms.create("hall"));
  must(room.setOptions({ emptyTimeoutSeconds: 100 }));
  clock.pass(99_000);
  expect(rooms.list).toHaveLength(1);
  clock.pass(1_000);
  expect(rooms.list).toHaveLength(0);
});

test("deleting a room closes every transport and says why", () => {
  const { rooms, thread } = conference();
  const transports = [connect(rooms, "ada"), connect(rooms, "bo")];
  const reasons: string[] = [];
  for (const transport of transports) transport.onClosed((reason) => reasons.push(reason));
  const room = rooms.get("hall")!;
  room.delete();
  room.delete();
  expect(reasons).toEqual(["room_deleted", "room_deleted"]);
  expect(thread.sent("transport.close").map(({ transportId }) => transportId)).toEqual(
    transports.map(({ id }) => id),
  );
  expect(rooms.list).toEqual([]);
});

test("draining admits nobody new", () => {
  const { rooms } = conference();
  connect(rooms, "ada");
  rooms.drain();
  expect(rooms.join("hall", claims("bo"))).toEqual({ ok: false, error: "draining" });
  expect(rooms.create("attic")).toEqual({ ok: false, error: "draining" });
  expect(rooms.counts).toEqual({ rooms: 1, participants: 1, tracks: 0, subscriptions: 0, speakers: 0 });
  rooms.deleteAll();
  expect(rooms.counts).toEqual({ rooms: 0, participants: 0, tracks: 0, subscriptions: 0, speakers: 0 });
});

test("rooms go to the least loaded thread, and stay there", () => {
  const { rooms, threads, thread } = conference();
  const other = new RecordingThread(1);
  threads.add(other);
  const openIn = (room: string, identity: string) =>
    must(must(rooms.join(room, claims(identity, { room }))).openTransport(grants(), REMOTE));
  openIn("one", "ada");
  openIn("two", "ada");
  openIn("one", "bo");
  openIn("one", "cy");
  openIn("three", "ada");
  const roomsOf = (which: RecordingThread) => which.sent("transport.open").map(({ roomId }) => roomId);
  expect(roomsOf(thread)).toEqual(["one", "one", "one"]);
  expect(roomsOf(other)).toEqual(["two", "three"]);
});

test("sessions wait for the next DTLS thread, but not for one that does not come", () => {
  const { rooms, dataThread, surroundings, clock } = conference();
  const { participant } = connect(rooms, "ada");
  const open = () => participant.openTransport(grants(), REMOTE).ok;
  dataThread.die();
  expect(open()).toBe(true);
  clock.pass(5_000);
  expect(participant.openTransport(grants(), REMOTE)).toEqual({ ok: false, error: "no_capacity" });

  const successor = new RecordingDataThread();
  surroundings.dataThread.attach(successor);
  expect(open()).toBe(true);
  successor.prove();
  successor.die();
  surroundings.dataThread.attach(new RecordingDataThread());
  clock.pass(5_000);
  expect(open()).toBe(true);
});

test("a DTLS thread that dies soon after it has come is none, until one proves stable", () => {
  const { rooms, dataThread, surroundings, clock } = conference();
  const { participant } = connect(rooms, "ada");
  const open = () => participant.openTransport(grants(), REMOTE).ok;
  const attach = (): RecordingDataThread => {
    const thread = new RecordingDataThread();
    surroundings.dataThread.attach(thread);
    return thread;
  };
  dataThread.die();
  const second = attach();
  clock.pass(2_000);
  expect(open()).toBe(true);
  second.die();
  expect([open(), rooms.hasThreads]).toEqual([false, false]);
  const third = attach();
  // It hangs: time alone proves nothing.
  clock.pass(60_000);
  expect(open()).toBe(false);
  third.die();
  const fourth = attach();
  third.prove();
  expect(open()).toBe(false);
  fourth.prove();
  expect([open(), rooms.hasThreads]).toEqual([true, true]);
});

test("a thread that dies closes its rooms' transports; the rooms live on in another thread", () => {
  const { rooms, threads, thread, clock } = conference();
  const transport = connect(rooms, "ada");
  const reasons: string[] = [];
  transport.onClosed((reason) => reasons.push(reason));
  thread.die();
  expect(reasons).toEqual(["media_thread_exited"]);
  expect(threads.count).toBe(0);
  expect(transport.participant.openTransport(grants(), REMOTE)).toEqual({ ok: false, error: "no_capacity" });

  const successor = new RecordingThread(0);
  threads.add(successor);
  expect(connect(rooms, "ada").participant).toBe(transport.participant);
  expect(successor.sent("transport.open")).toHaveLength(1);
  clock.pass(60_000);
  expect(rooms.get("hall")!.participants).toHaveLength(1);
});

test.each(["leaves", "moves"])(
  "a thread that has forgotten a room, as the last that it knew there %s, is told the rules again",
  (how) => {
    const { rooms, thread } = conference({ e2eeGuard: "cut" });
    const ada = connect(rooms, "ada");
    const slow = must(enter(rooms, "bo").openTransport(grants(), null));
    if (how === "moves") must(rooms.move(ada.participant, "attic"));
    else ada.close();
    slow.connect(REMOTE);
    connect(rooms, "cy");
    expect(guardedRooms(thread)).toEqual(how === "moves" ? ["attic", "hall"] : ["hall"]);
  },
);

/** Rooms whose encryption the thread guards, since it was told so: it forgets a room with its last transport. */
function guardedRooms({ commands }: RecordingThread): string[] {
  const guarded = new Set<string>();
  const roomOf = new Map<string, string>();
  const move = (transportId: string, to: string | undefined): void => {
    const from = roomOf.get(transportId);
    if (to === undefined) roomOf.delete(transportId);
    else roomOf.set(transportId, to);
    if (from !== undefined && ![...roomOf.values()].includes(from)) guarded.delete(from);
  };
  for (const command of commands) {
    if (command.kind === "room.options" && command.options.guardsEncryption) guarded.add(command.roomId);
    if (command.kind === "transport.open") move(command.transportId, command.roomId);
    if (command.kind === "transport.move") move(command.transportId, command.roomId);
    if (command.kind === "transport.close") move(command.transportId, undefined);
  }
  return [...guarded].sort();
}

test("stats: the thread's answer, or nothing when it is silent or dies", async () => {
  const { rooms, thread, clock } = conference();
  const room = must(rooms.create("hall"));
  expect(await room.stats()).toEqual({ upTracks: [], downTracks: [], transports: [] });

  connect(rooms, "ada");
  const [answered, silent] = [room.stats(), room.stats()];
  const [first] = thread.sent("stats");
  expect(first!.roomId).toBe("hall" as RoomId);
  const upTracks = [{ trackId: "TR_1" as never, codec: null, layers: [], dependencyDescriptor: false }];
  thread.answer(first!.requestId, { upTracks });
  thread.answer(999, {});
  expect(await answered).toMatchObject({ upTracks, downTracks: [] });
  clock.pass(1_000);
  expect(await silent).toBeUndefined();

  const cutOff = room.stats();
  thread.die();
  expect(await cutOff).toBeUndefined();
});
