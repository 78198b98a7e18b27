/**
 * Goal: who sends no transport-wide feedback is judged by what it lost of all that it was sent, in whatever order its reports
 * name the streams.
 * Method: a simulated call without loss; then its receiver sends one more compound of reports, in which a voice has lost much.
 */
import { expect, test } from "vitest";
import type { RoomId } from "../../src/base/ids.ts";
import { ntpMiddle } from "../../src/base/ntp.ts";
import type { MediaEvent } from "../../src/contract/media.ts";
import { type ReferenceTimeAnswer, writeReferenceTime } from "../../src/rtp/rtcp/extended-reports.ts";
import { type ReportBlock, writeReceiverReport, writeRtcpHeader } from "../../src/rtp/rtcp/reports.ts";
import { RTCP } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { Conference } from "../sim/conference.ts";
import type { SimViewer } from "../sim/sim-viewer.ts";

const SECOND_US = 1_000_000;
const TICK_US = 10_000;
const RECEIVER_SSRC = 77;
/** Behind header and SSRC; reports on what was received follow (RFC 3550 §6.4.1). */
const SENDER_INFO_AT = 8;
const SENDER_INFO_BYTES = 20;
/** Of a voice in a second. */
const VOICE_LOST = 25;

function fractionLost({ core, nowUs }: Conference): number {
  core.command(nowUs, { kind: "stats", requestId: 1, roomId: "room" as RoomId });
  const stats = core.events
    .splice(0)
    .find((event): event is Extract<MediaEvent, { kind: "stats" }> => event.kind === "stats")!;
  return stats.transports.find(({ transportId }) => transportId === "TP_1")!.fractionLost;
}

function losing(block: ReportBlock, lost: number, of: number): ReportBlock {
  const fraction = Math.floor((lost * 256) / of);
  return { ...block, fractionLost: fraction, cumulativeLost: block.cumulativeLost + lost };
}

function blockOf({ statistics, params }: SimViewer, { nowUs }: Conference): ReportBlock {
  return statistics.report(params.ssrc, nowUs);
}

/** Five seconds of a call, after which its receiver, bo, sends what a test says, and nothing else. */
function scene() {
  const call = new Conference({
    people: [
      { name: "ada", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"], numbersPackets: false },
    ],
    seed: 1,
  });
  const { peer } = call.seat("bo");
  call.run(5 * SECOND_US);
  peer.isSilent = true;
  const report = (...blocks: readonly ReportBlock[]): void => {
    const out = new Uint8Array(200);
    const bytes = writeReceiverReport(out, 0, 1, blocks);
    call.receive(peer.sealRtcp(out.subarray(0, bytes)), call.seat("bo").path);
  };
  const reportAsSender = (block: ReportBlock): void => {
    const out = new Uint8Array(200);
    const bytes = writeReceiverReport(out, 0, 1, [block]);
    out.copyWithin(SENDER_INFO_AT + SENDER_INFO_BYTES, SENDER_INFO_AT, bytes);
    out.fill(0, SENDER_INFO_AT, SENDER_INFO_AT + SENDER_INFO_BYTES);
    writeRtcpHeader(out, 0, 1, RTCP.senderReport, bytes + SENDER_INFO_BYTES);
    call.receive(peer.sealRtcp(out.subarray(0, bytes + SENDER_INFO_BYTES)), call.seat("bo").path);
  };
  return {
    call,
    report,
    reportAsSender,
    voice: peer.view("audio", "ada").viewer,
    video: peer.view("video", "ada").viewer,
  };
}

test.each(["first", "last"])("a voice that has lost half its packets, reported %s", (place) => {
  const { call, report, voice, video } = scene();
  const numbersBefore = video.statistics.highestExtSeq;
  call.run(SECOND_US);
  expect(fractionLost(call)).toBe(0);
  const blocks = [losing(blockOf(voice, call), VOICE_LOST, 50), blockOf(video, call)];
  if (place === "last") blocks.reverse();
  report(...blocks);
  const videoPackets = video.statistics.highestExtSeq - numbersBefore;
  expect(videoPackets).toBeGreaterThan(4 * 50);
  expect(fractionLost(call)).toBeGreaterThan(0);
  expect(fractionLost(call)).toBeLessThan((2 * VOICE_LOST) / videoPackets);
});

/** Who also publishes puts them there, and sends no receiver reports (RFC 3550 §6.4). */
test("what a sender report says of what was received counts as much", () => {
  const { call, reportAsSender, voice } = scene();
  call.run(SECOND_US);
  expect(fractionLost(call)).toBe(0);
  reportAsSender(losing(blockOf(voice, call), VOICE_LOST, 50));
  expect(fractionLost(call)).toBeGreaterThan(0);
});

/** Browsers send a report about a voice every five seconds, about a video every second, and each in a packet of its own. */
test("what a voice has lost counts once, and not until the next report about it", () => {
  const { call, report, voice, video } = scene();
  report(blockOf(voice, call));
  const block = blockOf(voice, call);
  report({ ...losing(block, 250, 250), highestSeq: block.highestSeq + 250 });
  const losses = Array.from({ length: 4 }, () => {
    call.run(SECOND_US);
    report(blockOf(video, call));
    return fractionLost(call);
  });
  expect(losses.filter((loss) => loss > 0.1)).toHaveLength(1);
  expect(losses.filter((loss) => loss > 0)).toHaveLength(1);
});

test("what was lost on the way to another network says nothing of that", () => {
  const { call, report, voice } = scene();
  report(blockOf(voice, call));
  const block = blockOf(voice, call);
  // Past the time of its next report, which is not sent; within a second it moves.
  call.run(SECOND_US / 4);
  const { peer } = call.seat("bo");
  peer.isSilent = false;
  call.roam("bo");
  call.run(SECOND_US / 4);
  peer.isSilent = true;
  call.run(SECOND_US);
  report({ ...losing(block, 250, 250), highestSeq: block.highestSeq + 250 });
  expect(fractionLost(call)).toBe(0);
});

/** By it a receiver that sends nothing, and so has no reports on itself, learns its round-trip time (RFC 3611 §4.5). */
test("a receiver's reference time is answered, once, with how long that took", () => {
  const { call } = scene();
  const { peer, path } = call.seat("bo");
  const sentUs = call.nowUs;
  const out = new Uint8Array(100);
  const bytes = writeReferenceTime(out, 0, RECEIVER_SSRC, sentUs);
  call.receive(peer.sealRtcp(out.subarray(0, bytes)), path);
  let answeredUs = 0;
  while (peer.answers.length === 0 && answeredUs < 2 * SECOND_US) {
    call.run(TICK_US);
    answeredUs += TICK_US;
  }
  call.run(3 * SECOND_US);
  expect(peer.answers).toHaveLength(1);
  const [{ ssrc, lastReferenceTime, delay }] = peer.answers as [ReferenceTimeAnswer];
  expect({ ssrc, lastReferenceTime }).toEqual({ ssrc: RECEIVER_SSRC, lastReferenceTime: ntpMiddle(sentUs) });
  // In 1/65536 s.
  const heldUs = (delay * SECOND_US) / 65_536;
  expect(heldUs).toBeGreaterThan(answeredUs - 2 * TICK_US);
  expect(heldUs).toBeLessThanOrEqual(answeredUs);
});
