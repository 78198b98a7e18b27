/**
 * Goal: encodings that nobody wants are switched off and nobody notices; who wants one again has it at its key frame.
 * Method: three people of whom one is looked at, 2 % of all datagrams lost; publishers do as they are told, in one media
 * thread and with receivers in two.
 */
import { describe, expect, test } from "vitest";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { Conference, meeting, type Seat } from "../sim/conference.ts";
import type { SimPeer } from "../sim/sim-peer.ts";
import type { SimViewer } from "../sim/sim-viewer.ts";

const SECOND_US = 1_000_000;
/** How long less has to be wanted. */
const HOLD_US = 5 * SECOND_US;

let conference: Conference;
let ada: SimPeer;
let bo: Seat;
let cy: Seat;

function meet(threads: number, dynacast: boolean, loss: number): void {
  conference = new Conference({ people: meeting(3, { loss }), seed: 1, threads, dynacast });
  const [first, second, third] = conference.seats as [Seat, Seat, Seat];
  [ada, bo, cy] = [first.peer, second, third];
}

function prefer({ peer, thread }: Seat, spatial: number, paused = false): void {
  const { subscriptionId } = peer.view("video", ada.name);
  thread.core.command(conference.nowUs, {
    kind: "down-track.prefer",
    subscriptionId,
    preference: { ...NO_PREFERENCE, paused, preferred: { spatial, temporal: 3 } },
  });
}

const isOn = (): boolean[] => ada.publisher.camera!.encoders.map(({ isActive }) => isActive);
const viewOf = ({ peer }: Seat): SimViewer => peer.view("video", ada.name).viewer;
/** Pictures shown so far. */
const shownTo = (seat: Seat): number => viewOf(seat).decoder.shown.length;

describe.each([1, 2])("receivers in %i media threads", (threads) => {
  test("encodings go off, on and off again, and the picture stops only where it was paused", () => {
    meet(threads, true, 0.02);
    conference.run(2 * SECOND_US);
    for (const seat of [bo, cy]) prefer(seat, 0);
    conference.run(HOLD_US - SECOND_US);
    expect(isOn()).toEqual([true, true, true]);
    conference.run(2 * SECOND_US);
    expect(isOn()).toEqual([true, false, false]);

    const offUs = conference.nowUs;
    const off = ada.publisher.encodings.slice(1).map(({ ssrc }) => ssrc as number);
    conference.run(2 * SECOND_US);
    expect(ada.publisher.plis.filter(({ ssrc, atUs }) => atUs > offUs && off.includes(ssrc))).toEqual([]);
    prefer(bo, 2);
    conference.run(100_000);
    expect(isOn()).toEqual([true, true, true]);
    conference.run(3 * SECOND_US);
    const second = Math.floor(conference.nowUs / SECOND_US) - 1;
    const [most, least] = [bo, cy].map((seat) => viewOf(seat).bytesOfSecond[second]!) as [number, number];
    expect(most).toBeGreaterThan(4 * least);
    for (const seat of [bo, cy]) expect(longestStopUs(viewOf(seat), 3 * SECOND_US)).toBeLessThan(400_000);

    for (const seat of [bo, cy]) prefer(seat, 2, true);
    conference.run(HOLD_US + SECOND_US);
    expect(isOn()).toEqual([false, false, false]);
    const seen = shownTo(cy);
    conference.run(SECOND_US);
    expect(shownTo(cy)).toBe(seen);
    prefer(cy, 1);
    conference.run(500_000);
    expect(isOn()).toEqual([true, true, false]);
    expect(shownTo(cy)).toBeGreaterThan(seen + 5);
  });

  test("who watches an encoding that says goodbye goes on with another at once", () => {
    meet(threads, false, 0);
    conference.run(2 * SECOND_US);
    const offUs = conference.nowUs;
    ada.sendUpTo(0);
    conference.run(3 * SECOND_US);
    for (const seat of [bo, cy]) expect(longestStopUs(viewOf(seat), offUs - 500_000)).toBeLessThan(400_000);
  });
});

test("an encoding that has said goodbye is not asked for key frames, and shows when it is back", () => {
  // A goodbye that is lost is none.
  meet(1, false, 0);
  conference.run(2 * SECOND_US);
  ada.sendUpTo(-1);
  conference.run(500_000);
  prefer(cy, 2, true);
  prefer(cy, 2);
  const [offUs, seen] = [conference.nowUs, shownTo(cy)];
  conference.run(3 * SECOND_US);
  expect(ada.publisher.plis.filter(({ atUs }) => atUs > offUs)).toEqual([]);
  ada.sendUpTo(2);
  conference.run(SECOND_US);
  expect(shownTo(cy)).toBeGreaterThan(seen + 20);
});

/** Between pictures that were shown after `sinceUs`. */
function longestStopUs(viewer: SimViewer, sinceUs: number): number {
  const times = viewer.decoder.shown.map(({ atUs }) => atUs).filter((time) => time > sinceUs);
  return Math.max(...times.slice(1).map((time, i) => time - times[i]!));
}
