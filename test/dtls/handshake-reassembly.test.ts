import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeFragment,
  encodeMessage,
  type HandshakeFragment,
  type HandshakeMessage,
  HandshakeReassembler,
  parseFragments,
} from "../../src/dtls/handshake-reassembly.ts";

const message = (messageSeq: number, bytes: number, type = 11): HandshakeMessage => ({
  type,
  messageSeq,
  body: Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + messageSeq) & 0xff),
});

const part = (whole: HandshakeMessage, offset: number, bytes: number): HandshakeFragment => ({
  type: whole.type,
  messageSeq: whole.messageSeq,
  length: whole.body.length,
  offset,
  body: whole.body.subarray(offset, offset + bytes),
});

describe("parseFragments", () => {
  test("reads several messages of one record", () => {
    const first = message(0, 3);
    const second = message(1, 0, 14);
    const payload = Uint8Array.of(...encodeMessage(first), ...encodeMessage(second));
    expect(parseFragments(payload)).toEqual([part(first, 0, 3), part(second, 0, 0)]);
  });

  test("reads a fragment from the middle", () => {
    const whole = message(2, 100);
    expect(parseFragments(encodeFragment(whole, 40, 25))).toEqual([part(whole, 40, 25)]);
  });

  test("refuses a fragment that reaches beyond its message", () => {
    const bytes = encodeFragment(message(2, 100), 40, 60);
    bytes[8] = 41;
    expect(parseFragments(bytes)).toBeUndefined();
  });

  test("refuses every truncation", () => {
    const bytes = encodeMessage(message(1, 20));
    for (let cut = 1; cut < bytes.length; cut++)
      expect(parseFragments(bytes.subarray(0, cut))).toBeUndefined();
  });

  test("never throws on arbitrary bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parseFragments(bytes)));
  });
});

describe("HandshakeReassembler", () => {
  test("delivers messages in order although they arrive backwards", () => {
    const reassembler = new HandshakeReassembler(3);
    reassembler.add(part(message(4, 5), 0, 5));
    expect(reassembler.next()).toBeUndefined();
    reassembler.add(part(message(3, 2), 0, 2));
    expect(reassembler.next()).toEqual(message(3, 2));
    expect(reassembler.next()).toEqual(message(4, 5));
    expect(reassembler.next()).toBeUndefined();
  });

  test("rebuilds a message from fragments of any order and overlap", () => {
    const cut = fc.record({ offset: fc.nat(99), bytes: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 30, size: "max" }), (cuts) => {
        const whole = message(0, 100);
        const reassembler = new HandshakeReassembler(0);
        const missing = new Set(whole.body.keys());
        for (const { offset, bytes } of cuts) {
          const fragment = part(whole, offset, bytes);
          if (missing.size > 0) expect(reassembler.add(fragment)).toBe("kept");
          for (let i = 0; i < fragment.body.length; i++) missing.delete(offset + i);
        }
        expect(reassembler.next()).toEqual(missing.size === 0 ? whole : undefined);
      }),
    );
  });

  test("keeps what came first where fragments differ", () => {
    const reassembler = new HandshakeReassembler(0);
    const forged = { ...message(0, 4), body: Uint8Array.of(9, 9, 9, 9) };
    reassembler.add(part(message(0, 4), 0, 3));
    reassembler.add(part(forged, 0, 4));
    expect(reassembler.next()?.body).toEqual(Uint8Array.of(0, 7, 14, 9));
  });

  test("delivers a message without a body", () => {
    const reassembler = new HandshakeReassembler(0);
    reassembler.add(part(message(0, 0, 14), 0, 0));
    expect(reassembler.next()).toEqual(message(0, 0, 14));
  });

  test("calls a delivered message a repeat", () => {
    const reassembler = new HandshakeReassembler(0);
    reassembler.add(part(message(0, 4), 0, 4));
    reassembler.next();
    expect(reassembler.add(part(message(0, 4), 2, 2))).toBe("repeat");
  });

  test.each([
    ["another type", { ...part(message(0, 10), 5, 5), type: 1 }],
    ["another length", { ...part(message(0, 10), 5, 5), length: 11 }],
    ["a message that is too large", part(message(1, 16_385), 0, 1)],
    ["a message too far ahead", part(message(6, 1), 0, 1)],
  ])("refuses %s", (_name, fragment) => {
    const reassembler = new HandshakeReassembler(0);
    reassembler.add(part(message(0, 10), 0, 5));
    expect(reassembler.add(fragment)).toBe("refused");
  });

  test("a flood of messages ahead is bounded and cannot starve the next message", () => {
    const reassembler = new HandshakeReassembler(0);
    const outcomes = [1, 2, 3, 4, 5].map((seq) => reassembler.add(part(message(seq, 8_000), 0, 1)));
    expect(outcomes).toEqual(["kept", "kept", "refused", "refused", "refused"]);
    expect(reassembler.add(part(message(0, 16_384), 0, 16_384))).toBe("kept");
    expect(reassembler.next()?.body).toHaveLength(16_384);
  });
});
