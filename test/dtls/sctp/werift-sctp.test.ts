/**
 * The contract with werift: `src/dtls/sctp` uses members of werift's association that werift never promised, and puts
 * others in their place. When one of these tests fails after an update of werift, read `werift-sctp.ts` and
 * `sctp-corrections.ts` there before anything else.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { correct } from "../../../src/dtls/sctp/sctp-corrections.ts";
import { StreamReset } from "../../../src/dtls/sctp/stream-reset.ts";
import { ESTABLISHED, openWeriftSctp, type WeriftSctp } from "../../../src/dtls/sctp/werift-sctp.ts";
import { seededRandom } from "../random.ts";
import { chunk, hex, packet, u16, u32 } from "./packets.ts";
import { BINARY, LOSSY, SctpClient } from "./sctp-client.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

test("a new association has the members that we use", () => {
  const { sctp } = openWeriftSctp(() => {});
  const { localTsn } = sctp;
  const before = (localTsn - 1) >>> 0;
  expect(sctp).toMatchObject({
    associationState: 1,
    isStopped: false,
    localPort: 5000,
    inboundStreams: {},
    advertisedRwnd: 1_048_576,
    lastReceivedTsn: undefined,
    sackMisOrdered: new Set(),
    sackNeeded: false,
    sackImmediate: false,
    sackPacketCount: 0,
    outboundQueue: [],
    sentQueue: [],
    lastSackedTsn: before,
    advancedPeerAckTsn: before,
    reconfigRequestSeq: localTsn,
    forwardTsnChunk: undefined,
    maxPayloadSize: 1132,
    flightSize: 0,
    partialBytesAcked: 0,
    fastRecoveryExit: undefined,
    srtt: undefined,
    rttvar: undefined,
    timer3Handle: undefined,
    outboundStreamSeq: {},
    reconfigRequest: undefined,
    timerReconfigHandle: undefined,
    reconfigResponseSeq: 0,
  });
  const functions = [
    "handleData",
    "sendChunk",
    "stop",
    "markReceived",
    "sendSack",
    "receive",
    "getInboundStream",
    "receiveForwardTsnChunk",
    "send",
    "onSackReceived",
    "transmit",
    "maybeAbandon",
    "updateAdvancedPeerAckPoint",
    "updateRto",
    "timer3Expired",
    "receiveReconfigParam",
    "sendReconfigParam",
    "timerReconfigHandleExpired",
    "timerReconfigHandleStart",
    "timerReconfigCancel",
  ] as const satisfies readonly (keyof WeriftSctp)[];
  for (const name of functions) expect(sctp[name], name).toBeTypeOf("function");
  for (const name of ["cwnd", "rto", "peerAdvertisedRwnd", "localVerificationTag"] as const) {
    expect(sctp[name], name).toBeTypeOf("number");
  }
});

/** All that we replace on an instance, `flush` aside. */
const REPLACED = [
  "updateRto",
  "timer3Expired",
  "maybeAbandon",
  "updateAdvancedPeerAckPoint",
  "getInboundStream",
  "markReceived",
  "sendSack",
  "receiveForwardTsnChunk",
  "receiveReconfigParam",
  "timerReconfigHandleExpired",
  "onSackReceived",
] as const satisfies readonly (keyof WeriftSctp)[];

interface Pair {
  readonly client: SctpClient;
  readonly server: WeriftSctp;
}

/** `delivers`: asked for each packet. */
async function connect(delivers = (): boolean => true): Promise<Pair> {
  const client = new SctpClient((bytes) => {
    if (delivers()) setTimeout(() => void server.handleData(Buffer.from(bytes)), 10);
  });
  const { sctp: server, start } = openWeriftSctp((bytes) => {
    if (delivers()) setTimeout(() => client.receive(bytes), 10);
  });
  correct(server, () => {});
  void start(5000);
  client.connect();
  for (let i = 0; i < 100 && server.associationState !== ESTABLISHED; i++) await pass(100);
  expect([server.associationState, client.sctp.associationState]).toEqual([ESTABLISHED, ESTABLISHED]);
  return { client, server };
}

