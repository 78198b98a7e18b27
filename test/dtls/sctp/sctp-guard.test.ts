/**
 * Goal: nothing that a peer sends throws, hangs, or reaches werift unless a correct peer could have sent it; the peer's
 * own association goes on where a packet was merely dropped, and another peer's always.
 * Method: an established association in simulated time, and packets with right checksum and tag that lie in one place.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SctpDrop } from "../../../src/base/data-counters.ts";
import { MAX_STREAMS } from "../../../src/dtls/sctp/incoming-stream.ts";
import { MAX_RESETS } from "../../../src/dtls/sctp/stream-reset.ts";
import { seededRandom } from "../random.ts";
import { Link } from "./link.ts";
import { chunk, data, hex, packet, parameter, sack, u16, u32, withChecksum } from "./packets.ts";
import { LOSSY, RELIABLE, STRING } from "./sctp-client.ts";

let link: Link;
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);

beforeEach(async () => {
  process.on("unhandledRejection", onRejection);
  vi.useFakeTimers();
  link = new Link();
  link.client.connect();
  await pass(200);
  link.client.open(0, RELIABLE);
  await pass(200);
  expect([...link.opened.keys()]).toEqual([0]);
});
afterEach(() => {
  link.stop();
  vi.useRealTimers();
  process.off("unhandledRejection", onRejection);
  expect(rejections.splice(0)).toEqual([]);
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** Both directions still carry. */
async function expectAlive(): Promise<void> {
  expect(link.ended).toBeUndefined();
  const before = [link.received.length, link.client.received.length];
  link.client.send(0, STRING, Buffer.from("up"));
  link.server.send(0, true, Buffer.from("down"));
  await pass(5_000);
  expect([link.received.length, link.client.received.length]).toEqual(before.map((count) => count + 1));
}

const to = (type: number, value: Uint8Array, flags = 0, length?: number): Buffer =>
  packet(link.serverTag, chunk(type, value, flags, length));

const initValue = (...parameters: readonly Uint8Array[]): Buffer =>
  Buffer.concat([u32(1, 100_000), u16(10, 10), u32(1), ...parameters]);

/** What ended or hung werift when it stood alone. */
const CRASH_VECTORS: readonly (readonly [string, () => Buffer, SctpDrop])[] = [
  ["one byte of application data", () => hex("00"), "malformed"],
  ["a wrong checksum", () => Buffer.concat([to(4, parameter(1, u32(1))).fill(0xee, 8, 12)]), "checksum"],
  ["a chunk of unknown type", () => to(77, u32(0)), "unknown_chunk"],
  ["a short INIT", () => packet(0, chunk(1, u32(1))), "malformed"],
  ["a short DATA", () => to(0, u32(1)), "malformed"],
  ["an unknown payload protocol", () => to(0, data(link.nextTsn, 0, 1, 9999, hex("00")), 3), "ppid"],
  ["a chunk of no length", () => to(4, new Uint8Array(0), 0, 0), "malformed"],
  ["a parameter of no length", () => to(4, parameter(1, u32(0), 0)), "malformed"],
  [
    "an INIT with a parameter of no length",
    () => packet(0, chunk(1, initValue(hex("80080000")))),
    "malformed",
  ],
  ["an ERROR with a cause of no length", () => to(9, hex("00010000")), "malformed"],
  [
    "a SACK with 290 gaps as wide as can be",
    () => to(3, sack(link.nextTsn - 1, Array(290).fill([1, 65_535]))),
    "sack",
  ],
];

describe("werift's crash vectors", () => {
  test.each(CRASH_VECTORS)("%s", async (_what, make, drop) => {
    link.toServer(make());
    await pass(10);
    expect(link.packetDrops).toEqual([drop]);
    await expectAlive();
  });

  test("an acknowledgement of a channel that nobody opened", async () => {
    link.client.send(4, 50, Uint8Array.of(2));
    await pass(500);
    expect(link.messageDrops).toEqual(["dcep"]);
    await expectAlive();
  });
});

