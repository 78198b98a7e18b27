/**
 * Goal: every receiver gets every event at least once and in order, whatever it answers, and rooms never suffer from it.
 * Method: real control and a real database, a clock turned by hand, and receivers that answer what a test says.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { DisconnectReason, RoomEndReason, WebhookEvent } from "@livekit/protocol";
import { WebhookReceiver } from "livekit-server-sdk";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Reports } from "../../src/control/reports.ts";
import { openDatabase } from "../../src/store/database.ts";
import { WebhookQueue } from "../../src/store/webhook-queue.ts";
import { WebhookMetrics } from "../../src/telemetry/webhook-metrics.ts";
import { type WebhookSettings, Webhooks } from "../../src/webhooks/webhooks.ts";
import {
  type Conference,
  claims,
  conference,
  connect,
  enter,
  must,
  OPUS,
  RecordingReportStore,
  section,
  VP8,
} from "../control/conference.ts";

const [ONE, TWO] = ["http://one.example/hook", "http://two.example/hook"];
const POLICY = { firstRetrySeconds: 1, maxRetrySeconds: 8, giveUpSeconds: 60 };

let directory: string;
let database: DatabaseSync;
let hall: Conference;
let registry: Registry;
let running: Webhooks;
/** Attempts in order, by URL. */
let attempts: { url: string; event: WebhookEvent }[];
/** Messages of errors, and of what is well again. */
let logged: string[];
/** Whole log lines. */
let lines: Record<string, unknown>[];
/** What receivers answer. */
let answer: (url: string, event: WebhookEvent) => number | null | Promise<number>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "webhooks-"));
  database = openDatabase(directory);
  hall = conference({ maxTracksPerParticipant: 9 });
  attempts = [];
  logged = [];
  lines = [];
  answer = () => 200;
});
afterEach(() => {
  running.stop();
  rmSync(directory, { recursive: true });
});

