/**
 * Goal: channels that are opened, used, closed and opened again without rest carry what is said on them, and nothing of one
 * life comes in the next, over paths that reorder, repeat and lose.
 * Method: werift's association as a peer that uses a stream again as soon as both sides have reset it, as browsers do; on
 * seeded paths in simulated time.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ChannelParams } from "../../../src/contract/data.ts";
import { seededRandom } from "../random.ts";
import { Link } from "./link.ts";
import { BINARY, LOSSY, RELIABLE } from "./sctp-client.ts";

let link: Link;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  link.stop();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function until(done: () => boolean): Promise<void> {
  for (let ms = 0; ms < 120_000 && !done(); ms += 10) await pass(10);
  expect(done()).toBe(true);
}

const LIVES = 8;
const KINDS: readonly ChannelParams[] = [
  RELIABLE,
  LOSSY,
  { ...LOSSY, ordered: true },
  { ...RELIABLE, ordered: false },
];

/** A message that says which channel, which life of it and which of its messages it is. */
const message = (channelId: number, life: number, index: number, bytes: number): Uint8Array => {
  const content = new Uint8Array(3 + bytes);
  content.set([channelId, life, index]);
  return content;
};

/** One channel through all its lives. */
async function live(channelId: number, params: ChannelParams, random: () => number): Promise<void> {
  for (let life = 0; life < LIVES; life++) {
    link.client.open(channelId, params);
    await until(() => link.opened.has(channelId));
    const count = 1 + Math.floor(random() * 12);
    for (let index = 0; index < count; index++) {
      const said = message(channelId, life, index, Math.floor(random() * 3_000));
      link.client.send(channelId, BINARY, said, params);
      link.say(channelId, false, said);
      if (random() < 0.3) await pass(20 * random());
    }
    if (params.maxRetransmits === null) await expectAllHeard(channelId, life, count, params.ordered);
    else if (random() < 0.5) await pass(500 * random());
    await close(channelId);
  }
}

async function expectAllHeard(
  channelId: number,
  life: number,
  count: number,
  ordered: boolean,
): Promise<void> {
  const ofLife = (payloads: readonly Uint8Array[]): number[] =>
    payloads.filter(([id, l]) => id === channelId && l === life).map(([, , index]) => index!);
  const heard = (): number[][] => [
    ofLife(link.client.received.filter(({ ppid }) => ppid === BINARY).map(({ payload }) => payload)),
    ofLife(link.received.map(({ payload }) => payload)),
  ];
  await until(() => heard().every(({ length }) => length >= count));
  const all = Array.from({ length: count }, (_, index) => index);
  const inOrder = heard().map((list) => (ordered ? list : list.toSorted((a, b) => a - b)));
  expect(inOrder).toEqual([all, all]);
}

/** As browsers do: the stream is used again when both sides have reset it, and the client knows. */
async function close(channelId: number): Promise<void> {
  const resets = (): number => link.client.resets.filter((id) => id === channelId).length;
  const before = resets();
  link.client.reset(channelId);
  await until(() => resets() > before && link.client.hasReset(channelId));
}

const seeds = Array.from({ length: 12 }, (_, seed) => seed + 1);

test.each(seeds)(
  "eight lives of four channels, seed %d",
  async (seed) => {
    const random = seededRandom(seed);
    const loss = [0, 0.05, 0.2][seed % 3]!;
    const path = (packet: Uint8Array): Uint8Array[] => {
      const luck = random();
      return luck < loss ? [] : luck > 0.99 ? [packet, packet] : [packet];
    };
    link = new Link({ toServer: path, toClient: path, delayMs: () => 5 + 20 * random() });
    if (seed % 2 === 0) link.client.startAt(2 ** 32 - 100);
    link.client.connect();
    await until(() => link.client.isEstablished);
    await Promise.all(KINDS.map((params, index) => live(2 * index, params, random)));
    expect(link.closed).toHaveLength(LIVES * KINDS.length);
    expect([link.ended, link.packetDrops]).toEqual([undefined, []]);
    const { sctp } = link.client;
    await until(() => sctp.sentQueue.length === 0 && sctp.sackMisOrdered.size === 0);
    expect(sctp.peerAdvertisedRwnd).toBe(1_048_576);
  },
  60_000,
);