describe("dropped as what no correct peer sends", () => {
  const lies: readonly (readonly [string, () => Buffer, SctpDrop])[] = [
    ["another tag", () => packet((link.serverTag ^ 1) >>> 0, chunk(4, parameter(1, u32(1)))), "tag"],
    ["another port", () => withPort(to(4, parameter(1, u32(1)))), "tag"],
    ["an INIT in the middle", () => packet(0, chunk(1, initValue())), "unexpected"],
    ["an INIT beside another chunk", () => packet(0, chunk(1, initValue()), chunk(4, u32(1))), "malformed"],
    ["a cookie of another length", () => to(10, Buffer.alloc(25)), "malformed"],
    [
      "a cookie that is not first",
      () => packet(link.serverTag, chunk(9, u32(0, 4).subarray(4)), chunk(10, Buffer.alloc(24))),
      "malformed",
    ],
    ["an INIT ACK", () => to(2, initValue()), "unknown_chunk"],
    ["a SHUTDOWN COMPLETE", () => to(14, new Uint8Array(0)), "unknown_chunk"],
    [
      "DATA without a byte of data",
      () => to(0, data(link.nextTsn, 0, 1, 51, new Uint8Array(0)), 3),
      "malformed",
    ],
    ["DATA far ahead", () => to(0, data(link.nextTsn + 2_048, 0, 1, 51, hex("00")), 3), "window"],
    ["a SACK of what was not sent", () => to(3, sack(link.client.sctp.lastReceivedTsn! + 1, [])), "sack"],
    [
      "gap blocks out of order",
      () =>
        to(
          3,
          sack(link.client.sctp.lastReceivedTsn! - 9, [
            [4, 5],
            [2, 2],
          ]),
        ),
      "sack",
    ],
    [
      "gap blocks that overlap",
      () =>
        to(
          3,
          sack(link.client.sctp.lastReceivedTsn! - 9, [
            [2, 4],
            [4, 5],
          ]),
        ),
      "sack",
    ],
    [
      "a gap block that ends before it begins",
      () => to(3, sack(link.client.sctp.lastReceivedTsn! - 9, [[4, 2]])),
      "sack",
    ],
    [
      "a gap block beyond what was sent",
      () => to(3, sack(link.client.sctp.lastReceivedTsn! - 9, [[2, 10]])),
      "sack",
    ],
    [
      "a SACK with fewer blocks than it says",
      () => to(3, Buffer.concat([u32(1, 1), u16(2, 0), u16(2, 3)])),
      "malformed",
    ],
    ["a HEARTBEAT without its parameter", () => to(4, new Uint8Array(0)), "malformed"],
    ["a FORWARD-TSN far ahead", () => to(192, u32(link.nextTsn + 1_048_576)), "window"],
    [
      "a FORWARD-TSN with half a stream",
      () => to(192, Buffer.concat([u32(link.nextTsn), u16(0)])),
      "malformed",
    ],
    ["a reset of all streams", () => to(130, parameter(13, u32(1, 1, 1))), "malformed"],
    [
      "a reset of more streams than a client can have",
      () => to(130, parameter(13, Buffer.concat([u32(1, 1, 1), Buffer.alloc(2 * (MAX_RESETS + 1))]))),
      "malformed",
    ],
    ["a reset without parameters", () => to(130, new Uint8Array(0)), "malformed"],
    ["a request for more streams", () => to(130, parameter(17, u32(1, 0xffff0000))), "unexpected"],
  ];
  test.each(lies)("%s", async (_what, make, drop) => {
    link.toServer(make());
    await pass(10);
    expect(link.packetDrops).toEqual([drop]);
    await expectAlive();
  });
});

/** As if it came from another port. */
function withPort(bytes: Buffer): Buffer {
  bytes.writeUInt16BE(5001, 0);
  return withChecksum(bytes);
}

