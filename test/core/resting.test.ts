/**
 * Goal: a transport that neither sends nor receives is looked at seldom, and nobody can tell.
 * Method: two peers without tracks, ticks each 10 ms; how often their agents are polled is counted, events are timed.
 */
import { expect, test } from "vitest";
import { readU32 } from "../../src/base/bytes.ts";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import {
  asSsrc,
  type RoomId,
  type SubscriptionId,
  type TrackId,
  type TransportId,
} from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import type { UpTrackParams } from "../../src/contract/media.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { IceLiteAgent } from "../../src/ice/ice-lite-agent.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { Conference } from "../sim/conference.ts";
import { VIDEO_PAYLOAD } from "../sim/session-parameters.ts";
import { SimPeer } from "../sim/sim-peer.ts";

const SECOND_US = 1_000_000;
const TICK_US = 10_000;
const [ROOM, TRACK, SUBSCRIPTION] = ["room" as RoomId, "TR" as TrackId, "SU" as SubscriptionId];

class Lobby {
  nowUs = 0;
  /** By kind, or a transport's new state: when it was heard, microseconds. */
  readonly heard: (readonly [string, number])[] = [];
  readonly core: MediaCore;
  readonly ids: readonly TransportId[];
  readonly #paths = new PathTable(16);

