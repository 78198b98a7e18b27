/**
 * Goal: a stream may be used again however its resets and their answers cross, are lost or refused (RFC 6525 §5); what is
 * said in its new life is numbered from zero, and only when the peer has ended the old one.
 * Method: an association in simulated time whose path loses or forges RE-CONFIG chunks.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readU16, readU32 } from "../../../src/base/bytes.ts";
import {
  DATA,
  FORWARD_TSN,
  LAST_FRAGMENT,
  RE_CONFIG,
  RESET_REQUEST,
  RESET_RESPONSE,
  SACK,
  tsnAhead,
} from "../../../src/dtls/sctp/sctp-packet.ts";
import { Link, type LinkOptions } from "./link.ts";
import { chunk, packet, parameter, u32, withChecksum } from "./packets.ts";
import { RELIABLE, STRING } from "./sctp-client.ts";

let link: Link;
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", onRejection);
  vi.useFakeTimers();
});
afterEach(() => {
  link.stop();
  vi.useRealTimers();
  process.off("unhandledRejection", onRejection);
  expect(rejections.splice(0)).toEqual([]);
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function connect(options: LinkOptions = {}, firstTsn?: number): Promise<void> {
  link = new Link(options);
  if (firstTsn !== undefined) link.client.startAt(firstTsn);
  link.client.connect();
  await pass(500);
  expect(link.client.isEstablished).toBe(true);
}

/** Kind of a RE-CONFIG chunk's first parameter; undefined when the packet holds another chunk. */
const resetKind = (bytes: Uint8Array): number | undefined =>
  bytes[12] === RE_CONFIG ? readU16(bytes, 16) : undefined;

const say = (words: string): void => link.say(0, true, Uint8Array.from(Buffer.from(words)));

const heard = (): string[] =>
  link.client.received
    .filter(({ ppid }) => ppid === STRING)
    .map(({ payload }) => Buffer.from(payload).toString());

const acknowledgements = (): number => link.client.received.filter(({ ppid }) => ppid === 50).length;

async function openAndTalk(params = RELIABLE): Promise<void> {
  link.client.open(0, params);
  await pass(200);
  for (const words of ["one", "two", "three"]) say(words);
  await pass(200);
  expect(heard()).toEqual(["one", "two", "three"]);
}

/** The client closes its side of the channel, and hears that the server has closed the other. */
async function close(): Promise<void> {
  const before = link.client.resets.length;
  link.client.reset(0);
  for (let ms = 0; ms < 5_000 && link.client.resets.length === before; ms += 10) await pass(10);
  expect(link.client.resets.length).toBe(before + 1);
}

/** The channel is closed and opened again, and no answer to our reset comes until what this returns is called. */
async function reopenUnanswered(): Promise<() => void> {
  let isLosing = false;
  await connect({
    toServer: (bytes) => (isLosing && resetKind(bytes) === RESET_RESPONSE ? [] : [bytes]),
  });
  await openAndTalk();
  isLosing = true;
  await close();
  link.client.open(0, RELIABLE);
  await pass(100);
  return () => {
    isLosing = false;
  };
}

test("opened again before the answer to our reset came, it carries both ways", async () => {
  const letAnswer = await reopenUnanswered();
  say("four");
  say("five");
  await pass(2_000);
  letAnswer();
  await pass(10_000);
  expect(acknowledgements()).toBe(2);
  expect(heard().slice(3)).toEqual(["four", "five"]);
  say("six");
  await pass(1_000);
  expect(heard().slice(5)).toEqual(["six"]);
});

test("opened and closed and opened again before the answer came, it carries the last", async () => {
  const letAnswer = await reopenUnanswered();
  say("for nobody");
  link.client.reset(0);
  await pass(100);
  letAnswer();
  await pass(10_000);
  // The second life is closed from here too, or the client would wait for that.
  expect(link.client.resets).toEqual([0, 0]);
  link.client.open(0, RELIABLE);
  await pass(100);
  say("four");
  await pass(1_000);
  expect(heard().slice(3)).toEqual(["four"]);
  expect(link.closed).toEqual([0, 0]);
});

test("a request is made when the peer has all that was sent before, so that none is answered with 'in progress'", async () => {
  const early: number[] = [];
  let losesData = false;
  await connect({
    toClient: (bytes) => {
      if (resetKind(bytes) === RESET_REQUEST) {
        early.push(tsnAhead(link.client.sctp.lastReceivedTsn!, readU32(bytes, 28)));
      }
      return losesData && bytes[12] === DATA ? [] : [bytes];
    },
  });
  await openAndTalk();
  losesData = true;
  say("lost at first");
  await pass(50);
  link.client.reset(0);
  await pass(300);
  expect(early).toEqual([]);
  losesData = false;
  await pass(5_000);
  expect(early.map((ahead) => ahead > 0)).toEqual([false]);
  expect(link.client.resets).toEqual([0]);
});