describe("limits", () => {
  const dataOf = (tsn: number, streamId: number, sequence: number, bytes: number, flags = 3): Buffer =>
    to(0, data(tsn, streamId, sequence, 53, Buffer.alloc(bytes)), flags);

  test("what is out of order is kept on so many streams and no more", async () => {
    for (let id = 0; id < MAX_STREAMS + 5; id++) {
      link.toServer(dataOf(link.nextTsn + id, id, 9, 1));
      await pass(1);
    }
    expect(link.packetDrops).toEqual([]);
    expect(link.messageDrops).toEqual(Array(5).fill("unknown_channel"));
  });

  test("a message that never ends is kept up to a thousand chunks", async () => {
    for (let i = 0; i < 3_000; i++) {
      link.toServer(dataOf(link.nextTsn + i, 0, 1, 1, i === 0 ? 2 : 0));
      if (i % 100 === 0) await pass(10);
    }
    await pass(10);
    expect(new Set(link.packetDrops)).toEqual(new Set(["window"]));
    expect(link.packetDrops.length).toBe(3_000 - 1_024);
    expect(link.ended).toBeUndefined();
  });

  test("what goes beyond the window is dropped, but not what fills the hole", async () => {
    // The first TSN is missing, so that nothing is delivered.
    for (let i = 1; i <= 1_000; i++) {
      link.toServer(dataOf(link.nextTsn + i, 0, i + 1, 1_100));
      if (i % 100 === 0) await pass(10);
    }
    await pass(10);
    const dropped = link.packetDrops.length;
    expect(dropped).toBeGreaterThan(0);
    expect((1_000 - dropped) * 1_100).toBeLessThanOrEqual(1_048_576);
    link.toServer(dataOf(link.nextTsn, 0, 1, 1_100));
    await pass(10);
    expect(link.packetDrops).toHaveLength(dropped);
    expect(link.received).toHaveLength(1_000 - dropped + 1);
  });

  test("a packet may hold the next chunk and those behind it, though the window is closed", async () => {
    const slow = new Link({ releases: false });
    slow.client.connect();
    await pass(100);
    slow.client.open(0, RELIABLE);
    await pass(100);
    const message = (ahead: number, bytes: number): Buffer =>
      chunk(0, data(slow.nextTsn + ahead, 0, 1 + ahead, 53, Buffer.alloc(bytes)), 3);
    for (let i = 0; i < 950; i++) {
      slow.toServer(packet(slow.serverTag, message(i, 1_100)));
      if (i % 100 === 0) await pass(10);
    }
    await pass(10);
    const taken = slow.received.length;
    slow.toServer(packet(slow.serverTag, message(taken, 10), message(taken + 1, 10), message(taken + 2, 10)));
    await pass(10);
    expect(slow.received.length).toBe(taken + 3);
    slow.toServer(packet(slow.serverTag, message(taken + 3, 10), message(taken + 5, 10)));
    await pass(10);
    expect(slow.packetDrops.at(-1)).toBe("window");
    slow.stop();
  });

  test("a message larger than we said ends the association", async () => {
    const fragments = Math.ceil(262_145 / 1_100);
    for (let i = 0; i < fragments; i++) {
      link.toServer(dataOf(link.nextTsn + i, 0, 1, 1_100, i === 0 ? 2 : i === fragments - 1 ? 1 : 0));
      await pass(1);
    }
    expect(link.ended).toBe("violation");
    expect(link.received).toEqual([]);
  });

  test("a flood is dropped, by chunks and not by packets, and the peer is heard again later", async () => {
    const many = packet(link.serverTag, ...Array(60).fill(chunk(4, parameter(1, u32(1)))));
    const sent = link.fromServer;
    for (let i = 0; i < 1_000; i++) link.toServer(many);
    await pass(1);
    expect(link.packetDrops.length).toBeGreaterThan(900);
    expect(new Set(link.packetDrops)).toEqual(new Set(["rate"]));
    expect(link.fromServer - sent).toBeLessThan(5_000);
    await pass(1_000);
    await expectAlive();
  });

  test("nothing but INIT is read before there is an association, and INIT nine times", async () => {
    const strange = new Link();
    for (const type of [0, 3, 4, 7, 10, 130, 192]) strange.toServer(packet(0, chunk(type, Buffer.alloc(24))));
    await pass(1);
    expect(strange.packetDrops).toEqual(["tag", "tag", "tag", "tag", "tag", "tag", "tag"]);
    for (let i = 0; i < 20; i++) strange.toServer(packet(0, chunk(1, initValue())));
    await pass(10);
    expect(strange.packetDrops.slice(7)).toEqual(Array(11).fill("rate"));
    expect(strange.fromServer).toBe(9);
    strange.stop();
  });
});