  constructor() {
    this.core = new MediaCore({
      counters: createSharedCounters(),
      paths: this.#paths,
      ringSlots: 64,
      ciphers: portableCipherFactory,
      seed: 1,
    });
    this.ids = [0, 1].map((index) => this.#join(index));
    this.core.events.length = 0;
  }

  #join(index: number): TransportId {
    const { core, nowUs } = this;
    const peer = new SimPeer(index, { name: "", sends: "nothing", seed: 1, ciphers: portableCipherFactory });
    const { transportId, ice } = peer;
    core.command(nowUs, {
      kind: "transport.open",
      transportId,
      roomId: ROOM,
      localIce: ice.server,
      remoteIce: ice.peer,
      fingerprints: [],
      extensions: {},
    });
    core.receiveLetter(nowUs, { kind: "secure", transportId, keys: peer.serverKeys(SRTP_AEAD_AES_128_GCM) });
    const check = ice.request();
    core.receive(nowUs, check, check.length, this.#paths.intern("192.0.2.1", 10_000 + index), nowUs);
    return transportId;
  }

  run(us: number): void {
    const endUs = this.nowUs + us;
    while (this.nowUs < endUs) {
      this.nowUs += TICK_US;
      this.core.tick(this.nowUs);
      this.core.ring.clear();
      for (const event of this.core.events.splice(0)) {
        this.heard.push([event.kind === "transport.state" ? event.state : event.kind, this.nowUs]);
      }
    }
  }

  /** Polls of both agents while it runs. */
  polls(us: number): number {
    const { poll } = IceLiteAgent.prototype;
    let polls = 0;
    IceLiteAgent.prototype.poll = function (nowUs) {
      polls += 1;
      return poll.call(this, nowUs);
    };
    this.run(us);
    IceLiteAgent.prototype.poll = poll;
    return polls;
  }

  /** A video of the second peer. */
  publish(): void {
    const track: UpTrackParams = {
      trackId: TRACK,
      publisher: "PA" as never,
      kind: "video",
      mid: "0",
      payloads: [VIDEO_PAYLOAD.simulcast],
      rids: [],
      ssrcs: [{ ssrc: asSsrc(1), rtxSsrc: asSsrc(0) }],
      content: "camera",
    };
    this.core.command(this.nowUs, { kind: "up-track.add", transportId: this.ids[1]!, track });
  }
}

test("who rests is polled ten times a second, who publishes a hundred times", () => {
  const lobby = new Lobby();
  expect(lobby.polls(SECOND_US)).toBe(20);
  lobby.publish();
  expect(lobby.polls(SECOND_US)).toBe(110);
  lobby.core.command(lobby.nowUs, { kind: "up-track.remove", trackId: TRACK });
  lobby.run(TICK_US);
  expect(lobby.polls(SECOND_US)).toBe(20);
});

test("a packet that is missing hurries the next tick, and nothing else does while nobody receives", () => {
  const conference = new Conference({ people: [{ name: "ada" }], seed: 1 });
  const { core } = conference;
  conference.run(5 * SECOND_US);
  let isLosing = false;
  let lostSsrc: number | null = null;
  /** After each packet, or of the stream that has lost one. */
  const hurried: boolean[] = [];
  const receive = core.receive.bind(core);
  core.receive = (nowUs, datagram, length, path, arrivedUs) => {
    const isVideo = (datagram[1]! & 0x7f) === VIDEO_PAYLOAD.simulcast.payloadType;
    const ssrc = isVideo ? readU32(datagram, 8) : 0;
    if (isVideo && isLosing) {
      isLosing = false;
      lostSsrc = ssrc;
      hurried.length = 0;
      return;
    }
    receive(nowUs, datagram, length, path, arrivedUs);
    if (lostSsrc === null || ssrc === lostSsrc) hurried.push(core.isHurried);
  };
  conference.run(SECOND_US);
  expect(hurried).not.toContain(true);
  isLosing = true;
  conference.run(SECOND_US);
  expect(hurried[0]).toBe(true);
});

test("a key frame that is asked for hurries the next tick", () => {
  const down = { loss: 0.3 };
  const conference = new Conference({
    seed: 1,
    people: [
      { name: "ada", watches: [] },
      // Nothing is paced or probed for who sends no feedback: that hurries too.
      { name: "bo", sends: "nothing", watches: ["ada"], down, numbersPackets: false },
    ],
  });
  const { core } = conference;
  const { counters } = core;
  const hurried: boolean[] = [];
  const receive = core.receive.bind(core);
  core.receive = (nowUs, datagram, length, path, arrivedUs) => {
    const asked = counters[SLOT.pliReceived]!;
    receive(nowUs, datagram, length, path, arrivedUs);
    if (counters[SLOT.pliReceived]! > asked) hurried.push(core.isHurried);
  };
  conference.run(20 * SECOND_US);
  expect(hurried.length).toBeGreaterThan(0);
  expect(hurried).not.toContain(false);
});

test("who has watched over a narrow line, and watches nobody any more, is not probed for", () => {
  const people = [
    { name: "ada", watches: [] },
    { name: "bo", sends: "nothing", watches: ["ada"], down: { rateBps: 600_000 } },
  ] as const;
  const conference = new Conference({ people, seed: 1 });
  const { core } = conference;
  const { peer } = conference.seat("bo");
  conference.run(6 * SECOND_US);
  for (const kind of ["audio", "video"] as const) {
    const { subscriptionId } = peer.view(kind, "ada");
    core.command(conference.nowUs, { kind: "down-track.source", subscriptionId, source: null });
  }
  conference.run(SECOND_US);
  let hurried = 0;
  for (let tick = 0; tick < 500; tick++) {
    conference.run(TICK_US);
    if (core.isHurried) hurried += 1;
  }
  expect(hurried).toBe(0);
});

test("a peer at rest that falls silent is reported within a tenth of a second of its time", () => {
  const lobby = new Lobby();
  lobby.run(31 * SECOND_US);
  const at = (state: string): number => lobby.heard.find(([kind]) => kind === state)![1];
  expect(at("disconnected") - 8 * SECOND_US).toBeLessThanOrEqual(100_000 + TICK_US);
  expect(at("failed") - 30 * SECOND_US).toBeLessThanOrEqual(100_000 + TICK_US);
});

test("who is given something to receive is dealt bandwidth at the next tick", () => {
  const lobby = new Lobby();
  const [transportId] = lobby.ids;
  lobby.publish();
  const downTrack = {
    subscriptionId: SUBSCRIPTION,
    kind: "video" as const,
    mid: "1",
    ssrc: asSsrc(2),
    rtxSsrc: asSsrc(0),
    cname: "",
  };
  lobby.core.command(lobby.nowUs, { kind: "down-track.add", transportId: transportId!, downTrack });
  lobby.run(SECOND_US + TICK_US);
  lobby.heard.length = 0;
  const source = { trackId: TRACK, payload: VIDEO_PAYLOAD.simulcast };
  lobby.core.command(lobby.nowUs, { kind: "down-track.source", subscriptionId: SUBSCRIPTION, source });
  const { nowUs } = lobby;
  lobby.run(SECOND_US);
  expect(lobby.heard.find(([kind]) => kind === "down-track.allotted")).toEqual([
    "down-track.allotted",
    nowUs + TICK_US,
  ]);
});
