/**
 * Goal: associations begin when both control and DTLS are ready, talk to control in batches, stay apart, and leave
 * nothing behind.
 * Method: the service with werift's association as each peer, over a path of one turn of the loop.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import type { TransportId } from "../../src/base/ids.ts";
import type { DataBatch, DataCommand, DataEvent } from "../../src/contract/data.ts";
import { DataService } from "../../src/dtls/data-service.ts";
import { BINARY, LOSSY, RELIABLE, SctpClient, STRING } from "./sctp/sctp-client.ts";

const A = "TP_a" as TransportId;
const B = "TP_b" as TransportId;

interface Said {
  readonly event: DataEvent;
  readonly text: string;
}

class World {
  readonly service = new DataService({
    nowUs: () => Math.round(performance.now() * 1000),
    post: (batch) => this.#onBatch(batch),
  });
  readonly said: Said[] = [];
  batches = 0;
  readonly #clients = new Map<TransportId, SctpClient>();

  /** DTLS of a peer is secure. */
  secure(transportId: TransportId): SctpClient {
    const client = new SctpClient((packet) => {
      const copy = Uint8Array.from(packet);
      setImmediate(() => this.service.onData(transportId, copy));
    });
    this.#clients.set(transportId, client);
    this.service.onSecure(transportId, (packet) => {
      const copy = Uint8Array.from(packet);
      setImmediate(() => client.receive(copy));
    });
    client.connect();
    return client;
  }

  open(transportId: TransportId, channels = [] as (typeof RELIABLE)[]): void {
    this.command({ kind: "data.open", transportId, remotePort: 5000, channels });
  }

  send(transportId: TransportId, channelId: number, text: string, isText = true): void {
    const bytes = Uint8Array.from(Buffer.from(text));
    const slice = { at: 0, length: bytes.length };
    this.command({ kind: "message.send", transportId, channelId, isText, ...slice }, bytes);
  }

  command(letter: DataCommand, bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)): void {
    this.service.receive({ letters: [letter], bytes });
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await nextTurn();
  }

  kinds(transportId: TransportId): string[] {
    return this.said.filter(({ event }) => event.transportId === transportId).map(({ event }) => event.kind);
  }

  stop(): void {
    for (const transportId of this.#clients.keys()) this.end(transportId);
  }

  end(transportId: TransportId): void {
    this.command({ kind: "data.close", transportId });
    this.service.onClosed(transportId);
    this.#clients.get(transportId)?.stop();
    this.#clients.delete(transportId);
  }

  #onBatch({ letters, bytes }: DataBatch<DataEvent>): void {
    this.batches += 1;
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    for (const event of letters) {
      const slice =
        event.kind === "message.received" ? bytes.subarray(event.at, event.at + event.length) : "";
      this.said.push({ event, text: Buffer.from(slice).toString() });
    }
  }
}

let world = new World();
afterEach(() => {
  world.stop();
  world = new World();
});

test("an association begins when control and DTLS are ready, whichever is first", async () => {
  world.open(A);
  await world.settle();
  expect(world.service.associations).toBe(0);
  expect(world.kinds(A)).toEqual([]);
  world.secure(A);
  expect(world.service.associations).toBe(1);
  await world.settle();
  expect(world.kinds(A)).toEqual(["data.begun"]);

  const client = world.secure(B);
  await world.settle();
  expect(world.service.associations).toBe(1);
  world.open(B, [RELIABLE]);
  expect(world.service.associations).toBe(2);
  client.stop();
});

test("what is said in one turn is one batch", async () => {
  world.open(A);
  world.open(B);
  const [a, b] = [world.secure(A), world.secure(B)];
  await world.settle();
  a.open(0, RELIABLE);
  b.open(0, RELIABLE);
  await world.settle();
  expect(world.kinds(A)).toEqual(["data.begun", "channel.opened"]);
  const before = world.batches;
  for (const client of [a, b]) for (const word of ["one", "two"]) client.send(0, STRING, Buffer.from(word));
  await world.settle();
  const received = world.said.filter(({ event }) => event.kind === "message.received");
  expect(received.map(({ text }) => text).sort()).toEqual(["one", "one", "two", "two"]);
  expect(world.batches - before).toBeLessThanOrEqual(2);
});

test("messages of control reach the right peer, and control hears that they left", async () => {
  world.open(A, [RELIABLE, LOSSY]);
  world.open(B, [RELIABLE]);
  const [a, b] = [world.secure(A), world.secure(B)];
  await world.settle();
  world.send(A, 1, "for a");
  world.send(A, 3, "lossy", false);
  world.send(B, 1, "for b");
  world.send(B, 3, "for nobody");
  await world.settle();
  const heard = ({ received }: SctpClient): string[] =>
    received.filter(({ ppid }) => ppid !== 50).map(({ payload }) => Buffer.from(payload).toString());
  expect([heard(a), heard(b)]).toEqual([["for a", "lossy"], ["for b"]]);
  const sent = world.said.flatMap(({ event }) => (event.kind === "message.sent" ? [event] : []));
  expect(sent).toMatchObject([
    { transportId: A, channelId: 1, messages: 1, bytes: 5 },
    { transportId: A, channelId: 3, messages: 1, bytes: 5 },
    { transportId: B, channelId: 1, messages: 1, bytes: 5 },
  ]);
  const counts = world.service.takeCounts();
  expect(counts).toMatchObject({ sentMessages: 3, sentBytes: 15, receivedMessages: 0 });
  expect(world.service.takeCounts().sentMessages).toBe(0);
});