test.each([
  ["ABORT", 6, new Uint8Array(0)],
  ["SHUTDOWN", 7, u32(0)],
])("%s ends the association", async (_what, type, value) => {
  link.toServer(to(type, value));
  await pass(10);
  expect(link.ended).toBe("peer_closed");
  const sent = link.fromServer;
  await pass(120_000);
  expect(link.fromServer).toBe(sent);
});

/** Of all sessions of the test, so that packets of one make sense in another. */
const FIRST_TSN = 1_000;

/** Real packets of a session with every kind of chunk that a client sends. */
async function captured(): Promise<readonly Uint8Array[]> {
  const random = seededRandom(7);
  const lossy = (bytes: Uint8Array): Uint8Array[] => (random() < 0.1 ? [] : [bytes]);
  const source = new Link({ toServer: lossy, toClient: lossy, channels: [RELIABLE] });
  source.client.startAt(FIRST_TSN);
  source.client.connect();
  await pass(3_000);
  source.client.open(0, RELIABLE);
  source.client.open(2, LOSSY);
  await pass(3_000);
  for (let i = 0; i < 10; i++) {
    source.client.send(0, STRING, Buffer.alloc(500 * i + 1, "x"));
    source.client.send(2, STRING, Buffer.alloc(500 * i + 1, "y"), LOSSY);
    source.server.send(0, false, Buffer.alloc(500 * i + 1));
    await pass(50);
  }
  source.client.reset(2);
  await pass(40_000);
  source.stop();
  const types = new Set(source.fromClient.map((bytes) => bytes[12]));
  expect([...types].sort((a, b) => a! - b!)).toEqual([0, 1, 3, 4, 5, 6, 10, 130, 192]);
  return source.fromClient;
}

test("20,000 changed packets of a real session throw nothing, hang nothing, and leave other peers alone", async () => {
  const packets = await captured();
  const other = link;
  let target = new Link();
  const changes = fc.array(fc.tuple(fc.nat(1_200), fc.nat(255)), { maxLength: 6 });
  const attempt = fc.record({
    packet: fc.nat(packets.length - 1),
    changes,
    cut: fc.option(fc.nat(1_200), { freq: 4 }),
    second: fc.option(fc.nat(packets.length - 1), { freq: 4 }),
    asIs: fc.constantFrom(true, false, false, false),
  });
  let passed = 0;
  const session = fc.asyncProperty(
    fc.array(attempt, { minLength: 200, maxLength: 200 }),
    async (attempts) => {
      target.stop();
      target = new Link();
      target.client.connect();
      await pass(100);
      target.client.open(0, RELIABLE);
      await pass(100);
      for (const { packet: index, changes: bytes, cut, second, asIs } of attempts) {
        const parts = [packets[index]!, ...(second === null ? [] : [packets[second]!.subarray(12)])];
        let changed: Buffer = Buffer.concat(parts);
        for (const [at, value] of bytes) changed[at % changed.length] = value;
        if (cut !== null) changed = changed.subarray(0, cut);
        // Past tag and checksum, so that what lies behind is tried too.
        if (!asIs && changed.length >= 20) {
          changed.writeUInt32BE(changed[12] === 1 ? 0 : target.serverTag, 4);
          if (changed[12] === 3) changed.writeUInt32BE(target.client.sctp.lastReceivedTsn!, 16);
          changed = withChecksum(changed);
        }
        target.toServer(changed);
      }
      passed += attempts.length - target.packetDrops.length;
      await pass(100);
    },
  );
  await fc.assert(session, { numRuns: 100, endOnFailure: true });
  target.stop();
  // Some are good enough for werift, or the test would try the guard alone.
  expect(passed).toBeGreaterThan(500);
  link = other;
  await expectAlive();
});
