/**
 * Goal: to a receiver it is one stream, whatever it is put together from.
 * Method: packets that went out, and the first one of another source.
 */
import { expect, test } from "vitest";
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

test.each([
  ["of a lower layer of the latest picture", 12, 10],
  ["from before a wrap of the numbers", 0x1_0001, 0xfffe],
])(
  "no frame number is given out twice when the packet that went out last was one %s",
  (_which, newest, late) => {
    const numbers = new OutgoingNumbers(1);
    numbers.resync(packet(1, 3000, late), 90_000, undefined, CLOCK);
    numbers.onSent(packet(1, 3000, late));
    numbers.onSent(packet(3, 3000, newest & 0xffff));
    numbers.onSent(packet(2, 3000, late));
    const sent = (newest + numbers.frameNumberOffset) & 0xffff;
    numbers.resync(packet(100, 9000, 500), 90_000, undefined, CLOCK);
    expect((500 + numbers.frameNumberOffset) & 0xffff).toBe(sent + 1);
  },
);
