/** Goal: of each packet a stream hears once, whatever the publisher repeats. Method: packets and repetitions, by number and time. */
import { expect, test } from "vitest";
import { asSsrc } from "../../src/base/ids.ts";
import { UpStream } from "../../src/sfu/up-stream.ts";
import { extensionMap, upPacket } from "./packets.ts";
import { VP8 } from "./payloads.ts";

const MAP = extensionMap({});
const SSRC = 1;

/** Packets `first` to `last` of 1,100 bytes, so far apart. Returns those that were taken for repetitions. */
function accept(
  stream: UpStream,
  [first, last]: readonly [number, number],
  spacingUs: number,
  fromUs: number,
) {
  const repeated: number[] = [];
  for (let seq = first; seq <= last; seq++) {
    const packet = upPacket(MAP, {
      ssrc: SSRC,
      seq,
      timestamp: 3_000 * seq,
      payload: `1001${"aa".repeat(1_084)}`,
    });
    packet.receivedUs = fromUs + (seq - first) * spacingUs;
    if (stream.isDuplicate(packet.extSeq)) repeated.push(seq);
    else stream.accept(packet, VP8);
  }
  return repeated;
}

test("repetitions are known when the history has no room for what they repeat", () => {
  const stream = new UpStream(asSsrc(SSRC), 0, VP8, MAP);
  // A lap of the history takes more than a second, so that it does not grow, and the next a moment.
  expect(accept(stream, [1, 58], 20_000, 0)).toEqual([]);
  expect(accept(stream, [59, 170], 1_000, 1_200_000)).toEqual([]);
  expect(stream.history.find(1), "forgotten").toBe(-1);
  const all = Array.from({ length: 170 }, (_, i) => i + 1);
  expect(accept(stream, [1, 170], 1_000, 1_400_000)).toEqual(all);
});

test("a missing packet is none, one far behind all others counts as one", () => {
  const stream = new UpStream(asSsrc(SSRC), 0, VP8, MAP);
  accept(stream, [2_000, 2_010], 1_000, 0);
  accept(stream, [2_012, 2_020], 1_000, 20_000);
  expect([2_011, 2_020 - 1_023, 2_020 - 1_024].map((seq) => stream.isDuplicate(seq))).toEqual([
    false,
    false,
    true,
  ]);
});
