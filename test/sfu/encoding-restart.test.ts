/**
 * Goal: when a publisher restarts an encoding on another SSRC, nothing of the new stream goes out in the place of something
 * that was sent of the old one; and nothing is sent again that a key frame has made useless.
 * Method: packets of both through a track with one receiver, who then asks for what it was sent before.
 */
import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { Retransmitter } from "../../src/sfu/retransmitter.ts";
import { VP8 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

const KEY = "1000";
const DELTA = "1001";
const ROUND_TRIP_US = 100_000;

/** What is sent to a receiver that asks for `seqs`: "payloadType payload", the number asked for in front of the payload. */
function repairs(received: ReceivedTrack, seqs: readonly number[]): string[] {
  const before = received.sent().length;
  const retransmitter = new Retransmitter(received.controller, received.context);
  for (const seq of seqs) retransmitter.onNack(received.downTrack, seq, received.nowUs + ROUND_TRIP_US);
  return received.sent().slice(before);
}

/** Two packets of SSRC 1, and two with the same numbers of SSRC 2. */
function restarted(): ReceivedTrack {
  const received = new ReceivedTrack("video", [VP8], VP8);
  for (const [ssrc, content] of [
    [1, "aaaaaa"],
    [2, "bbbbbb"],
  ] as const) {
    received.publish({ ssrc, seq: 10, timestamp: 3000, payload: KEY + content });
    received.publish({ ssrc, seq: 11, timestamp: 6000, payload: DELTA + content });
  }
  return received;
}

describe("after an encoding has restarted", () => {
  test("its receivers go on with the new stream", () => {
    expect(restarted().sent("numbered")).toEqual([
      "96 #1 1000aaaaaa",
      "96 #2 1001aaaaaa",
      "96 #3 1000bbbbbb",
      "96 #4 1001bbbbbb",
    ]);
  });

  test("what was sent of the old stream is repaired with nothing, and not with packets of the new one", () => {
    const received = restarted();
    expect(repairs(received, [1, 2])).toEqual(["97 0001", "97 0002"]);
    expect(repairs(received, [3, 4])).toEqual(["97 00031000bbbbbb", "97 00041001bbbbbb"]);
    expect(received.context.counters[SLOT.nackSeqsNotInHistory]).toBe(0);
  });

  test("a packet of the old stream that waited for the pacer goes out empty", () => {
    const received = restarted();
    received.downTrack.release(2, received.nowUs);
    received.downTrack.release(4, received.nowUs);
    expect(received.sent("numbered").slice(4)).toEqual(["96 #2 01", "96 #4 1001bbbbbb"]);
    expect(received.context.counters[SLOT.downDropped_pacer_late]).toBe(0);
  });
});

test("what was sent before a pause is not repaired, for a key frame comes after it", () => {
  const received = new ReceivedTrack("video", [VP8], VP8);
  const publish = (seq: number, payload: string): void =>
    received.publish({ seq, timestamp: seq * 3000, payload });
  publish(10, `${KEY}aa`);
  publish(11, `${DELTA}bb`);
  expect(repairs(received, [1])).toEqual([`97 0001${KEY}aa`]);
  for (const paused of [true, false])
    received.downTrack.setPreference({ ...NO_PREFERENCE, paused }, received.nowUs);
  expect(repairs(received, [2])).toEqual([]);
  publish(12, `${KEY}cc`);
  expect(repairs(received, [1, 2, 3])).toEqual([`97 0003${KEY}cc`]);
});

test("what was sent of other encodings is repaired as before", () => {
  const received = new ReceivedTrack("video", [VP8], VP8, { rids: ["q", "h"] });
  const publish = (ssrc: number, encoding: number, seq: number, content: string): void => {
    received.publish({ ssrc, encoding, seq, timestamp: seq * 3000, payload: KEY + content });
    // An encoding is aimed at when it has been heard.
    received.downTrack.retarget(received.nowUs);
  };
  publish(1, 0, 10, "aa");
  publish(1, 0, 11, "bb");
  publish(2, 1, 10, "cc");
  publish(2, 1, 11, "dd");
  publish(3, 0, 11, "ee");
  expect(received.sent("numbered")).toEqual([`96 #1 ${KEY}bb`, `96 #2 ${KEY}dd`]);
  expect(repairs(received, [1, 2])).toEqual(["97 0001", `97 0002${KEY}dd`]);
});
