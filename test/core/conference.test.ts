/**
 * Goal: the whole core under loss, as its peers see it; and that it is a function of its inputs.
 * Method: three people publish and watch each other for a simulated minute, 5 % of all datagrams lost both ways; all in
 * one media thread, and with a pipe between two.
 */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { Conference, meeting } from "../sim/conference.ts";
import type { CompleteFrame } from "../sim/frame-assembler.ts";
import { simCipherFactory } from "../sim/sim-cipher.ts";
import type { SimPeer } from "../sim/sim-peer.ts";

const SECOND_US = 1_000_000;
const PATH = { delayUs: 40_000, jitterUs: 10_000 };
const LOSSY = { ...PATH, loss: 0.05 };

function minute(threads: number, ciphers: SrtpCipherFactory): Conference {
  const conference = new Conference({ people: meeting(3, LOSSY), seed: 1, threads, ciphers });
  const prefer = (spatial: number): void =>
    conference.prefer("peer-1", "peer-0", {
      ...NO_PREFERENCE,
      preferred: { spatial, temporal: 3 },
    });
  conference.run(20 * SECOND_US);
  prefer(0);
  conference.run(20 * SECOND_US);
  prefer(2);
  conference.run(20 * SECOND_US);
  return conference;
}

describe.each([
  { threads: 1, ciphers: portableCipherFactory },
  { threads: 2, ciphers: simCipherFactory },
])("a minute of three people with loss, threads: $threads", ({ threads, ciphers }) => {
  let conference: Conference;
  const views = (kind: "audio" | "video"): { peer: SimPeer; other: SimPeer }[] =>
    conference.people.flatMap((peer) =>
      conference.people.filter((other) => other !== peer).map((other) => ({ peer, other, kind })),
    );

  beforeAll(() => {
    conference = minute(threads, ciphers);
  });

  test("nearly every frame is completed by retransmissions, without a long stop", () => {
    for (const { peer, other } of views("video")) {
      const { assembler, counts } = peer.view("video", other.name).viewer;
      const { complete, begun } = assembler;
      expect(complete.length, `${peer.name} sees ${other.name}`).toBeGreaterThan(1600);
      expect(1 - complete.length / begun).toBeLessThan(0.02);
      expect(counts.repaired).toBeGreaterThan(100);
      expect(longestStopUs(complete)).toBeLessThan(700_000);
    }
  });

  test("what is watched in another thread is piped there, and all of it arrives", () => {
    const total = (slot: number): number =>
      conference.threads.reduce((sum, { core }) => sum + core.counters[slot]!, 0);
    expect(total(SLOT.pipedPackets_sent) > 0).toBe(threads > 1);
    expect(total(SLOT.pipedPackets_received)).toBe(total(SLOT.pipedPackets_sent));
    expect(total(SLOT.downDropped_pipe_full)).toBe(0);
  });

  test("what arrives is what was published, byte for byte", () => {
    for (const kind of ["audio", "video"] as const) {
      for (const { peer, other } of views(kind)) {
        const { counts, numbers } = peer.view(kind, other.name).viewer;
        expect(numbers.count).toBeGreaterThan(2_000);
        expect(counts.forged).toBe(0);
      }
    }
  });

  test("audio is forwarded, and loses what the links lose", () => {
    for (const { peer, other } of views("audio")) {
      const { viewer } = peer.view("audio", other.name);
      expect(viewer.numbers.count).toBeGreaterThan(3000 * 0.95 * 0.95 * 0.97);
    }
  });

  test("numbers run on through layer switches and wraps: no number twice, none backwards", () => {
    expect(conference.people.map(({ replayed }) => replayed)).toEqual([0, 0, 0]);
    for (const { peer, other } of views("video")) {
      const { viewer } = peer.view("video", other.name);
      const complete = viewer.assembler.complete.toSorted((a, b) => a.extSeq - b.extSeq);
      for (let i = 1; i < complete.length; i++) {
        const [before, after] = [complete[i - 1]!, complete[i]!];
        const step = (after.timestamp - before.timestamp) | 0;
        expect(step).toBeGreaterThan(0);
        expect(step).toBeLessThan(90_000);
        expect((after.pictureId - before.pictureId) & 0x7fff).toBeLessThan(30);
        expect((after.frameNumber - before.frameNumber) & 0xffff).toBeLessThan(30);
        expect((after.tl0PicIdx - before.tl0PicIdx) & 0xff).toBeLessThan(30);
      }
    }
  });

  test("the preferred layer is what is sent", () => {
    const [publisher, viewer] = conference.people;
    const { bytesOfSecond } = viewer!.view("video", publisher!.name).viewer;
    const average = (from: number, to: number): number =>
      bytesOfSecond.slice(from, to).reduce((sum, bytes) => sum + bytes, 0) / (to - from);
    expect(average(4, 20)).toBeGreaterThan(5 * average(24, 40));
    expect(average(44, 60)).toBeGreaterThan(5 * average(24, 40));
  });

  test("publishers get at most two PLIs a second for an encoding, and true arrival feedback", () => {
    for (const { publisher, arrivals } of conference.people) {
      const { plis } = publisher;
      for (const { ssrc, atUs } of plis) {
        const soon = plis.filter((other) => other.ssrc === ssrc && Math.abs(other.atUs - atUs) < 400_000);
        expect(soon.length).toBe(1);
      }
      const lost = [...arrivals.values()].filter((came) => !came).length;
      expect(arrivals.size).toBeGreaterThan(15_000);
      expect(lost / arrivals.size).toBeGreaterThan(0.04);
      expect(lost / arrivals.size).toBeLessThan(0.06);
    }
  });
});

