/**
 * Goal: to a receiver it is one stream, whatever it is put together from.
 * Method: packets that went out, and the first one of another source.
 */
import { describe, expect, test } from "vitest";
import { OutgoingNumbers } from "../../src/sfu/outgoing-numbers.ts";
import { SenderClock } from "../../src/sfu/sender-clock.ts";
import type { UpPacket } from "../../src/sfu/up-packet.ts";
import { extensionMap, upPacket } from "./packets.ts";

const CLOCK = new SenderClock();

function packet(seq: number, timestamp: number, frameNumber: number): UpPacket {
  const made = upPacket(extensionMap({}), { seq, timestamp });
  made.frame.frameNumber = frameNumber;
  made.receivedUs = seq * 1_000;
  return made;
}

function send(numbers: OutgoingNumbers, sent: UpPacket): void {
  numbers.onSent(sent, numbers.seq.forward(sent.extSeq));
}

test.each([
  ["of a lower layer of the latest picture", 12, 10],
  ["from before a wrap of the numbers", 0x1_0001, 0xfffe],
])(
  "no frame number is given out twice when the packet that went out last was one %s",
  (_which, newest, late) => {
    const numbers = new OutgoingNumbers(1);
    numbers.resync(packet(1, 3000, late), 90_000, undefined, CLOCK);
    send(numbers, packet(1, 3000, late));
    send(numbers, packet(3, 3000, newest & 0xffff));
    send(numbers, packet(2, 3000, late));
    const sent = (newest + numbers.frameNumberOffset) & 0xffff;
    numbers.resync(packet(100, 9000, 500), 90_000, undefined, CLOCK);
    expect((500 + numbers.frameNumberOffset) & 0xffff).toBe(sent + 1);
  },
);

/** Timestamps at 90 kHz come to half their circle after 6.6 hours. */
describe.each([1, 8, 13, 24])("after a silence of %i hours", (hours) => {
  const silenceUs = hours * 3_600_000_000;
  const back = packet(2, (3000 + hours * 3_600 * 90_000) >>> 0, 11);
  back.receivedUs = 1_000 + silenceUs;

  test.each([
    ["after an interruption", true],
    ["without one", false],
  ])("another source follows the picture that went out last, %s", (_how, isInterrupted) => {
    const numbers = new OutgoingNumbers(1);
    numbers.resync(packet(1, 3000, 10), 90_000, undefined, CLOCK);
    send(numbers, packet(1, 3000, 10));
    if (isInterrupted) numbers.resync(back, 90_000, undefined, CLOCK);
    send(numbers, back);
    const sent = (11 + numbers.frameNumberOffset) & 0xffff;
    const timestamp = (back.header.timestamp + numbers.timestampOffset) >>> 0;
    expect(numbers.lastTimestamp).toBe(timestamp);

    const other = packet(100, 9000, 500);
    other.receivedUs = back.receivedUs + 100_000;
    numbers.resync(other, 90_000, undefined, CLOCK);
    expect((500 + numbers.frameNumberOffset) & 0xffff).toBe(sent + 1);
    expect((9000 + numbers.timestampOffset) >>> 0).toBe((timestamp + 9000) >>> 0);
  });
});
