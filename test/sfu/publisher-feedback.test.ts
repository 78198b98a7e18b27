/**
 * Goal: a publisher hears of each of its streams, however many there are.
 * Method: tracks with one stream each; what is sent is read back as RTCP.
 */
import { expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import { asSsrc, type ParticipantId, type TrackId } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { readReferenceTime } from "../../src/rtp/rtcp/extended-reports.ts";
import { readReportBlocks } from "../../src/rtp/rtcp/reports.ts";
import { RTCP, RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { PublisherFeedback } from "../../src/sfu/publisher-feedback.ts";
import { StreamDemux } from "../../src/sfu/stream-demux.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { extensionMap } from "./packets.ts";
import { VP8 } from "./payloads.ts";

const MAX_DATAGRAM_BYTES = 1_500;

/** What a report on so many streams tells: SSRCs and reference times, by datagram. */
function report(streams: number): { readonly ssrcs: number[]; readonly referenceTimes: number }[] {
  const demux = new StreamDemux();
  for (let n = 1; n <= streams; n++) {
    const track = new UpTrack(
      {
        trackId: `TR${n}` as TrackId,
        publisher: "PA" as ParticipantId,
        kind: "video",
        mid: `${n}`,
        payloads: [VP8],
        rids: [],
        ssrcs: [],
        content: "camera",
      },
      extensionMap({}),
    );
    track.startStream(asSsrc(n), 0, VP8).statistics.onPacket(1, 0, 0);
    demux.add(track);
  }
  const datagrams: Uint8Array[] = [];
  const rtcp = {
    send: (write: (out: Uint8Array, at: number) => number): void => {
      const out = new Uint8Array(2 * MAX_DATAGRAM_BYTES);
      datagrams.push(out.subarray(0, write(out, 0)));
    },
  };
  const context = createCoreContext(new TransmitRing(16), createSharedCounters());
  new PublisherFeedback(demux, rtcp as never, context).tick(1_000_000);
  return datagrams.map(read);
}

function read(datagram: Uint8Array): { ssrcs: number[]; referenceTimes: number } {
  expect(datagram.length).toBeLessThan(MAX_DATAGRAM_BYTES);
  const cursor = new RtcpCursor();
  const told = { ssrcs: [] as number[], referenceTimes: 0 };
  cursor.reset(datagram, datagram.length);
  while (cursor.next()) {
    if (cursor.packetType === RTCP.receiverReport)
      told.ssrcs.push(...readReportBlocks(datagram, cursor)!.map(({ ssrc }) => ssrc));
    if (readReferenceTime(datagram, cursor) !== undefined) told.referenceTimes += 1;
  }
  expect(cursor.complete).toBe(true);
  return told;
}

test.each([1, 31, 32, 64])("%i streams are all reported, once a second each", (streams) => {
  const reports = report(streams);
  expect(reports.flatMap(({ ssrcs }) => ssrcs)).toEqual(Array.from({ length: streams }, (_, i) => i + 1));
  expect(reports.map(({ referenceTimes }) => referenceTimes)).toEqual(
    reports.map((_, i) => (i === 0 ? 1 : 0)),
  );
});