test("what control says on a channel that has ended is not said on the next one of its stream", async () => {
  world.open(A);
  const client = world.secure(A);
  await world.settle();
  client.open(0, RELIABLE);
  await world.settle();
  client.reset(0);
  await world.settle();
  client.open(0, { ...RELIABLE, label: "another" });
  await world.settle();
  const opened = world.said.flatMap(({ event }) =>
    event.kind === "channel.opened" ? [event.channelId] : [],
  );
  expect(opened).toHaveLength(2);
  const [first, second] = opened;
  // Control has not heard yet that the first has ended.
  world.send(A, first!, "for the first");
  world.send(A, second!, "for the second");
  await world.settle();
  const heard = client.received.filter(({ ppid }) => ppid === STRING);
  expect(heard.map(({ payload }) => Buffer.from(payload).toString())).toEqual(["for the second"]);
  const sent = world.said.flatMap(({ event }) => (event.kind === "message.sent" ? [event] : []));
  expect(sent).toMatchObject([{ channelId: second, messages: 1 }]);
});

test("one peer's end is told, and is nobody else's", async () => {
  world.open(A, [RELIABLE]);
  world.open(B, [RELIABLE]);
  const [a] = [world.secure(A), world.secure(B)];
  await world.settle();
  a.stop();
  await world.settle();
  expect(world.said.at(-1)!.event).toEqual({ kind: "data.ended", transportId: A, reason: "peer_closed" });
  world.service.onClosed(B);
  await world.settle();
  expect(world.said.at(-1)!.event).toEqual({ kind: "data.ended", transportId: B, reason: "dtls_closed" });
  expect(world.service.associations).toBe(0);
  expect(world.service.takeCounts()).toMatchObject({ ended_peer_closed: 1, ended_dtls_closed: 1 });
});

test("an association that ended does not begin again by itself; control may open another", async () => {
  world.open(A, [RELIABLE]);
  world.secure(A).stop();
  await world.settle();
  world.service.onClosed(A);
  world.secure(A);
  await world.settle();
  expect(world.service.associations).toBe(0);
  world.open(A, [RELIABLE]);
  await world.settle();
  expect(world.service.associations).toBe(1);
});

test("what control closes is not heard of again", async () => {
  world.open(A, [RELIABLE]);
  const client = world.secure(A);
  await world.settle();
  const before = world.said.length;
  world.command({ kind: "data.close", transportId: A });
  client.send(1, BINARY, Uint8Array.of(1));
  world.send(A, 1, "too late");
  await world.settle();
  expect(world.said).toHaveLength(before);
  expect(world.service.associations).toBe(0);
});

test("letters about unknown transports are ignored", () => {
  world.send(A, 1, "x");
  world.command({ kind: "data.close", transportId: A });
  world.command({ kind: "message.taken", transportId: A, bytes: 10 });
  world.service.onData(A, Uint8Array.of(1));
  world.service.onClosed(A);
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A session in which each kind of timer runs, ended in one of the ways in which sessions end. */
async function session(index: number): Promise<void> {
  const transportId = `TP_${index}` as TransportId;
  world.open(transportId, [RELIABLE]);
  const client = world.secure(transportId);
  for (let turn = 0; turn < 20 && !world.kinds(transportId).includes("channel.opened"); turn++)
    await nextTurn();
  client.send(1, BINARY, Buffer.alloc(10_000));
  world.send(transportId, 1, "x".repeat(10_000));
  if (index % 2 === 0) client.reset(1);
  if (index % 3 === 0) await nextTurn();
  if (index % 5 === 0) client.stop();
  else if (index % 5 === 1) world.service.onClosed(transportId);
  world.end(transportId);
  world.said.length = 0;
}

test("a thousand associations leave neither memory nor timers behind", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const measure = async (): Promise<number> => {
    await world.settle();
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  for (let index = 0; index < 100; index++) await session(index);
  const timersBefore = timers();
  const before = await measure();
  for (let index = 100; index < 1_100; index++) await session(index);
  const grown = (await measure()) - before;
  expect(world.service.associations).toBe(0);
  expect(timers()).toBeLessThanOrEqual(timersBefore);
  // An association has some 10 KB; what the test's own notebook and compiled code take is less than a tenth of that.
  expect(grown / 1_000).toBeLessThan(1_000);
});
