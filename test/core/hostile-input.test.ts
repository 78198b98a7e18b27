/**
 * Goal: whatever comes in, from strangers or sealed by a participant, the core goes on, accounts for it, keeps its
 * tables small, and the others' call is as if nothing were.
 * Method: three people in a call; from its second second on, 20,000 hostile datagrams from a seed on behalf of
 * strangers and of the third; the first two are compared with themselves in a call without.
 */
import { createHash, type Hash } from "node:crypto";
import { queryObjects } from "node:v8";
import { beforeAll, describe, expect, test } from "vitest";
import { COUNTER_NAMES, type CounterName, SLOT } from "../../src/base/counters.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { UpStream } from "../../src/sfu/up-stream.ts";
import { ReplayWindow } from "../../src/srtp/replay-window.ts";
import { Conference, meeting } from "../sim/conference.ts";
import type { CompleteFrame } from "../sim/frame-assembler.ts";
import { HostileInputs } from "../sim/hostile-inputs.ts";
import type { SimPeer } from "../sim/sim-peer.ts";
import type { SimViewer } from "../sim/sim-viewer.ts";

const TICK_US = 10_000;
const SECOND_US = 1_000_000;
const INPUTS_PER_TICK = 20;
const SEED = 5;
const PATHS = 64;
/** In order: a number that overtakes two jumps of the insider would be taken for one of the next cycle (RFC 3711 §3.3.1). */
const PATH = { delayUs: 40_000, jitterUs: 10_000, jitterReorders: false };

const PINNED = { ...NO_PREFERENCE, pinned: true };
const DROPS = COUNTER_NAMES.filter((name) => name.startsWith("upDropped_"));
const TAKEN: readonly CounterName[] = [
  "upPackets_audio",
  "upPackets_video",
  "upRtxPackets",
  "upRtcpPackets",
  "upStunPackets",
  "upDtlsPackets",
];

interface Call {
  readonly conference: Conference;
  /** Of everything that reached anybody, in order. */
  readonly digest: Hash;
  /** Inputs that no counter noticed. */
  readonly unaccounted: string[];
  readonly highestPath: number;
  readonly inventedSsrcs: number;
}

/** A call of two seconds, and of one more for each 100 hostile turns. */
function call(inputs: number, hostile: boolean): Call {
  const digest = createHash("sha256");
  const conference = new Conference({ people: meeting(3, PATH), seed: SEED, ciphers: portableCipherFactory });
  const [ada, bo] = conference.people as [SimPeer, SimPeer];
  // Else what the third says that it sends would take its share of their bandwidth.
  conference.prefer(ada.name, bo.name, PINNED);
  conference.prefer(bo.name, ada.name, PINNED);
  conference.delivered = (datagram, peer) =>
    digest.update(`${peer.name} ${conference.nowUs} `).update(datagram);
  const makes = new HostileInputs(conference, conference.seats[2]!, SEED);
  const unaccounted: string[] = [];
  let highestPath = 0;
  conference.run(SECOND_US);
  for (let sent = 0; sent < inputs; sent += INPUTS_PER_TICK) {
    for (let i = 0; hostile && i < INPUTS_PER_TICK; i++) {
      const { kind, datagram, path } = makes.next();
      const before = noticed(conference);
      conference.receive(datagram, path);
      if (noticed(conference) === before) unaccounted.push(kind);
      highestPath = Math.max(highestPath, path);
    }
    conference.run(TICK_US);
  }
  conference.run(SECOND_US);
  return { conference, digest, unaccounted, highestPath, inventedSsrcs: makes.invented };
}

describe("20,000 hostile datagrams", () => {
  let quiet: Call;
  let hostile: Call;
  const honest = (kind: "audio" | "video"): { name: string; viewer: SimViewer }[] =>
    [hostile, quiet].flatMap(({ conference }) => {
      const [ada, bo] = conference.people as [SimPeer, SimPeer];
      return [
        { name: "ada sees bo", viewer: ada.view(kind, bo.name).viewer },
        { name: "bo sees ada", viewer: bo.view(kind, ada.name).viewer },
      ];
    });

  beforeAll(() => {
    quiet = call(20_000, false);
    hostile = call(20_000, true);
  });

  test("each is taken or dropped by a reason that is counted", () => {
    expect(hostile.unaccounted).toEqual([]);
    const { counters } = hostile.conference.core;
    const reasons = DROPS.filter((name) => counters[SLOT[name]]! > 0);
    expect(reasons).toEqual(
      expect.arrayContaining([
        "upDropped_empty",
        "upDropped_unknown_class",
        "upDropped_unknown_path",
        "upDropped_malformed_rtp",
        "upDropped_malformed_rtcp",
        "upDropped_stun_unknown_user",
        "upDropped_srtp_auth",
        "upDropped_srtp_replay",
        "upDropped_srtcp_auth",
        "upDropped_srtcp_replay",
        "upDropped_unknown_stream",
        "upDropped_unknown_payload_type",
        "upDropped_padding_only",
        "upDropped_stream_limit",
      ]),
    );
  });

  test("the others see and hear each other as if nothing were", () => {
    for (const kind of ["audio", "video"] as const) {
      const [first, second, ...calm] = honest(kind);
      [first!, second!].forEach(({ name, viewer }, i) => {
        const undisturbed = calm[i]!.viewer;
        expect(viewer.numbers.count, `${name}, ${kind}`).toBeGreaterThan(undisturbed.numbers.count * 0.95);
        expect(viewer.counts.forged).toBe(0);
        // What is on its way at the end may have come in another order.
        expect(viewer.numbers.gaps).toBeLessThan(7);
      });
    }
    for (const { name, viewer } of honest("video").slice(0, 2)) {
      const { complete, begun } = viewer.assembler;
      expect(complete.length, name).toBeGreaterThan(300);
      expect(begun - complete.length).toBeLessThan(2);
      expect(longestStopUs(complete)).toBeLessThan(150_000);
    }
  });

  test("what it keeps of them is bounded", () => {
    expect(hostile.highestPath).toBeLessThan(PATHS);
    // Three encodings and an audio of three people, in both calls; of one that restarts, the old is forgotten.
    expect(queryObjects(UpStream, { format: "count" })).toBeLessThanOrEqual(2 * 3 * 4);
    // Of the SSRCs that the third makes up, 1,024 for RTP and for RTCP; its own sender keeps all of them.
    const windows = queryObjects(ReplayWindow, { format: "count" }) - hostile.inventedSsrcs;
    expect(windows).toBeLessThan(2 * 1024 + 200);
    expect(hostile.inventedSsrcs).toBeGreaterThan(1024 + 200);
  });
});

test("the same seed has the same outcome", () => {
  const [first, second] = [call(2_000, true), call(2_000, true)].map(({ conference, digest }) => ({
    sent: digest.digest("hex"),
    counters: [...conference.core.counters],
  }));
  expect(second).toEqual(first);
});

function noticed({ core }: Conference): number {
  return [...DROPS, ...TAKEN].reduce((sum, name) => sum + core.counters[SLOT[name]]!, 0);
}

function longestStopUs(frames: readonly CompleteFrame[]): number {
  const times = frames.map(({ completeUs }) => completeUs).sort((a, b) => a - b);
  return Math.max(...times.slice(1).map((time, i) => time - times[i]!));
}
