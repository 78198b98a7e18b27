import { expect, test } from "vitest";
import { UNKNOWN_PACKET } from "../../src/cc/sent-packet-log.ts";
import { NO_SOURCE, NOT_SENT, type SentNumbers, SentPackets } from "../../src/sfu/sent-packets.ts";

/** Words that are no numbers when two of them are taken for a double. */
const numbersOf = (extSeq: number): SentNumbers => ({
  marker: extSeq % 2 === 0,
  timestamp: (0xffff_0000 + extSeq) >>> 0,
  frameNumber: extSeq % 3 === 0 ? -1 : extSeq & 0xffff,
  pictureId: extSeq % 5 === 0 ? -1 : extSeq & 0x7fff,
  tl0PicIdx: extSeq % 7 === 0 ? -1 : extSeq & 0xff,
});

function check(sent: SentPackets, from: number, to: number): void {
  for (let extSeq = from; extSeq < to; extSeq++) {
    const row = sent.find(extSeq);
    expect(row, `${extSeq}`).not.toBe(NOT_SENT);
    const read = numbersOf(0);
    sent.read(row, read);
    expect(read).toEqual(numbersOf(extSeq));
    expect([sent.outExtSeq(row), sent.sourceExtSeq(row), sent.encoding(row)]).toEqual([
      extSeq,
      extSeq + 9,
      2,
    ]);
  }
}

test("remembers the latest 512, and 1,024 once it has grown, with nothing lost on the way", () => {
  const sent = new SentPackets();
  sent.grow();
  const add = (from: number, to: number): void => {
    for (let extSeq = from; extSeq < to; extSeq++) sent.add(extSeq, extSeq + 9, 2, numbersOf(extSeq));
  };
  add(1_000, 1_700);
  check(sent, 1_188, 1_700);
  expect(sent.find(1_187)).toBe(NOT_SENT);
  sent.grow();
  check(sent, 1_188, 1_700);
  expect(sent.find(1_187)).toBe(NOT_SENT);
  add(1_700, 2_300);
  sent.grow();
  check(sent, 1_276, 2_300);
});

test("of what can not be read back any more it knows the numbers, and nothing that belongs to a frame", () => {
  const sent = new SentPackets();
  sent.forgetSource();
  for (let extSeq = 1; extSeq <= 8; extSeq++) sent.add(extSeq, 100 + extSeq, extSeq % 2, numbersOf(extSeq));
  const left = (): number[] => {
    const seqs = [1, 2, 3, 4, 5, 6, 7, 8];
    return seqs.filter((extSeq) => sent.sourceExtSeq(sent.find(extSeq)) !== NO_SOURCE);
  };
  sent.forgetSource(0);
  expect(left()).toEqual([1, 3, 5, 7]);
  sent.add(9, 109, 0, numbersOf(9));
  expect(sent.sourceExtSeq(sent.find(9))).toBe(109);
  sent.forgetSource();
  expect(left()).toEqual([]);
  const read = numbersOf(0);
  sent.read(sent.find(8), read);
  const { timestamp } = numbersOf(8);
  expect(read).toEqual({ marker: false, timestamp, frameNumber: -1, pictureId: -1, tl0PicIdx: -1 });
});

test("says nothing of what others were sent whose memory it has taken over", () => {
  const former = new SentPackets();
  for (let extSeq = 1; extSeq < 600; extSeq++) {
    const row = former.add(extSeq, extSeq + 9, 2, numbersOf(extSeq));
    former.setTransportExtSeq(row, 5_000 + extSeq);
    former.setResent(row, extSeq);
  }
  former.free();
  expect(former.find(599)).toBe(NOT_SENT);
  const next = new SentPackets();
  const row = next.add(100, 109, 2, numbersOf(100));
  for (let extSeq = 1; extSeq < 600; extSeq++) if (extSeq !== 100) expect(next.find(extSeq)).toBe(NOT_SENT);
  // A receiver may ask for a number before the first.
  expect(next.find(-1)).toBe(NOT_SENT);
  check(next, 100, 101);
  expect(next.transportExtSeq(row)).toBe(UNKNOWN_PACKET);
  expect(next.resentUs(row)).toBe(Number.NEGATIVE_INFINITY);
});
