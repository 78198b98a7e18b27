/**
 * Goal: a gap in the numbers that a receiver sees is a loss of something that it should have had, and nothing else.
 * Method: a way up on which packets overtake each other and none is lost, and a viewer who changes layers and pauses all
 * the time.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";
import { seededRandom } from "../sim/seeded-random.ts";
import { VIDEO_PAYLOAD } from "../sim/session-parameters.ts";
import { type MadePacket, type SimRtpStream, TAG_BYTES } from "../sim/sim-rtp-stream.ts";

const MS = 1_000;
const HEADER_BYTES = 12;
const PADDING_BYTES = 224;
const UP = { delayUs: 25 * MS, jitterUs: 40 * MS };

test.each([
  ["simulcast", 1],
  ["simulcast", 2],
  ["svc", 1],
  ["svc", 2],
] as const)("%s: no number is left out where nothing was lost, seed %i", (sends, seed) => {
  const call = new Conference({
    people: [
      { name: "ada", sends, watches: [], up: UP },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed,
  });
  const random = seededRandom(seed);
  call.run(2_000 * MS);
  for (let wishes = 0; wishes < 20; wishes++) {
    const paused = random() < 0.2;
    const preferred = { spatial: Math.floor(random() * 3), temporal: Math.floor(random() * 3) };
    call.prefer("bo", "ada", { ...NO_PREFERENCE, paused, preferred });
    call.run(Math.floor(random() * 2_000) * MS);
  }
  // What is under way at the end is no gap.
  call.prefer("bo", "ada", { ...NO_PREFERENCE, paused: true });
  call.run(200 * MS);
  const { viewer } = call.seat("bo").peer.view("video", "ada");
  expect(viewer.decoder.shown.length).toBeGreaterThan(200);
  expect(viewer.numbers.gaps).toBe(0);
});

/** As browsers send it to probe for bandwidth where RTX is not negotiated: part of no picture, and with numbers between them. */
test("padding in a publisher's stream is not passed on, and leaves no gap", () => {
  const call = new Conference({
    people: [
      { name: "ada", sends: "svc", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed: 1,
  });
  const ada = call.seat("ada");
  const [stream] = ada.peer.publisher.encodings;
  call.run(2_000 * MS);
  for (let probes = 0; probes < 5; probes++) {
    for (let packets = 0; packets < 3; packets++) call.receive(ada.peer.sealRtp(padding(stream!)), ada.path);
    call.run(100 * MS);
  }
  call.run(200 * MS);
  const { viewer } = call.seat("bo").peer.view("video", "ada");
  expect(call.core.counters[SLOT.upDropped_padding_only]).toBe(15);
  expect(call.core.counters[SLOT.downEmptyPackets]).toBe(0);
  expect(viewer.numbers.gaps).toBe(0);
});

/** The next packet of a stream: a header, and bytes of which the last tells their number (RFC 3550 §5.1). */
function padding(stream: SimRtpStream): MadePacket {
  const extSeq = stream.extSeq++;
  const bytes = HEADER_BYTES + PADDING_BYTES;
  const buffer = Buffer.alloc(bytes + TAG_BYTES);
  buffer[0] = 0xa0;
  buffer[1] = VIDEO_PAYLOAD.svc.payloadType;
  buffer.writeUInt16BE(extSeq & 0xffff, 2);
  buffer.writeUInt32BE(stream.ssrc, 8);
  buffer[bytes - 1] = PADDING_BYTES;
  return { buffer, bytes, headerBytes: HEADER_BYTES, extSeq };
}
