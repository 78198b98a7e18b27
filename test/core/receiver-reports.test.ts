/**
 * Goal: who sends no transport-wide feedback is judged by what it lost of all that it was sent, in whatever order its reports
 * name the streams.
 * Method: a simulated call without loss; then its receiver sends one more compound of reports, in which a voice has lost much.
 */
import { expect, test } from "vitest";
import type { RoomId } from "../../src/base/ids.ts";
import type { MediaEvent } from "../../src/contract/media.ts";
import { type ReportBlock, writeReceiverReport } from "../../src/rtp/rtcp/reports.ts";
import { Conference } from "../sim/conference.ts";
import type { SimViewer } from "../sim/sim-viewer.ts";

const SECOND_US = 1_000_000;
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

test.each(["first", "last"])("a voice that has lost half its packets, reported %s", (place) => {
  const call = new Conference({
    people: [
      { name: "ada", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"], numbersPackets: false },
    ],
    seed: 1,
  });
  const { peer, path } = call.seat("bo");
  const { viewer: voice } = peer.view("audio", "ada");
  const { viewer: video } = peer.view("video", "ada");
  call.run(5 * SECOND_US);
  const numbersBefore = video.statistics.highestExtSeq;
  call.run(SECOND_US);
  expect(fractionLost(call)).toBe(0);
  const blockOf = ({ statistics, params }: SimViewer): ReportBlock =>
    statistics.report(params.ssrc, call.nowUs);
  const blocks = [losing(blockOf(voice), VOICE_LOST, 50), blockOf(video)];
  if (place === "last") blocks.reverse();
  const out = new Uint8Array(200);
  const report = out.subarray(0, writeReceiverReport(out, 0, 1, blocks));
  call.receive(peer.sealRtcp(report), path);
  const videoPackets = video.statistics.highestExtSeq - numbersBefore;
  expect(videoPackets).toBeGreaterThan(4 * 50);
  expect(fractionLost(call)).toBeGreaterThan(0);
  expect(fractionLost(call)).toBeLessThan((2 * VOICE_LOST) / videoPackets);
});