test("it calls what we put in place of its own", async () => {
  const random = seededRandom(3);
  let isCut = false;
  const { client, server } = await connect(() => !isCut && random() > 0.15);
  const reset = new StreamReset(server, { peerReset: () => {}, answered: () => {} });
  const called = new Set<string>();
  for (const name of REPLACED) {
    const ours = server[name] as (...values: unknown[]) => unknown;
    const recorded = (...values: unknown[]): unknown => {
      called.add(name);
      return ours.apply(server, values);
    };
    Object.assign(server, { [name]: recorded });
  }
  server.flush = {
    execute: () => called.add("flush.execute"),
    asPromise: () => {
      called.add("flush.asPromise");
      return new Promise(() => {});
    },
  };
  for (let i = 0; i < 30; i++) {
    client.send(0, BINARY, Buffer.alloc(3_000), LOSSY);
    void server.send(0, BINARY, Buffer.alloc(30_000), {
      ordered: true,
      maxRetransmits: undefined,
      expiry: undefined,
    });
    await pass(200);
  }
  client.reset(0);
  await pass(20_000);
  isCut = true;
  reset.request(0);
  await pass(5_000);
  expect([...called].sort()).toEqual([...REPLACED, "flush.asPromise", "flush.execute"].sort());
});

test("its DATA chunks are what we take them for", async () => {
  const { client, server } = await connect();
  const added: unknown[] = [];
  server.getInboundStream = () =>
    ({ addChunk: (one: unknown) => added.push(one), popMessages: () => [] }) as never;
  client.send(2, BINARY, Buffer.alloc(2_000, 9), LOSSY);
  await pass(1);
  const sent = [...client.sctp.sentQueue];
  const common = { streamId: 2, streamSeqNum: 0, acked: false, abandoned: false, retransmit: false };
  const { localTsn } = client.sctp;
  expect(sent).toMatchObject([
    { ...common, tsn: localTsn - 2, flags: 6, maxRetransmits: 0, expiry: undefined, sentCount: 1 },
    { ...common, tsn: localTsn - 1, flags: 5, maxRetransmits: 0, expiry: undefined },
  ]);
  expect(sent.map(({ bookSize }) => bookSize)).toEqual([1160, 840]);
  await pass(100);
  const received = { streamId: 2, streamSeqNum: 0, protocol: BINARY };
  expect(added).toMatchObject([
    { ...received, tsn: localTsn - 2, flags: 6, userData: Buffer.alloc(1160, 9) },
    { ...received, tsn: localTsn - 1, flags: 5, userData: Buffer.alloc(840, 9) },
  ]);
});

test("its parameters of stream resets are what we take them for", async () => {
  const { server } = await connect();
  const params: unknown[] = [];
  server.receiveReconfigParam = async (param) => void params.push(param);
  const tag = server.localVerificationTag;
  const request = Buffer.concat([u16(13, 18), u32(7, 8, 9), u16(5)]);
  await server.handleData(packet(tag, chunk(130, request)));
  await server.handleData(packet(tag, chunk(130, Buffer.concat([u16(16, 12), u32(7, 1)]))));
  expect(params).toMatchObject([
    { type: 13, requestSequence: 7, lastTsn: 9, streams: [5] },
    { type: 16, responseSequence: 7, result: 1 },
  ]);
});

test("it gives back its window when a message is delivered, and says so in the next SACK", async () => {
  const { client, server } = await connect();
  const window: number[] = [];
  server.onReceive.subscribe(() => window.push(server.advertisedRwnd));
  client.send(0, BINARY, Buffer.alloc(100_000));
  await pass(2_000);
  expect(window).toEqual([1_048_576]);
  expect(client.sctp.peerAdvertisedRwnd).toBe(1_048_576);
});

test("when stopped it has no timer left, and says ABORT", async () => {
  const { client, server } = await connect();
  client.send(0, BINARY, Buffer.alloc(100_000));
  void server.send(1, BINARY, Buffer.alloc(100_000), {
    ordered: true,
    maxRetransmits: undefined,
    expiry: undefined,
  });
  await pass(15);
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  let closed = 0;
  server.stateChanged.closed.subscribe(() => closed++);
  await server.stop();
  expect([closed, server.isStopped, server.associationState]).toEqual([1, true, 1]);
  await pass(100);
  expect(client.sctp.associationState).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});

test("what it rejects with comes out of handleData", async () => {
  const { server } = await connect();
  await expect(server.handleData(hex("00"))).rejects.toThrow();
});
