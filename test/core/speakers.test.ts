/**
 * Goal: a whole room by its levels, as its peers and control see it: who speaks is told, only the loudest are forwarded,
 * and what a receiver gets of those who come and go is one unbroken stream in step with its sender reports.
 * Method: four people in simulation, in one media thread and with pipes between two; they speak by turns.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { RoomId } from "../../src/base/ids.ts";
import { timestampDelta } from "../../src/base/sequence.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import type { SpeakersEvent } from "../sfu/voice-room.ts";
import { Conference, type ConferenceOptions, meeting } from "../sim/conference.ts";
import type { SimPeer } from "../sim/sim-peer.ts";

const SECOND_US = 1_000_000;
const ROOM = "room" as RoomId;
const WORD_US = 700_000;
const PAUSE_US = 200_000;
const LIMIT = 1;
/** A frame of 20 ms, in units of the RTP clock. */
const FRAME_TICKS = 960;

interface HeardPacket {
  readonly seq: number;
  readonly timestamp: number;
  readonly arrivedUs: number;
}

/** A call that keeps what its threads tell and what its people hear. */
class NotedCall extends Conference {
  readonly speakers: SpeakersEvent[] = [];
  readonly #heard = new Map<number, HeardPacket[]>();

  constructor(options: ConferenceOptions) {
    super(options);
    this.told = (event) => {
      if (event.kind === "room.speakers") this.speakers.push(event);
    };
    this.delivered = (datagram) => {
      const header = new RtpHeader();
      const isRtcp = datagram[1]! >= 192 && datagram[1]! <= 223;
      if (isRtcp || !parseRtpHeader(datagram, datagram.length, header)) return;
      const { ssrc, seq, timestamp } = header;
      const packets = this.#heard.get(ssrc) ?? [];
      this.#heard.set(ssrc, packets);
      packets.push({ seq, timestamp, arrivedUs: this.nowUs });
    };
  }

  /** Who speaks says a word, then pauses. */
  letSpeak(who: SimPeer | null, durationUs: number, onStep: () => void = () => {}): void {
    for (let passedUs = 0; passedUs < durationUs; passedUs += 20_000) {
      const { microphone } = who?.publisher ?? {};
      if (microphone && passedUs % (WORD_US + PAUSE_US) === 0)
        microphone.speaksUntilUs = this.nowUs + WORD_US;
      this.run(20_000);
      onStep();
    }
    if (who?.publisher.microphone) who.publisher.microphone.speaksUntilUs = 0;
  }

