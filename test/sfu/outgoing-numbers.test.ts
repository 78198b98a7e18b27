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

/** The encoding sent until now and the other one, both with the timestamp that they had at one instant. */
const FROM = clockAt(3_000);
const TO = clockAt(50_000);
const MS_TICKS = 90;

function clockAt(timestamp: number, ntpUs = 0): SenderClock {
  const clock = new SenderClock();
  clock.onSenderReport(ntpUs, timestamp, 0);
  return clock;
}

/** Milliseconds since the last packet of the old encoding. */
test.each([
  {
    name: "go by when it was captured, not by when it came",
    from: FROM,
    to: TO,
    capturedMs: 100,
    cameMs: 140,
    stepMs: 100,
  },
  {
    name: "go by when it came without reports on the old one",
    from: CLOCK,
    to: TO,
    capturedMs: 100,
    cameMs: 140,
    stepMs: 140,
  },
  {
    name: "go by when it came without reports on the other",
    from: FROM,
    to: CLOCK,
    capturedMs: 100,
    cameMs: 140,
    stepMs: 140,
  },
  {
    name: "go by when it came where the reports cannot be true",
    from: FROM,
    to: clockAt(50_000, 1_100_000),
    capturedMs: 100,
    cameMs: 140,
    stepMs: 140,
  },
  {
    name: "do not go back where it was captured before the last one of the old",
    from: FROM,
    to: TO,
    capturedMs: -20,
    cameMs: 10,
    stepMs: 1,
  },
])("at a switch to another encoding timestamps $name", ({ from, to, capturedMs, cameMs, stepMs }) => {
  const numbers = new OutgoingNumbers(1);
  numbers.resync(packet(1, 3_000, 10), 90_000, undefined, from);
  send(numbers, packet(1, 3_000, 10));
  const first = packet(100, 50_000 + capturedMs * MS_TICKS, 500);
  first.receivedUs = packet(1, 0, 0).receivedUs + cameMs * 1_000;
  numbers.resync(first, 90_000, from, to);
  expect((first.header.timestamp + numbers.timestampOffset) >>> 0).toBe(3_000 + stepMs * MS_TICKS);
});
