/**
 * Goal: channels open, carry and close as RFC 8831 and 8832 say, whoever opened them, over a path that loses packets.
 * Method: werift's association as the peer, in simulated time, on seeded paths.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { seededRandom } from "../random.ts";
import { Link, type LinkOptions } from "./link.ts";
import { BINARY, LOSSY, RELIABLE, STRING } from "./sctp-client.ts";

const links: Link[] = [];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const link of links.splice(0)) link.stop();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function connected(options: LinkOptions = {}): Promise<Link> {
  const link = new Link(options);
  links.push(link);
  link.client.connect();
  await pass(500);
  expect(link.client.isEstablished).toBe(true);
  return link;
}

async function untilDone(limitMs: number, done: () => boolean): Promise<void> {
  for (let ms = 0; ms < limitMs && !done(); ms += 50) await pass(50);
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (content: string): Uint8Array => Uint8Array.from(Buffer.from(content));

describe("channels", () => {
  test("a client opens one, and both talk", async () => {
    const link = await connected();
    link.client.open(0, RELIABLE);
    await pass(100);
    expect([...link.opened]).toEqual([[0, RELIABLE]]);
    expect(link.client.received[0]).toMatchObject({ streamId: 0, ppid: 50 });
    link.client.send(0, STRING, bytes("hello"));
    link.client.send(0, BINARY, Uint8Array.of(1, 2, 3));
    link.server.send(0, true, bytes("welcome"));
    await pass(100);
    expect(link.received.map(({ isText, payload }) => [isText, text(payload)])).toEqual([
      [true, "hello"],
      [false, "\x01\x02\x03"],
    ]);
    expect(link.client.received.at(-1)).toMatchObject({ streamId: 0, ppid: STRING });
  });

  test("the server opens some, on odd streams, with the reliability asked for", async () => {
    const link = await connected({ channels: [RELIABLE, LOSSY] });
    expect([...link.client.opened]).toEqual([
      [1, RELIABLE],
      [3, LOSSY],
    ]);
    expect([...link.opened.keys()]).toEqual([1, 3]);
    link.server.send(3, false, bytes("x"));
    await pass(100);
    expect(link.client.received.at(-1)).toMatchObject({ streamId: 3, ppid: BINARY });
  });

  test.each([1, 1_000, 64_000, 262_144])("messages of %d bytes arrive whole, both ways", async (length) => {
    const link = await connected();
    link.client.open(0, RELIABLE);
    await pass(100);
    const random = seededRandom(length);
    const content = Uint8Array.from({ length }, () => Math.floor(random() * 256));
    link.client.send(0, BINARY, content);
    link.server.send(0, false, content);
    await untilDone(10_000, () => link.received.length > 0 && link.client.received.length > 1);
    expect(Buffer.from(link.received[0]!.payload).equals(content)).toBe(true);
    expect(Buffer.from(link.client.received[1]!.payload).equals(content)).toBe(true);
  });

  test("messages of no bytes arrive as such", async () => {
    const link = await connected();
    link.client.open(0, RELIABLE);
    await pass(100);
    link.client.send(0, 56, Uint8Array.of(0));
    link.client.send(0, 57, Uint8Array.of(0));
    link.server.send(0, true, new Uint8Array(0));
    link.server.send(0, false, new Uint8Array(0));
    await pass(200);
    expect(link.received.map(({ isText, payload }) => [isText, payload.length])).toEqual([
      [true, 0],
      [false, 0],
    ]);
    expect(link.client.received.slice(1).map(({ ppid, payload }) => [ppid, payload.length])).toEqual([
      [56, 1],
      [57, 1],
    ]);
  });
});

describe("closing", () => {
  test("by the client is answered, and the stream can be used again", async () => {
    const link = await connected();
    for (let round = 1; round <= 5; round++) {
      link.client.open(0, RELIABLE);
      await pass(100);
      for (let i = 0; i < 3; i++) link.client.send(0, STRING, bytes(`${round}.${i}`));
      link.client.reset(0);
      await untilDone(5_000, () => link.client.resets.length === round);
      expect(link.closed).toEqual(Array(round).fill(0));
    }
    expect(link.received.map(({ payload }) => text(payload)).join()).toBe(
      "1.0,1.1,1.2,2.0,2.1,2.2,3.0,3.1,3.2,4.0,4.1,4.2,5.0,5.1,5.2",
    );
    expect(link.ended).toBeUndefined();
  });
});

const seeds = Array.from({ length: 25 }, (_, i) => i + 1);

describe.each([0.02, 0.1, 0.25])("over a path that reorders, repeats, and loses %d", (loss) => {
  test.each(seeds)("reliable messages arrive once, in order, beside lossy ones, seed %d", async (seed) => {
    const random = seededRandom(seed);
    const lossy = (packet: Uint8Array): Uint8Array[] => {
      const luck = random();
      return luck < loss ? [] : luck > 0.99 ? [packet, packet] : [packet];
    };
    const delayMs = (): number => 10 + 20 * random();
    const link = new Link({ toServer: lossy, toClient: lossy, delayMs });
    links.push(link);
    // TSNs wrap on the way.
    if (seed % 2 === 0) link.client.startAt(2 ** 32 - 50);
    link.client.connect();
    await untilDone(60_000, () => link.client.isEstablished);
    link.client.open(0, RELIABLE);
    link.client.open(2, LOSSY);
    await untilDone(60_000, () => link.opened.size === 2);
    const count = 40;
    for (let i = 0; i < count; i++) {
      const large = Uint8Array.from({ length: 1 + Math.floor(random() * 5_000) }, () => i);
      link.client.send(0, BINARY, large);
      link.server.send(0, false, large);
      link.client.send(2, BINARY, large, LOSSY);
      link.server.send(2, false, large);
      await pass(20);
    }
    const ofServer = (id: number) => link.received.filter(({ streamId }) => streamId === id);
    const ofClient = (id: number) =>
      link.client.received.filter(({ streamId, ppid }) => streamId === id && ppid === BINARY);
    await untilDone(300_000, () => ofServer(0).length >= count && ofClient(0).length >= count);
    const { sctp } = link.client;
    await untilDone(60_000, () => sctp.sentQueue.length === 0 && sctp.sackMisOrdered.size === 0);
    const order = Array.from({ length: count }, (_, i) => i);
    expect(ofServer(0).map(({ payload }) => payload[0])).toEqual(order);
    expect(ofClient(0).map(({ payload }) => payload[0])).toEqual(order);
    for (const lossyOnes of [ofServer(2), ofClient(2)]) {
      const seen = lossyOnes.map(({ payload }) => payload[0]!);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThan(0);
    }
    expect(link.ended).toBeUndefined();
    expect(link.packetDrops).toEqual([]);
    // Nothing is left behind that would hold later messages up.
    expect([sctp.flightSize, sctp.sentQueue.length, sctp.sackMisOrdered.size]).toEqual([0, 0, 0]);
  });
});
