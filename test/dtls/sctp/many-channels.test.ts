/**
 * Goal: a client that opens more channels than there may be is refused these by a reset (RFC 8832 §6), whatever it has
 * sent on them meanwhile, and nothing else of it suffers.
 * Method: an association in simulated time, and a client that closes what it is refused, as browsers do.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Link, type LinkOptions } from "./link.ts";
import { chunk, data, packet } from "./packets.ts";
import { LOSSY, RELIABLE, STRING } from "./sctp-client.ts";

/** Channels that a client may open. */
const CHANNELS = 16;

let link: Link;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  link.stop();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** The even numbers from `first` on, as clients take them for their streams. */
const streams = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, index) => first + 2 * index);

async function connect(options: LinkOptions = {}): Promise<void> {
  link = new Link(options);
  link.client.connect();
  await pass(500);
  expect(link.client.isEstablished).toBe(true);
}

/** Every open channel carries both ways. */
async function expectAllCarry(): Promise<void> {
  const before = [link.received.length, link.client.received.length];
  for (const id of link.opened.keys()) {
    link.client.send(id, STRING, Buffer.from("up"));
    link.say(id, true, Buffer.from("down"));
  }
  await pass(5_000);
  expect([link.received.length, link.client.received.length]).toEqual(
    before.map((count) => count + link.opened.size),
  );
}

test.each([1, 100, 400])(
  "of sixteen channels and %d more the sixteen go on, and the others are refused",
  async (more) => {
    await connect({ channels: [RELIABLE, LOSSY] });
    const refused = streams(more, 2 * CHANNELS);
    for (const id of [...streams(CHANNELS), ...refused]) link.client.open(id, RELIABLE);
    for (const id of refused) link.client.send(id, STRING, Buffer.from("meanwhile"));
    await pass(20_000);
    expect([...link.opened.keys()].sort((a, b) => a - b)).toEqual(
      [1, 3, ...streams(CHANNELS)].sort((a, b) => a - b),
    );
    expect(link.client.resets.toSorted((a, b) => a - b)).toEqual(refused);
    expect(link.messageDrops.toSorted()).toEqual([
      ...Array(more).fill("dcep"),
      ...Array(more).fill("unknown_channel"),
    ]);
    // All in one request.
    for (const id of refused) link.client.reset(id);
    await pass(20_000);
    expect(link.client.sctp.reconfigRequest).toBeUndefined();
    expect(link.packetDrops).toEqual([]);
    await expectAllCarry();
  },
);

test("when one is closed, another may be opened in its place", async () => {
  await connect();
  for (const id of streams(CHANNELS + 1)) link.client.open(id, RELIABLE);
  await pass(500);
  link.client.reset(2 * CHANNELS);
  link.client.reset(4);
  await pass(1_000);
  link.client.open(4, RELIABLE);
  await pass(500);
  expect([...link.opened.keys()].sort((a, b) => a - b)).toEqual(streams(CHANNELS));
  await expectAllCarry();
});

test("what is sent in pieces on a channel that was refused does not fill the window", async () => {
  await connect();
  link.client.open(0, RELIABLE);
  link.client.open(2 * CHANNELS, RELIABLE);
  for (let i = 0; i < 10; i++) link.client.send(2 * CHANNELS, STRING, new Uint8Array(200_000));
  await pass(20_000);
  expect(link.client.sctp.sentQueue).toEqual([]);
  expect(link.client.sctp.peerAdvertisedRwnd).toBe(1_048_576);
  expect(link.ended).toBeUndefined();
  await expectAllCarry();
});

test("a client that never answers is refused some, and costs little", async () => {
  await connect();
  link.client.open(0, RELIABLE);
  await pass(500);
  const { nextTsn, serverTag } = link;
  const opening = link.fromServer;
  // The stream of each is new; no SACK of the client comes any more.
  for (let i = 0; i < 5_000; i++) {
    const value = data((nextTsn + i) >>> 0, (100 + 2 * i) & 0xffff, 0, 50, Uint8Array.of(9));
    link.toServer(packet(serverTag, chunk(0, value, 3)));
    if (i % 5 === 0) await pass(1);
  }
  await pass(10);
  expect(link.messageDrops).toEqual(Array(5_000).fill("dcep"));
  expect(link.fromServer - opening).toBeLessThan(6_000);
  expect(link.ended).toBeUndefined();
});