  /** Audio of one person as it came to another, in the order of its numbers. */
  heard(viewer: SimPeer, publisher: SimPeer): readonly HeardPacket[] {
    const { ssrc } = viewer.view("audio", publisher.name).viewer.params;
    return (this.#heard.get(ssrc) ?? []).toSorted((one, other) => one.seq - other.seq);
  }
}

describe.each([1, 2])("four people by turns, in %i threads", (threads) => {
  let conference: NotedCall;
  /** When each turn began, by seat. */
  const begins: number[] = [];
  /** When somebody took the floor, by thread. */
  const taken: number[][] = Array.from({ length: threads }, () => []);

  beforeAll(() => {
    const path = { delayUs: 40_000, jitterUs: 10_000, loss: 0.02 };
    conference = new NotedCall({ people: meeting(4, path), seed: 5, threads });
    const options = { loudestAudios: LIMIT, lastVideos: 3, guardsEncryption: false };
    for (const { core } of conference.threads) {
      core.command(conference.nowUs, { kind: "room.options", roomId: ROOM, options });
    }
    // The last says no levels.
    conference.people[3]!.publisher.microphone!.saysLevels = false;
    conference.letSpeak(null, SECOND_US);
    for (const seat of [0, 1, 2, 0]) {
      conference.letSpeak(null, 400_000);
      begins.push(conference.nowUs);
      conference.letSpeak(conference.people[seat]!, 2 * SECOND_US, () => {
        for (const { index, core } of conference.threads) {
          if (core.counters[SLOT.speakerChanges]! > taken[index]!.length)
            taken[index]!.push(conference.nowUs);
        }
      });
    }
  }, 60_000);

  test("each takes the floor within half a second, in every thread", () => {
    expect(taken.map((times) => times.length)).toEqual(conference.threads.map(() => begins.length));
    for (const times of taken) {
      for (const [turn, atUs] of times.entries()) {
        // The path takes up to 50 ms of it.
        expect(atUs - begins[turn]!).toBeGreaterThan(0);
        expect(atUs - begins[turn]!, `turn ${turn}`).toBeLessThan(500_000);
      }
    }
  });

  test("those who speak are told by the thread where they publish, and nobody else", () => {
    const told = new Set(
      conference.speakers.flatMap(({ speakers }) => speakers.map(({ trackId }) => trackId)),
    );
    expect([...told].sort()).toEqual(["TR_0a", "TR_1a", "TR_2a"]);
    expect(conference.speakers.length / 10.6).toBeLessThan(4 * threads);
  });

  test("only the loudest is forwarded, and who says no levels", () => {
    const seen = (viewer: number, publisher: number): number =>
      conference.heard(conference.people[viewer]!, conference.people[publisher]!).length / 50;
    const seconds = 1 + 4 * 2.4;
    expect(seen(0, 3)).toBeGreaterThan(0.9 * seconds);
    // One at a time, and each in its own turn.
    const all = [0, 1, 2].map((publisher) => seen(3, publisher));
    for (const share of all) expect(share).toBeGreaterThan(2 * 0.9);
    const sum = all.reduce((total, one) => total + one);
    expect(sum).toBeGreaterThan(0.9 * seconds);
    expect(sum).toBeLessThan(1.02 * seconds);
    const dropped = conference.threads.map(({ core }) => core.counters[SLOT.downDropped_not_loudest]!);
    const total = dropped.reduce((sum, one) => sum + one);
    // At any time two are held back, from three receivers each.
    expect(total / (2 * 3 * 50)).toBeGreaterThan(0.9 * seconds);
    expect(total / (2 * 3 * 50)).toBeLessThan(1.02 * seconds);
  });

  test("a word is heard from its beginning", () => {
    const [viewer] = conference.people;
    for (const publisher of [1, 2]) {
      const fromUs = begins[publisher]!;
      const heard = conference
        .heard(viewer!, conference.people[publisher]!)
        .filter(({ arrivedUs }) => arrivedUs >= fromUs && arrivedUs < fromUs + SECOND_US);
      // Two links of 30 to 50 ms, one tick, one packet in 50 lost on each.
      expect(Math.min(...heard.map(({ arrivedUs }) => arrivedUs)) - fromUs).toBeLessThan(160_000);
      expect(heard.length).toBeGreaterThan(38);
    }
  });

  test("numbers run on over what is held back; timestamps keep their distance to those of the publisher", () => {
    for (const viewer of conference.people) {
      for (const publisher of conference.people) {
        if (viewer === publisher) continue;
        // The first sender reports take a second.
        const packets = conference
          .heard(viewer, publisher)
          .filter(({ arrivedUs }) => arrivedUs > begins[0]! - PAUSE_US);
        const [first, last] = [packets[0]!, packets.at(-1)!];
        const lost = 1 - packets.length / (last.seq - first.seq + 1);
        expect(lost, `${viewer.name} hears ${publisher.name}`).toBeLessThan(0.08);
        // Through one offset for good: lips stay in step.
        const elapsed = packets.map(({ timestamp }) => timestampDelta(first.timestamp, timestamp));
        expect(elapsed.every((ticks) => ticks % FRAME_TICKS === 0)).toBe(true);
        for (const [i, { seq, arrivedUs }] of packets.entries()) {
          const elapsedUs = (elapsed[i]! / 48_000) * SECOND_US;
          expect(Math.abs(arrivedUs - first.arrivedUs - elapsedUs), `packet ${seq}`).toBeLessThan(70_000);
        }
      }
    }
  });
});

test("a mute takes the floor at once", () => {
  const conference = new NotedCall({ people: meeting(2, {}), seed: 1 });
  const [ada] = conference.people as [SimPeer, SimPeer];
  const trackId = ada.publisher.audioTrack;
  conference.letSpeak(null, SECOND_US);
  conference.letSpeak(ada, SECOND_US);
  expect(conference.speakers.at(-1)).toMatchObject({ dominant: trackId });
  conference.core.command(conference.nowUs, { kind: "up-track.mute", trackId, muted: true });
  conference.run(10_000);
  expect(conference.speakers.at(-1)).toMatchObject({ speakers: [], dominant: null });
});