function start(settings: Partial<WebhookSettings> = {}, maxPerUrl = 100): void {
  registry = new Registry();
  running = new Webhooks({ urls: [ONE!], ...POLICY, ...settings }, hall.rooms.events, {
    queue: new WebhookQueue(database, maxPerUrl),
    post: async (url, body) => {
      const event = WebhookEvent.fromJsonString(body);
      attempts.push({ url, event });
      const status = await answer(url, event);
      return status === null ? { error: "ECONNREFUSED" } : { status };
    },
    clock: hall.clock,
    metrics: new WebhookMetrics(registry),
    log: pino(
      { base: null },
      {
        write(line) {
          lines.push(JSON.parse(line));
          logged.push(JSON.parse(line).msg);
        },
      },
    ),
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Promise.resolve();
}

const names = (url = ONE): string[] =>
  attempts.filter((one) => one.url === url).map(({ event }) => event.event);

async function metric(series: string): Promise<number> {
  const line = (await registry.metrics())
    .split("\n")
    .find((text) => text.startsWith(`blindfold_webhook_${series} `));
  return Number(line?.split(" ").at(-1));
}

/** Lets time pass with every attempt that falls due in it. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    hall.clock.pass(1_000);
    await running.settled();
  }
}

describe("what is told", () => {
  test("who waits in the lobby, in the words of a participant, so that hosts can be called", async () => {
    start();
    must(hall.rooms.create("hall", { lobby: true }));
    hall.rooms.knock("hall", { ...claims("ada"), name: "Ada" });
    hall.rooms.knock("hall", claims("ada"));
    await running.settled();
    expect(names()).toEqual(["room_started", "participant_waiting"]);
    const { event } = attempts[1]!;
    expect([event.room?.name, event.participant?.identity, event.participant?.name]).toEqual([
      "hall",
      "ada",
      "Ada",
    ]);
    // LiveKit's receivers read events that they do not know.
    const receiver = new WebhookReceiver("key", "secret");
    const read = await receiver.receive(event.toJsonString(), undefined, true);
    expect(read).toMatchObject({ event: "participant_waiting", participant: { identity: "ada" } });
  });

  test("who was reported, and nothing of what was said or by whom", async () => {
    start();
    const reports = new Reports({
      rooms: hall.rooms,
      store: new RecordingReportStore(),
      keepDays: 1,
      clock: hall.clock,
      log: pino({ level: "silent" }),
      onReport: (report, room) => running.onReport(report, room),
    });
    enter(hall.rooms, "ada");
    for (const identity of ["ada", "cy"])
      reports.add("hall", "tattler", { identity, reason: "hate", comment: "words" });
    reports.add("attic", "tattler", { identity: "di", reason: "spam", comment: "words" });
    await running.settled();
    const told = attempts.map(({ event }) => event).filter(({ event }) => event === "participant_reported");
    expect(told.map(({ room, participant }) => [room?.name, room?.sid, participant?.identity])).toEqual([
      ["hall", hall.rooms.get("hall")!.sid, "ada"],
      ["hall", hall.rooms.get("hall")!.sid, "cy"],
      ["attic", "", "di"],
    ]);
    expect(told[0]!.participant!.sid).toBe(hall.rooms.get("hall")!.participant("ada")!.id);
    for (const event of told) expect(event.toJsonString()).not.toMatch(/tattler|words|hate|spam|RP_/);
  });

  test("a room's life, in LiveKit's words", async () => {
    start();
    const transport = connect(hall.rooms, "ada");
    hall.thread.emit({ kind: "transport.state", transportId: transport.id, state: "connected" });
    const track = must(transport.publish(section("video", { encryption: "gcm" })));
    hall.thread.codec(track.id, VP8);
    hall.thread.codec(track.id, { ...VP8, payloadType: 98, codec: "VP9" });
    must(transport.participant.room.setOptions({ metadata: "m" }));
    transport.unpublish(track);
    // Nothing was ever heard of it.
    transport.unpublish(must(transport.publish(section("audio"))));
    enter(hall.rooms, "bo").leave("never_connected");
    transport.participant.leave("participant_removed");
    hall.rooms.get("hall")!.delete();
    await running.settled();
    expect(names()).toEqual([
      "room_started",
      "participant_joined",
      "track_published",
      "track_unpublished",
      "participant_connection_aborted",
      "participant_left",
      "room_finished",
    ]);
    const [started, joined, published, , , left, finished] = attempts.map(({ event }) => event);
    expect(started!.room).toMatchObject({ name: "hall", numParticipants: 0 });
    expect(joined!.participant).toMatchObject({ identity: "ada", sid: transport.participant.id });
    expect(published).toMatchObject({
      room: { name: "hall" },
      participant: { identity: "ada" },
      track: { sid: track.id, mimeType: "video/VP8" },
    });
    expect(left!.participant!.disconnectReason).toBe(DisconnectReason.PARTICIPANT_REMOVED);
    expect(finished!.roomEndReason).toBe(RoomEndReason.ROOM_END_API_DELETE);
    const ids = attempts.map(({ event }) => event.id);
    expect(new Set(ids).size).toBe(7);
    for (const id of ids) expect(id).toMatch(/^EV_[\w-]{16}$/);
    expect(Number(started!.createdAt)).toBe(Math.floor(hall.clock.nowMs() / 1000));
  });

  test("a participant that moves leaves one room and joins another, with its tracks", async () => {
    start();
    const transport = connect(hall.rooms, "ada");
    transport.participant.activate();
    hall.thread.codec(must(transport.publish(section("audio"))).id, OPUS);
    must(hall.rooms.move(transport.participant, "attic"));
    await running.settled();
    expect(attempts.slice(3).map(({ event }) => [event.event, event.room!.name])).toEqual([
      ["room_started", "attic"],
      ["track_unpublished", "hall"],
      ["participant_left", "hall"],
      ["participant_joined", "attic"],
      ["track_published", "attic"],
    ]);
  });
});

describe("a receiver that fails", () => {
  test.each([[null], [500], [404], [302]])(
    "with %s is asked again, with longer and longer pauses",
    async (status) => {
      start();
      answer = () => status;
      must(hall.rooms.create("hall", { emptyTimeoutSeconds: 1000 }));
      const seconds: number[] = [];
      for (let second = 0; second < 40; second++) {
        const before = attempts.length;
        await running.settled();
        if (attempts.length > before) seconds.push(second);
        hall.clock.pass(1_000);
      }
      expect(seconds).toEqual([0, 1, 3, 7, 15, 23, 31, 39]);
      expect(new Set(attempts.map(({ event }) => event.id)).size).toBe(1);
      expect(await metric('attempts_total{outcome="failed"}')).toBe(8);
    },
  );

  test("gets everything in order once it works again", async () => {
    start();
    answer = () => null;
    for (const name of ["a", "b", "c"]) must(hall.rooms.create(name, { emptyTimeoutSeconds: 1000 }));
    await pass(10);
    expect(new Set(attempts.map(({ event }) => event.room!.name))).toEqual(new Set(["a"]));
    answer = () => 204;
    attempts.length = 0;
    await pass(10);
    expect(attempts.map(({ event }) => event.room!.name)).toEqual(["a", "b", "c"]);
    expect([await metric('attempts_total{outcome="delivered"}'), await metric("queue_events")]).toEqual([
      3, 0,
    ]);
    // The pauses start again from the first.
    answer = () => null;
    must(hall.rooms.create("d", { emptyTimeoutSeconds: 1000 }));
    attempts.length = 0;
    await running.settled();
    await pass(3);
    expect(attempts).toHaveLength(3);
  });

  test.each([
    [null, { error: "ECONNREFUSED" }],
    [503, { status: 503 }],
  ])("with %s is named once in the log, with the reason and without its path", async (status, reason) => {
    start();
    answer = () => status;
    must(hall.rooms.create("hall", { emptyTimeoutSeconds: 1000 }));
    await pass(10);
    expect(attempts.length).toBeGreaterThan(2);
    const receiver = new URL(ONE!).origin;
    const line = { level: 40, msg: "webhook not delivered", receiver, ...reason };
    expect(lines).toEqual([{ ...line, time: expect.any(Number) }]);
  });

  test("does not hold up another", async () => {
    start({ urls: [ONE!, TWO!] });
    answer = (url) => (url === ONE ? null : 200);
    must(hall.rooms.create("hall"));
    await running.settled();
    hall.rooms.get("hall")!.delete();
    await running.settled();
    expect(names(TWO)).toEqual(["room_started", "room_finished"]);
    expect(names(ONE)).toEqual(["room_started"]);
  });

  test.each([[400], [413], [415], [422]])(
    "calls an event bad with %d and is not sent it again",
    async (status) => {
      start();
      answer = (_url, { event }) => (event === "room_started" ? status : 200);
      must(hall.rooms.create("hall")).delete();
      await running.settled();
      expect(names()).toEqual(["room_started", "room_finished"]);
      expect(await metric('dead_letters_total{reason="refused"}')).toBe(1);
    },
  );

  test("for too long loses what is too old, and gets the rest", async () => {
    start();
    answer = () => 503;
    must(hall.rooms.create("old", { emptyTimeoutSeconds: 1000 }));
    await pass(50);
    must(hall.rooms.create("new", { emptyTimeoutSeconds: 1000 }));
    await pass(30);
    answer = () => 200;
    attempts.length = 0;
    await pass(10);
    expect(attempts.map(({ event }) => event.room!.name)).toEqual(["new"]);
    expect(await metric('dead_letters_total{reason="too_old"}')).toBe(1);
  });
});

describe("a queue that is full", () => {
  test("takes no more, counts what is lost, and tells the receiver how much that was", async () => {
    start({}, 2);
    answer = () => null;
    for (const name of ["a", "b", "c", "d"]) must(hall.rooms.create(name, { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    expect(await metric('dead_letters_total{reason="queue_full"}')).toBe(2);
    answer = () => 200;
    await pass(2);
    must(hall.rooms.create("e", { emptyTimeoutSeconds: 1000 }));
    must(hall.rooms.create("f", { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    const delivered = attempts.slice(-4).map(({ event }) => [event.room!.name, event.numDropped]);
    expect(delivered).toEqual([
      ["a", 0],
      ["b", 0],
      ["e", 2],
      ["f", 0],
    ]);
  });

  test("or broken keeps nobody from joining", async () => {
    start();
    database.close();
    enter(hall.rooms, "ada");
    await running.settled();
    expect(await metric('dead_letters_total{reason="store_failed"}')).toBe(1);
    expect(hall.rooms.get("hall")!.participants).toHaveLength(1);
  });
});

describe("a disk that is full", () => {
  const isStuck = (stuck: boolean): void =>
    database.exec(
      stuck
        ? `CREATE TEMP TRIGGER full BEFORE DELETE ON webhooks BEGIN SELECT RAISE(FAIL, 'disk is full'); END`
        : "DROP TRIGGER full",
    );

  test("makes nobody be told twice, nor anybody wait, and is logged once", async () => {
    start({}, 3);
    isStuck(true);
    for (const name of ["a", "b", "c"]) {
      must(hall.rooms.create(name, { emptyTimeoutSeconds: 1000 }));
      await pass(20);
    }
    expect(attempts.map(({ event }) => event.room!.name)).toEqual(["a", "b", "c"]);
    expect(await metric("queue_events")).toBe(0);
    expect(logged).toEqual(["webhook stays in the queue"]);

    isStuck(false);
    must(hall.rooms.create("d", { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    expect(attempts.map(({ event }) => event.room!.name)).toEqual(["a", "b", "c", "d"]);
    // What stayed has left with the next.
    expect(new WebhookQueue(database, 3).size).toBe(0);
    isStuck(true);
    must(hall.rooms.create("e", { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    expect(logged).toEqual(["webhook stays in the queue", "webhook stays in the queue"]);
  });

  test("is logged once, however many events are lost, and again when it is full again", async () => {
    start();
    const isFull = (full: boolean): void =>
      database.exec(
        full
          ? `CREATE TEMP TRIGGER no_room BEFORE INSERT ON webhooks BEGIN SELECT RAISE(FAIL, 'disk is full'); END`
          : "DROP TRIGGER no_room",
      );
    isFull(true);
    for (const name of ["a", "b", "c"]) must(hall.rooms.create(name, { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    expect(await metric('dead_letters_total{reason="store_failed"}')).toBe(3);
    expect(logged).toEqual(["webhook not stored"]);

    isFull(false);
    must(hall.rooms.create("d", { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    expect(attempts.map(({ event }) => [event.room!.name, event.numDropped])).toEqual([["d", 3]]);
    isFull(true);
    must(hall.rooms.create("e", { emptyTimeoutSeconds: 1000 }));
    await running.settled();
    expect(logged).toEqual(["webhook not stored", "webhook not stored"]);
  });

  test("makes nobody be told twice what was refused", async () => {
    start();
    isStuck(true);
    answer = () => 400;
    must(hall.rooms.create("hall"));
    await pass(20);
    expect(attempts).toHaveLength(1);
    expect(await metric('dead_letters_total{reason="refused"}')).toBe(1);
  });

  test("keeps no server from starting after a URL has left the configuration", async () => {
    start({ urls: [ONE!, TWO!] });
    answer = () => null;
    must(hall.rooms.create("hall"));
    await running.settled();
    running.stop();
    isStuck(true);
    logged = [];
    lines = [];
    start({ urls: [TWO!] });
    expect(logged).toEqual(["webhooks of a URL that is not configured stay in the queue"]);
    expect(await metric('dead_letters_total{reason="unconfigured"}')).toBe(0);
    expect(await metric("queue_events")).toBe(2);
    await running.settled();
    expect(names(TWO)).toEqual(["room_started", "room_started"]);
  });
});

test("a store that can not be read is asked again, with longer and longer pauses, until it can", async () => {
  start();
  answer = () => null;
  must(hall.rooms.create("hall", { emptyTimeoutSeconds: 1000 }));
  await running.settled();
  database.exec("ALTER TABLE webhooks RENAME TO elsewhere");
  await pass(10);
  expect(logged.filter((line) => line === "webhook queue failed")).toHaveLength(3);
  expect(attempts).toHaveLength(1);
  database.exec("ALTER TABLE elsewhere RENAME TO webhooks");
  answer = () => 200;
  await pass(10);
  expect(names()).toEqual(["room_started", "room_started"]);
});

describe("the next process", () => {
  test("sends what the last one could not, under the same ids", async () => {
    start();
    answer = () => null;
    must(hall.rooms.create("hall")).delete();
    await running.settled();
    const { id } = attempts[0]!.event;
    running.stop();
    hall = conference();
    answer = () => 200;
    attempts.length = 0;
    start();
    await running.settled();
    expect(names()).toEqual(["room_started", "room_finished"]);
    expect(attempts[0]!.event.id).toBe(id);
  });

  test("sends again what had no answer when the last one ended", async () => {
    start();
    const { promise, resolve } = Promise.withResolvers<number>();
    answer = () => promise;
    must(hall.rooms.create("hall"));
    await until(() => attempts.length === 1);
    running.stop();
    database.close();
    // The answer comes when nobody can note it any more.
    resolve(200);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(await metric('attempts_total{outcome="delivered"}')).toBe(0);
    database = openDatabase(directory);
    start();
    await running.settled();
    expect(names()).toEqual(["room_started", "room_started"]);
    expect(attempts[1]!.event.id).toBe(attempts[0]!.event.id);
    expect(await metric("queue_events")).toBe(0);
  });

  test("gives up what waits for a URL that is not configured any more", async () => {
    start({ urls: [ONE!, TWO!] });
    answer = () => null;
    must(hall.rooms.create("hall"));
    await running.settled();
    running.stop();
    start({ urls: [TWO!] });
    expect(await metric('dead_letters_total{reason="unconfigured"}')).toBe(1);
    expect(await metric("queue_events")).toBe(1);
  });
});

test("after the end nothing is sent, whatever time passes and whatever happens", async () => {
  start();
  answer = () => null;
  must(hall.rooms.create("hall"));
  await running.settled();
  running.stop();
  attempts.length = 0;
  must(hall.rooms.create("attic"));
  await pass(100);
  expect(attempts).toEqual([]);
  const queue = new WebhookQueue(database, 100);
  expect(queue.size).toBe(1);

  // Nor what it has just begun with.
  start();
  running.stop();
  await pass(100);
  expect([attempts, logged, queue.size]).toEqual([[], ["webhook not delivered"], 1]);
});