test("a request that is not answered is made again within three seconds, however long it takes", async () => {
  const atMs: number[] = [];
  await connect({
    toClient: (bytes) => {
      if (resetKind(bytes) !== RESET_REQUEST) return [bytes];
      atMs.push(Date.now());
      return [];
    },
  });
  await openAndTalk();
  link.client.reset(0);
  await pass(600_000);
  expect(atMs.length).toBeGreaterThan(190);
  expect(Math.max(...atMs.map((ms, index) => ms - (atMs[index - 1] ?? ms)))).toBe(3_000);
  expect(link.ended).toBeUndefined();
});

/** Answers our request in the client's place; the client does not see it. */
function answering(result: number): LinkOptions {
  return {
    toClient: (bytes) => {
      if (resetKind(bytes) !== RESET_REQUEST) return [bytes];
      const response = parameter(RESET_RESPONSE, u32(readU32(bytes, 20), result));
      link.toServer(packet(link.serverTag, chunk(RE_CONFIG, response)));
      return [];
    },
  };
}

test.each([
  ["denied", 2],
  ["refused as wrong", 3],
  ["refused as out of sequence", 5],
])("when our reset is %s, numbers go on", async (_what, result) => {
  await connect(answering(result));
  await openAndTalk();
  link.client.reset(0);
  await pass(1_000);
  link.client.open(0, RELIABLE);
  await pass(1_000);
  say("four");
  await pass(1_000);
  // The client has not ended our old numbers.
  expect(acknowledgements()).toBe(2);
  expect(heard().slice(3)).toEqual(["four"]);
});

test("when there was nothing to reset, numbers begin at zero", async () => {
  await connect(answering(0));
  await openAndTalk();
  link.client.reset(0);
  await pass(1_000);
  // A client that has forgotten the stream says so.
  delete link.client.sctp.inboundStreams[0];
  link.client.open(0, RELIABLE);
  await pass(1_000);
  say("four");
  await pass(1_000);
  expect(heard().slice(3)).toEqual(["four"]);
});

test("a client whose first TSN is zero may be refused a channel", async () => {
  await connect({}, 0);
  link.client.send(0, 50, Uint8Array.of(9));
  await pass(1_000);
  expect(link.messageDrops).toEqual(["dcep"]);
  expect(link.client.resets).toEqual([0]);
});

test("what was given up of a stream's old life is not told of its new one", async () => {
  const lossy = { ...RELIABLE, maxRetransmits: 0 };
  let losesData = false;
  let losesForward = false;
  const lost: Uint8Array[] = [];
  await connect({
    toClient: (bytes) => {
      const isLost = (losesData && bytes[12] === DATA) || (losesForward && bytes[12] === FORWARD_TSN);
      if (isLost && bytes[12] === DATA) lost.push(bytes);
      return isLost ? [] : [bytes];
    },
  });
  link.client.open(2, lossy);
  await openAndTalk(lossy);
  losesData = true;
  losesForward = true;
  say("given up");
  link.say(2, true, Uint8Array.of(1));
  await pass(1_000);
  link.client.reset(0);
  await pass(100);
  link.say(2, true, Uint8Array.of(2));
  await pass(1_000);
  // Both come after all, so that the reset can be asked for; that the third was given up is not known yet.
  losesData = false;
  for (const bytes of lost.slice(0, 2)) link.client.receive(bytes);
  await pass(100);
  expect(link.client.resets).toEqual([0]);
  link.client.open(0, lossy);
  await pass(100);
  expect(acknowledgements()).toBe(3);
  losesForward = false;
  await pass(5_000);
  say("four");
  await pass(1_000);
  expect(heard()).toContain("four");
});

test("what a reset cuts off takes nothing of the window any more", async () => {
  let isCutting = false;
  const windows: number[] = [];
  await connect({
    toServer: (bytes) => {
      if (!isCutting || bytes[12] !== DATA) return [bytes];
      const cut = Uint8Array.from(bytes);
      cut[13]! &= ~LAST_FRAGMENT;
      return [withChecksum(cut)];
    },
    toClient: (bytes) => {
      if (bytes[12] === SACK) windows.push(readU32(bytes, 20));
      return [bytes];
    },
  });
  link.client.open(0, RELIABLE);
  await pass(500);
  const whole = windows.at(-1)!;
  isCutting = true;
  link.client.send(0, STRING, Buffer.alloc(1_000));
  await pass(500);
  expect(windows.at(-1)).toBe(whole - 1_000);
  isCutting = false;
  await close();
  link.client.open(2, RELIABLE);
  await pass(500);
  expect(windows.at(-1)).toBe(whole);
});
