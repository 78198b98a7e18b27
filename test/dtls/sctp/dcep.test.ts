import fc from "fast-check";
import { expect, test } from "vitest";
import type { ChannelParams } from "../../../src/contract/data.ts";
import { encodeOpen, parseDcep } from "../../../src/dtls/sctp/dcep.ts";
import { hex } from "./packets.ts";
import { LOSSY, RELIABLE } from "./sctp-client.ts";

const open = (params: Partial<ChannelParams>): ChannelParams => ({ ...RELIABLE, ...params });

test.each<[string, string, ChannelParams]>([
  ["reliable", "03 00 0100 00000000 0009 0000 5f72656c6961626c65", RELIABLE],
  ["unordered, no retransmission", "03 81 0100 00000000 0006 0000 5f6c6f737379", LOSSY],
  ["two retransmissions", "03 01 0100 00000002 0001 0000 61", open({ label: "a", maxRetransmits: 2 })],
  [
    "a lifetime",
    "03 82 0100 000003e8 0001 0000 61",
    open({ label: "a", ordered: false, maxLifetimeMs: 1_000 }),
  ],
  ["names", "03 00 0100 00000000 0002 0003 c3a4 616263", open({ label: "ä", protocol: "abc" })],
  ["no names", "03 00 0100 00000000 0000 0000", open({ label: "" })],
])("an OPEN: %s", (_what, bytes, params) => {
  expect(parseDcep(hex(bytes))).toEqual({ kind: "open", params });
  expect(Buffer.from(encodeOpen(params))).toEqual(hex(bytes));
});

test("an ACK", () => expect(parseDcep(hex("02"))).toEqual({ kind: "ack" }));

test.each([
  ["nothing", ""],
  ["an ACK that goes on", "0200"],
  ["another message", "04"],
  ["a short header", "03 00 0100 00000000 0000 00"],
  ["a label beyond the end", "03 00 0100 00000000 0002 0000 61"],
  ["bytes left over", "03 00 0100 00000000 0001 0000 6161"],
  ["an unknown channel type", "03 03 0100 00000000 0001 0000 61"],
  ["a label that is not UTF-8", "03 00 0100 00000000 0001 0000 ff"],
  ["a protocol that is not UTF-8", "03 00 0100 00000000 0000 0001 ff"],
  ["a label of 257 bytes", `03 00 0100 00000000 0101 0000 ${"61".repeat(257)}`],
])("is malformed: %s", (_what, bytes) => expect(parseDcep(hex(bytes))).toEqual({ kind: "malformed" }));

test("arbitrary bytes never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(2, 3, 4), (bytes, type) => {
      parseDcep(Uint8Array.of(type, ...bytes));
    }),
    { numRuns: 5_000 },
  );
});
