/**
 * Goal: what comes from another thread is forwarded as what comes from a publisher here, unless it is muted here: a track
 * that is forwarded to another room is muted there alone.
 * Method: packets as a pipe hands them over, and one receiver.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { PipedTrack } from "../../src/sfu/piped-track.ts";
import { upPacket } from "./packets.ts";
import { OPUS } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

test("nothing is forwarded while the track is muted here", () => {
  const received = new ReceivedTrack("audio", [OPUS]);
  const { context, downTrack, track } = received;
  const piped = new PipedTrack(track.params, {}, context);
  downTrack.setSource({ track: piped.track, payload: OPUS }, received.nowUs);
  const bring = (seq: number): void => {
    const packet = upPacket(track.extensions, { payloadType: OPUS.payloadType, seq, timestamp: 960 * seq });
    packet.receivedUs = received.nowUs;
    packet.nowUs = received.nowUs;
    piped.receive(packet);
  };
  const sent = (): number[] => received.packets.map(({ header }) => header.seq);
  bring(1);
  piped.track.muted = true;
  bring(2);
  bring(3);
  expect(sent()).toEqual([1]);
  expect(context.counters[SLOT.upDropped_muted]).toBe(2);

  piped.track.muted = false;
  bring(4);
  expect(sent()).toEqual([1, 2]);
});
