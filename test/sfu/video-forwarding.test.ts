/**
 * Goal: what one receiver is sent of a video goes on, and in its numbers, whatever its publisher does with layers,
 * structures and picture ids.
 * Method: packets as clients send them, one by one; what leaves is read back from the transmit ring.
 */
import { expect, test } from "vitest";
import type { PayloadParams } from "../../src/contract/media.ts";
import { VideoReceiver } from "./video-receiver.ts";

const VP9: PayloadParams = {
  payloadType: 98,
  codec: "VP9",
  clockRate: 90_000,
  profile: "",
  rtxPayloadType: 99,
};

test("VP9 of three spatial layers without descriptor: who gets the top layer asks for no key frames", () => {
  const receiver = new VideoReceiver([VP9]);
  // Only the key picture says how many layers there are (V, three spatial layers).
  const KEY = ["2e000040aa", "2c0300bb", "2c0500cc"];
  const DELTA = ["6c0000aa", "6c0300bb", "6c0500cc"];
  let seq = 1;
  const publish = (picture: readonly string[], timestamp: number): void => {
    picture.forEach((payload, spatial) => {
      receiver.publish({ payloadType: 98, seq: seq++, timestamp, payload, marker: spatial === 2 });
    });
  };
  publish(KEY, 0);
  expect(receiver.downTrack.current).toEqual({ spatial: 2, temporal: 0 });
  const { keyframes } = receiver.track.streams[0]!;
  expect(keyframes.poll(receiver.nowUs)).toBe(false);
  let requests = 0;
  for (let n = 1; n < 50; n++) {
    publish(DELTA, n * 3000);
    if (keyframes.poll(receiver.nowUs)) requests += 1;
  }
  expect(receiver.sent.length).toBe(150);
  expect(requests).toBe(0);
});
