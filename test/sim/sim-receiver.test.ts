/** Goal: a simulated receiver sends the feedback that a browser would, since the server's estimate is based on it. */
import { describe, expect, test } from "vitest";
import { readMediaSsrc, readNack } from "../../src/rtp/rtcp/feedback.ts";
import { readReportBlocks } from "../../src/rtp/rtcp/reports.ts";
import { FEEDBACK, RTCP, RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { DELTA_US, TransportWideReader } from "../../src/rtp/rtcp/transport-wide.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import { MID, VIDEO_PAYLOAD } from "./session-parameters.ts";
import { SimCamera } from "./sim-camera.ts";
import { SimReceiver } from "./sim-receiver.ts";
import { SimRtpStream } from "./sim-rtp-stream.ts";
import { SimViewer } from "./sim-viewer.ts";

const MS = 1_000;
const SSRC = 7;
const PUBLISHER = 3;
const START_US = 1_000 * MS;

interface Said {
  readonly atUs: number;
  readonly packet: Uint8Array;
  readonly cursor: RtcpCursor;
}

/** The RTCP of a receiver while it gets `pictures` of 33 ms. `isLost`: by index of the packet among all. */
function watch(pictures: number, isLost: (packet: number) => boolean): { said: Said[]; viewer: SimViewer } {
  const payload = VIDEO_PAYLOAD.svc;
  const stream = new SimRtpStream({
    ssrc: SSRC,
    rtxSsrc: SSRC + 1,
    payload,
    mid: MID.video,
    encoding: -1,
    timestampOffset: 0,
    firstExtSeq: 65_000,
    transportSeq: { next: 100 },
  });
  const camera = new SimCamera("svc", [stream], PUBLISHER, 1);
  const receiver = new SimReceiver();
  const viewer = new SimViewer({
    kind: "video",
    ssrc: SSRC,
    rtxSsrc: SSRC + 1,
    payload,
    publisher: PUBLISHER,
  });
  receiver.add(viewer);
  const header = new RtpHeader();
  const said: Said[] = [];
  let packets = 0;
  for (let nowUs = START_US; nowUs < START_US + pictures * 33 * MS; nowUs += MS) {
    if ((nowUs - START_US) % (33 * MS) === 0) {
      for (const { packet } of camera.capture(nowUs)) {
        const { buffer, bytes } = stream.write(packet, nowUs);
        if (isLost(packets++)) continue;
        parseRtpHeader(buffer, bytes, header);
        receiver.receive(buffer, bytes, header, nowUs);
      }
    }
    receiver.report(nowUs, (packet) => {
      const cursor = new RtcpCursor();
      cursor.reset(packet, packet.length);
      expect(cursor.next()).toBe(true);
      said.push({ atUs: nowUs, packet, cursor });
    });
  }
  return { said, viewer };
}

const ofType = (said: readonly Said[], packetType: number, count: number): Said[] =>
  said.filter(({ cursor }) => cursor.packetType === packetType && cursor.count === count);

describe("a receiver that misses every tenth packet", () => {
  const { said, viewer } = watch(40, (packet) => packet % 10 === 9);

  test("reports each transport-wide number every 50 ms, with its arrival", () => {
    const feedback = ofType(said, RTCP.transportFeedback, FEEDBACK.transportWide);
    expect(feedback.length).toBeGreaterThan((40 * 33) / 70);
    expect(feedback.length).toBeLessThanOrEqual(1 + (40 * 33) / 50);
    const arrivals = new Map<number, number>();
    for (const { packet, cursor } of feedback) {
      const reader = new TransportWideReader();
      expect(reader.open(packet, cursor)).toBe(true);
      const noteLost = (): void => {
        for (let i = reader.lost; i > 0; i--) arrivals.set((reader.seq - i) & 0xffff, -1);
      };
      while (reader.next()) {
        noteLost();
        arrivals.set(reader.seq, reader.arrivalUs);
      }
      noteLost();
    }
    expect([...arrivals.keys()][0]).toBe(100);
    for (const [seq, arrivalUs] of arrivals) {
      const packet = seq - 100;
      expect(arrivalUs < 0, `${packet}`).toBe(packet % 10 === 9);
      if (arrivalUs >= 0) expect((arrivalUs - START_US) % (33 * MS)).toBeLessThan(DELTA_US);
    }
  });

  test("asks for what is missing, and for a key frame when that does not come", () => {
    const asked = new Set<number>();
    for (const { packet, cursor } of ofType(said, RTCP.transportFeedback, FEEDBACK.nack)) {
      expect(readMediaSsrc(packet, cursor)).toBe(SSRC);
      readNack(packet, cursor, (seq) => asked.add(seq));
    }
    for (let packet = 9; packet < 100; packet += 10) expect(asked.has((65_000 + packet) & 0xffff)).toBe(true);
    expect(ofType(said, RTCP.payloadFeedback, FEEDBACK.pli).length).toBeGreaterThan(0);
    expect(viewer.decoder.shown.length).toBeLessThan(5);
  });

  test("reports its losses each second", () => {
    const reports = ofType(said, RTCP.receiverReport, 1);
    expect(reports.map(({ atUs }) => atUs - START_US)).toEqual([0, 1_000 * MS]);
    const [block] = readReportBlocks(reports[1]!.packet, reports[1]!.cursor)!;
    expect(block).toMatchObject({ ssrc: SSRC });
    expect(block!.fractionLost / 256).toBeCloseTo(0.1, 1);
  });
});

test("a receiver that misses nothing shows every picture and asks for nothing", () => {
  const { said, viewer } = watch(40, () => false);
  expect(viewer.decoder.shown.map(({ layer }) => layer)).toEqual(new Array(40).fill(2));
  expect(viewer.counts).toEqual({ repaired: 0, forged: 0 });
  expect(ofType(said, RTCP.transportFeedback, FEEDBACK.nack)).toEqual([]);
  expect(ofType(said, RTCP.payloadFeedback, FEEDBACK.pli)).toEqual([]);
});
