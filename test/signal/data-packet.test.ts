import { DataPacket, UserPacket } from "@livekit/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRouting, withSender } from "../../src/signal/data-packet.ts";

const user = (fields: object) => ({ case: "user", value: new UserPacket(fields) }) as const;

describe("routing", () => {
  test.each([
    ["nothing", {}, { destinations: [], sids: [], sequence: 0 }],
    [
      "a sequence number",
      { sequence: 4_000_000_000 },
      { destinations: [], sids: [], sequence: 4_000_000_000 },
    ],
    [
      "destinations",
      { destinationIdentities: ["ada", "bö"], sequence: 1 },
      { destinations: ["ada", "bö"], sids: [], sequence: 1 },
    ],
    [
      "destinations inside of it",
      { value: user({ destinationIdentities: ["ada"], payload: new Uint8Array(9) }) },
      { destinations: ["ada"], sids: [], sequence: 0 },
    ],
    [
      "both, of which the outer ones count",
      { destinationIdentities: ["bo"], value: user({ destinationIdentities: ["ada"] }) },
      { destinations: ["bo"], sids: [], sequence: 0 },
    ],
    [
      "sids inside of it, which count beside identities",
      { destinationIdentities: ["bo"], value: user({ destinationSids: ["PA_ada", "PA_cy"] }) },
      { destinations: ["bo"], sids: ["PA_ada", "PA_cy"], sequence: 0 },
    ],
    [
      "sids alone",
      { value: user({ destinationSids: ["PA_ada"], topic: "t" }) },
      { destinations: [], sids: ["PA_ada"], sequence: 0 },
    ],
  ])("a packet with %s", (_title, fields, routing) => {
    expect(readRouting(new DataPacket(fields as object).toBinary())).toEqual(routing);
  });

  test.each([
    ["a tag cut off", [0x80]],
    ["a length beyond the end", [0x2a, 5, 1]],
    ["field 0", [0x02, 0]],
    ["a group", [0x0b]],
    ["a varint without end", [0x80, ...Array(10).fill(0xff)]],
    ["a tag beyond 32 bits", [0x80, 0x81, 0x80, 0x80, 0x10, 0]],
    ["a length beyond 32 bits", [0x2a, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ["a sequence number beyond 32 bits", [0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0x1f]],
  ])("%s is malformed", (_title, bytes) => {
    expect(readRouting(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("a value beyond 32 bits is no fault in a field that is not ours", () => {
    expect(readRouting(Uint8Array.from([0x78, ...Array(9).fill(0xff), 0x01]))).toEqual({
      destinations: [],
      sids: [],
      sequence: 0,
    });
  });

  test("agrees with the protobuf library on packets of every kind", () => {
    const Packet = fc.record({
      destinationIdentities: fc.array(fc.string(), { maxLength: 4 }),
      sequence: fc.nat(2 ** 31 - 1),
      participantIdentity: fc.string(),
      value: fc
        .record({ payload: fc.uint8Array(), destinationSids: fc.array(fc.string(), { maxLength: 4 }) })
        .map((words) => user({ ...words, topic: "t" })),
    });
    fc.assert(
      fc.property(Packet, (fields) => {
        const { destinationIdentities: destinations, sequence } = fields;
        const sids = fields.value.value.destinationSids;
        expect(readRouting(new DataPacket(fields).toBinary())).toEqual({ destinations, sids, sequence });
      }),
    );
  });

  test("no bytes throw", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => void readRouting(bytes)),
      { numRuns: 10_000 },
    );
  });
});

test("a packet gets its true sender, whatever it said, and keeps all else", () => {
  const packet = new DataPacket({
    participantIdentity: "somebody else",
    participantSid: "PA_else",
    sequence: 7,
    value: user({ payload: Uint8Array.of(1, 2, 3), topic: "t" }),
  });
  const identity = "a".repeat(200);
  const sent = DataPacket.fromBinary(withSender(packet.toBinary(), identity, "PA_ada"));
  packet.participantIdentity = identity;
  packet.participantSid = "PA_ada";
  expect(sent).toEqual(packet);
});

test("nobody hides the true sender in a field of which others read another type", () => {
  const said = new DataPacket({
    participantIdentity: "bo",
    participantSid: "PA_bo",
    value: user({ payload: Uint8Array.of(1) }),
  });
  const sender = withSender(new Uint8Array(0), "mallory", "PA_mallory");
  // Field 15 with a length and bit 63 set: the library takes the lower 32 bits of a tag, and a double loses them.
  const tag = [0x7a | 0x80, ...Array(8).fill(0x80), 0x01];
  expect(readRouting(Uint8Array.from([...said.toBinary(), ...tag, sender.length]))).toBeUndefined();
});