test("the same seed gives the same minute, another seed another", () => {
  const digestOf = (seed: number): string => {
    const conference = new Conference({ people: meeting(3, LOSSY), seed, ciphers: portableCipherFactory });
    const digest = createHash("sha256");
    conference.delivered = (datagram, peer) =>
      digest.update(`${peer.name} ${conference.nowUs} `).update(datagram);
    conference.run(5 * SECOND_US);
    return digest.digest("hex");
  };
  expect(digestOf(7)).toBe(digestOf(7));
  expect(digestOf(8)).not.toBe(digestOf(7));
});

function longestStopUs(frames: readonly CompleteFrame[]): number {
  const times = frames.map(({ completeUs }) => completeUs).sort((a, b) => a - b);
  return Math.max(...times.slice(1).map((time, i) => time - times[i]!));
}

test("a viewer that falls silent gets nothing, and a key frame first when it is back", () => {
  const conference = new Conference({ people: meeting(2, PATH), seed: 1 });
  const [publisher, viewer] = conference.people as [SimPeer, SimPeer];
  const { numbers } = viewer.view("video", publisher.name).viewer;
  conference.run(3 * SECOND_US);
  viewer.isSilent = true;
  conference.run(10 * SECOND_US);
  const [sent, keyframes] = [numbers.count, publisher.publisher.plis.length];
  conference.run(5 * SECOND_US);
  expect(numbers.count).toBe(sent);
  viewer.isSilent = false;
  conference.run(3 * SECOND_US);
  expect(numbers.count).toBeGreaterThan(sent + 100);
  expect(publisher.publisher.plis.length).toBe(keyframes + 1);
  // The numbers go on where they stopped, but for packets of a frame or two that waited for their turn then.
  expect(numbers.gaps).toBeLessThan(20);
});

test("a packet that was lost on the way up and then is not wanted leaves no hole for its receiver", () => {
  const conference = new Conference({ people: meeting(2, LOSSY), seed: 3 });
  const [publisher, viewer] = conference.people as [SimPeer, SimPeer];
  const { numbers } = viewer.view("video", publisher.name).viewer;
  conference.prefer(viewer.name, publisher.name, {
    ...NO_PREFERENCE,
    preferred: { spatial: 2, temporal: 0 },
  });
  conference.run(20 * SECOND_US);
  expect(numbers.count).toBeGreaterThan(500);
  expect(numbers.gaps).toBeLessThan(10);
  expect(conference.core.counters[SLOT.downEmptyPackets]).toBeGreaterThan(100);
});
