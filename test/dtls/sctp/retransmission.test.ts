/**
 * Goal: what is lost is sent again when RFC 9260 says so, and what need not arrive is not.
 * Method: an association in simulated time whose path loses what a test says.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readU32 } from "../../../src/base/bytes.ts";
import { heldBytes } from "../../../src/contract/data.ts";
import {
  DATA,
  FIRST_FRAGMENT,
  FORWARD_TSN,
  LAST_FRAGMENT,
  parsePacket,
  SACK,
} from "../../../src/dtls/sctp/sctp-packet.ts";
import { Link, type LinkOptions } from "./link.ts";
import { chunk, data, packet } from "./packets.ts";
import { BINARY, LOSSY, RELIABLE } from "./sctp-client.ts";

let link: Link;
let loses: (packet: Uint8Array) => boolean = () => false;
/** When the server sent each packet. */
let sent: { readonly atMs: number; readonly packet: Uint8Array }[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  loses = () => false;
  sent = [];
});
afterEach(() => {
  link.stop();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function connect(options: LinkOptions = {}): Promise<void> {
  link = new Link({
    ...options,
    toClient: (packet) => {
      sent.push({ atMs: Date.now(), packet });
      return loses(packet) ? [] : [packet];
    },
  });
  link.client.connect();
  await pass(100);
  link.client.open(0, RELIABLE);
  link.client.open(2, LOSSY);
  await pass(500);
  // A first round trip, from which the timeout follows.
  link.server.send(0, false, new Uint8Array(10));
  await pass(500);
  sent = [];
}

const typeOf = (packet: Uint8Array): number => parsePacket(packet)!.chunks[0]!.type;
const tsnOf = (packet: Uint8Array): number => readU32(parsePacket(packet)!.chunks[0]!.value, 0);
const times = (type: number): number[] => {
  const list = sent.filter(({ packet }) => typeOf(packet) === type).map(({ atMs }) => atMs);
  return list.map((atMs) => atMs - list[0]!);
};

test("a message of which all is lost is sent again at the timeout, then twice as late each time, up to 3 seconds", async () => {
  await connect();
  loses = () => true;
  link.server.send(0, false, new Uint8Array(10));
  await pass(13_000);
  expect(times(DATA)).toEqual([0, 400, 1_200, 2_800, 5_800, 8_800, 11_800]);
});

test.each([-3_600_000, 3_600_000])(
  "a clock that is set by %d ms makes no round trip, and no timeout",
  async (byMs) => {
    await connect();
    link.server.send(0, false, new Uint8Array(10));
    vi.setSystemTime(Date.now() + byMs);
    await pass(1_000);
    loses = () => true;
    sent = [];
    link.server.send(0, false, new Uint8Array(10));
    await pass(2_000);
    expect(times(DATA)).toEqual([0, 400, 1_200]);
  },
);

test("a hole is filled after three SACKs that show it, without a timeout", async () => {
  await connect();
  let count = 0;
  loses = (packet) => typeOf(packet) === DATA && ++count === 2;
  for (let i = 0; i < 8; i++) link.server.send(0, false, new Uint8Array(1_000));
  await pass(200);
  expect(link.client.received.filter(({ ppid }) => ppid === BINARY)).toHaveLength(1 + 8);
});

test("at the timeout only what is missing is sent again", async () => {
  await connect();
  let count = 0;
  // The second of three: too few SACKs follow for it to be taken as lost before the timeout.
  loses = (packet) => typeOf(packet) === DATA && ++count === 2;
  for (let i = 0; i < 3; i++) link.server.send(0, false, new Uint8Array(1_000));
  await pass(2_000);
  const tsns = sent.filter(({ packet }) => typeOf(packet) === DATA).map(({ packet }) => tsnOf(packet));
  expect(tsns.map((tsn) => tsn - tsns[0]!)).toEqual([0, 1, 2, 1]);
});

test("a message without retransmissions is never sent twice, and the peer is told until it has heard", async () => {
  await connect();
  let forwards = 0;
  loses = (packet) => typeOf(packet) === DATA || (typeOf(packet) === FORWARD_TSN && ++forwards < 4);
  link.server.send(2, false, new Uint8Array(3_000));
  await pass(20_000);
  expect(times(DATA)).toEqual([0, 0, 0]);
  expect(forwards).toBe(4);
  const last = tsnOf(sent.filter(({ packet }) => typeOf(packet) === DATA).at(-1)!.packet);
  expect(link.client.sctp.lastReceivedTsn).toBe(last);
});

test("of several messages only the lost one is given up", async () => {
  await connect();
  let count = 0;
  loses = (packet) => typeOf(packet) === DATA && ++count === 3;
  for (let i = 0; i < 8; i++) link.server.send(2, false, Uint8Array.of(i));
  await pass(5_000);
  const payloads = link.client.received.filter(({ streamId, ppid }) => streamId === 2 && ppid === BINARY);
  expect(payloads.map(({ payload }) => payload[0])).toEqual([0, 1, 3, 4, 5, 6, 7]);
});

test("what waits longer than the channel's lifetime is not sent", async () => {
  await connect();
  const params = { ...RELIABLE, label: "brief", maxLifetimeMs: 200 };
  link.client.open(4, params);
  await pass(500);
  loses = () => true;
  for (let i = 0; i < 100; i++) link.server.send(4, false, new Uint8Array(1_000));
  await pass(1_000);
  loses = () => false;
  link.server.send(4, false, new Uint8Array(1));
  await pass(10_000);
  expect(link.lateBytes).toBeGreaterThan(10_000);
  expect(link.client.received.at(-1)!.payload).toHaveLength(1);
});

test("a message lives no longer because the time of day is set back", async () => {
  await connect();
  link.client.open(4, { ...RELIABLE, label: "brief", maxLifetimeMs: 200 });
  await pass(500);
  loses = () => true;
  for (let i = 0; i < 100; i++) link.server.send(4, false, new Uint8Array(1_000));
  vi.setSystemTime(Date.now() - 3_600_000);
  await pass(1_000);
  loses = () => false;
  await pass(10_000);
  expect(link.lateBytes).toBeGreaterThan(10_000);
});

test("a message lives no shorter because the time of day is set forward", async () => {
  await connect();
  link.client.open(4, { ...RELIABLE, label: "brief", maxLifetimeMs: 20_000 });
  await pass(500);
  loses = () => true;
  for (let i = 0; i < 100; i++) link.server.send(4, false, new Uint8Array(1_000));
  vi.setSystemTime(Date.now() + 3_600_000);
  await pass(500);
  loses = () => false;
  await pass(15_000);
  expect(link.client.received.filter(({ payload }) => payload.length === 1_000)).toHaveLength(100);
});

test("a window that closed is asked for, until it opens", async () => {
  await connect();
  link.client.sctp.advertisedRwnd = 0;
  link.server.send(0, false, new Uint8Array(1_000));
  await pass(100);
  // The client has said that it takes nothing.
  for (let i = 0; i < 5; i++) link.server.send(0, false, new Uint8Array(1_000));
  for (let i = 0; i < 100; i++) {
    await pass(50);
    link.tick();
  }
  const probes = times(DATA).length;
  expect(probes).toBeGreaterThan(1);
  expect(probes).toBeLessThan(10);
  link.client.sctp.advertisedRwnd = 1_000_000;
  for (let i = 0; i < 100; i++) {
    await pass(50);
    link.tick();
  }
  expect(link.client.received.filter(({ ppid }) => ppid === BINARY)).toHaveLength(1 + 6);
});

test("a peer whose messages are not taken stops sending, and goes on when they are", async () => {
  await connect({ releases: false });
  for (let i = 0; i < 40; i++) link.client.send(0, BINARY, new Uint8Array(50_000));
  await pass(20_000);
  const held = link.received.length * heldBytes(50_000);
  expect(held).toBeGreaterThan(900_000);
  expect(held).toBeLessThanOrEqual(1_048_576);
  link.server.release(held);
  await pass(5_000);
  expect(link.received.length).toBe(40);
});

test("of short messages that are not taken no more are kept than their number is worth", async () => {
  await connect({ releases: false });
  for (let i = 0; i < 8_000; i++) link.client.send(0, BINARY, Uint8Array.of(1));
  await pass(20_000);
  expect(link.received.length).toBeGreaterThan(3_000);
  expect(link.received.length * heldBytes(1)).toBeLessThanOrEqual(1_048_576 + 65_536 + heldBytes(1));
});

test("who sends into a closed window is answered when it opens, or after a while", async () => {
  await connect({ releases: false });
  const { serverTag, nextTsn } = link;
  let count = 0;
  const probe = (): void => {
    const value = data(nextTsn + count, 0, 1 + count, BINARY, new Uint8Array(1_100));
    link.toServer(packet(serverTag, chunk(DATA, value, FIRST_FRAGMENT | LAST_FRAGMENT)));
    count += 1;
  };
  while (count * heldBytes(1_100) <= 1_048_576) {
    probe();
    await pass(1);
  }
  sent = [];
  for (let i = 0; i < 5; i++) probe();
  await pass(100);
  expect(times(SACK)).toEqual([]);
  link.tick();
  await pass(1);
  expect(times(SACK)).toEqual([0]);
  probe();
  await pass(100);
  expect(times(SACK)).toEqual([0]);
  link.server.release(1_000_000);
  await pass(1);
  expect(times(SACK)).toHaveLength(2);
  expect(link.received).toHaveLength(count);
  expect(link.packetDrops).toEqual([]);
});
