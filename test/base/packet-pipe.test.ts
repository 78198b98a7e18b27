/**
 * Goal: what the writer puts in comes out once, in order and whole, whatever the two ends do when; and a full pipe
 * drops the newest instead of anything that waits.
 * Method: a random schedule of writes, publications and reads beside a plain array that says what must come.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PacketPipe, type PipeReader } from "../../src/base/packet-pipe.ts";

/** Both ends of one pipe, and what the reader was given. */
function pipe() {
  const memory = PacketPipe.allocate();
  const got: string[] = [];
  const reader: PipeReader = {
    onPipedPacket: (channel, encoding, bytes, length, extSeq, receivedUs) =>
      got.push(
        `${channel}.${encoding} ${extSeq} @${receivedUs} ${Buffer.from(bytes).toString("hex", 0, length)}`,
      ),
    onPipedClock: (channel, encoding, ntpUs, timestamp, receivedUs) =>
      got.push(`${channel}.${encoding} clock ${ntpUs} ${timestamp} @${receivedUs}`),
    onPipedBye: (channel, encoding, receivedUs) => got.push(`${channel}.${encoding} bye @${receivedUs}`),
  };
  return { writer: new PacketPipe(memory), reader: new PacketPipe(memory), got, handler: reader };
}

test("a packet, a clock and a goodbye come out as they went in, when they are published", () => {
  const { writer, reader, got, handler } = pipe();
  expect(writer.writePacket(7, 2, Uint8Array.of(1, 2, 3, 99), 3, 2 ** 33 + 5, 1e12)).toBe(true);
  expect(writer.writeClock(7, 0, 3.9e15, 2 ** 32 - 1, 1e12 + 1)).toBe(true);
  expect(writer.writeBye(7, 2, 1e12 + 2)).toBe(true);
  reader.read(handler);
  expect(got).toEqual([]);
  writer.publish();
  reader.read(handler);
  expect(got).toEqual([
    `7.2 ${2 ** 33 + 5} @1000000000000 010203`,
    `7.0 clock 3900000000000000 ${2 ** 32 - 1} @1000000000001`,
    "7.2 bye @1000000000002",
  ]);
});

test("the reader is woken once for all that is published before it looks", () => {
  const { writer, reader, handler } = pipe();
  const put = () => writer.writePacket(1, 0, Uint8Array.of(0), 1, 1, 1);
  expect(writer.publish()).toBe(false);
  put();
  expect(writer.publish()).toBe(true);
  put();
  expect(writer.publish()).toBe(false);
  reader.read(handler);
  expect(writer.publish()).toBe(false);
  put();
  expect(writer.publish()).toBe(true);
});

test("a packet larger than a slot is refused", () => {
  expect(pipe().writer.writePacket(1, 0, new Uint8Array(2049), 2049, 1, 1)).toBe(false);
});

test("any schedule of writes, publications and reads", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write"), count: fc.integer({ min: 1, max: 700 }) }),
    fc.constant({ kind: "publish", count: 0 }),
    fc.constant({ kind: "read", count: 0 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { writer, reader, got, handler } = pipe();
      const waiting: string[] = [];
      const expected: string[] = [];
      let seq = 0;
      let published = 0;
      for (const { kind, count } of steps) {
        for (let i = 0; i < count; i++) {
          const written = writer.writePacket(1, 0, Uint8Array.of(seq & 0xff), 1, seq, 0);
          expect(written).toBe(waiting.length < 1024);
          if (written) waiting.push(`1.0 ${seq} @0 ${(seq & 0xff).toString(16).padStart(2, "0")}`);
          seq += 1;
        }
        if (kind === "publish") {
          writer.publish();
          published = waiting.length;
        } else if (kind === "read") {
          expected.push(...waiting.splice(0, published));
          published = 0;
          reader.read(handler);
        }
      }
      expect(got).toEqual(expected);
    }),
    { numRuns: 200, seed: 1 },
  );
});
