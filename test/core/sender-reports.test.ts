/**
 * Goal: lips stay in step: by our sender reports a receiver finds when the publisher captured what it gets, whatever
 * encodings its stream was put together from (RFC 3550 §6.4.1).
 * Method: a simulated call without delay, in which the receiver changes encodings, whose timestamps have nothing in common.
 */
import { expect, test } from "vitest";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";
import { NTP_EPOCH_US } from "../sim/sim-rtp-stream.ts";

const SECOND_US = 1_000_000;
const TICKS_PER_MS = 90;
/** The longest that a picture is on its way: it is paced twice. */
const PACED_MS = 100;

test("timestamps and NTP times of reports belong together, before and after switches of encodings", () => {
  const call = new Conference({
    people: [
      { name: "ada", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed: 1,
  });
  const { peer } = call.seat("bo");
  const { viewer } = peer.view("video", "ada");
  const { ssrc } = viewer.params;
  for (const spatial of [2, 0, 1]) {
    call.prefer("bo", "ada", { ...NO_PREFERENCE, preferred: { spatial, temporal: 2 } });
    call.run(5 * SECOND_US);
    const report = peer.senderReports.get(ssrc)!;
    expect(call.nowUs + NTP_EPOCH_US - report.ntpUs).toBeLessThan(1.1 * SECOND_US);
    const { timestamp, completeUs } = viewer.assembler.complete.at(-1)!;
    const capturedMs = ((timestamp - report.timestamp) | 0) / TICKS_PER_MS;
    const completeMs = (completeUs + NTP_EPOCH_US - report.ntpUs) / 1_000;
    expect(completeMs - capturedMs, `encoding ${spatial}`).toBeGreaterThanOrEqual(-1);
    expect(completeMs - capturedMs, `encoding ${spatial}`).toBeLessThan(PACED_MS);
  }
});

test("packets are counted as they were sent", () => {
  const call = new Conference({
    people: [
      { name: "ada", sends: "audio", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed: 1,
  });
  const { peer } = call.seat("bo");
  const { viewer } = peer.view("audio", "ada");
  call.run(10 * SECOND_US);
  const { packets, ntpUs } = peer.senderReports.get(viewer.params.ssrc)!;
  const sinceUs = call.nowUs + NTP_EPOCH_US - ntpUs;
  expect(viewer.numbers.count - packets).toBe(Math.round(sinceUs / 20_000));
});
