import { ScalarType } from "@bufbuild/protobuf";
import { ChatMessage, DataPacket, UserPacket } from "@livekit/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientPacket, Sender } from "../../src/signal/data-packet.ts";

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
    expect(ClientPacket.read(new DataPacket(fields as object).toBinary())).toEqual(routing);
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
    expect(ClientPacket.read(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("a value beyond 32 bits is no fault in a field that is not ours", () => {
    expect(ClientPacket.read(Uint8Array.from([0xa0, 0x01, ...Array(9).fill(0xff), 0x01]))).toEqual({
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
        expect(ClientPacket.read(new DataPacket(fields).toBinary())).toEqual({
          destinations,
          sids,
          sequence,
        });
      }),
    );
  });

  test("no bytes throw", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => void ClientPacket.read(bytes)),
      { numRuns: 10_000 },
    );
  });
});

test("a packet gets its true sender, whatever it said, and keeps all else", () => {
  const packet = new DataPacket({
    participantIdentity: "somebody else",
    participantSid: "PA_else",
    sequence: 7,
    value: user({
      payload: Uint8Array.of(1, 2, 3),
      topic: "t",
      participantIdentity: "somebody else",
      participantSid: "PA_else",
    }),
  });
  const identity = "a".repeat(200);
  const sent = DataPacket.fromBinary(sentBy(packet.toBinary(), identity, "PA_ada"));
  packet.participantIdentity = identity;
  packet.participantSid = "PA_ada";
  Object.assign(packet.value.value!, { participantIdentity: identity, participantSid: "PA_ada" });
  expect(sent).toEqual(packet);
});

test("what is not known to us is kept, in the packet and in what a user sends", () => {
  const unknown = Uint8Array.of(0xaa, 0x06, 2, 1, 2);
  const inner = [...new UserPacket({ topic: "t" }).toBinary(), ...unknown];
  const packet = Uint8Array.from([...unknown, 0x12, inner.length, ...inner, ...unknown]);
  const sent = DataPacket.fromBinary(sentBy(packet, "ada", "PA_ada"));
  const kept = { no: 101, wireType: 2, data: Uint8Array.of(2, 1, 2) };
  expect(sent.getType().runtime.bin.listUnknownFields(sent)).toEqual([kept, kept]);
  const said = sent.value.value as UserPacket;
  expect(said).toMatchObject({ topic: "t", participantIdentity: "ada" });
  expect(said.getType().runtime.bin.listUnknownFields(said)).toEqual([kept]);
});

test("every field that the library knows is taken as it writes it, and not otherwise", () => {
  const wiresOf = (type: typeof DataPacket | typeof UserPacket) =>
    type.fields.list().map((info) => {
      const isText = info.kind === "scalar" && [ScalarType.STRING, ScalarType.BYTES].includes(info.T);
      return [info.no, info.kind === "message" || isText ? 2 : 0] as const;
    });
  // A number that is 0, or no bytes.
  const field = (no: number, wire: number): number[] =>
    no < 16 ? [no * 8 + wire, 0] : [((no * 8) & 0x7f) | wire | 0x80, no >> 4, 0];
  const isRead = (bytes: number[]): boolean => ClientPacket.read(Uint8Array.from(bytes)) !== undefined;
  for (const [no, wire] of wiresOf(DataPacket)) {
    expect([no, isRead(field(no, wire)), isRead(field(no, 2 - wire))]).toEqual([no, true, false]);
  }
  const inUser = (bytes: number[]): number[] => [0x12, bytes.length, ...bytes];
  for (const [no, wire] of wiresOf(UserPacket)) {
    const [good, bad] = [inUser(field(no, wire)), inUser(field(no, 2 - wire))];
    expect([no, isRead(good), isRead(bad)]).toEqual([no, true, false]);
  }
});

test("what is no packet of a user does not become one", () => {
  for (const value of [
    { case: "chatMessage", value: new ChatMessage({ message: "hello" }) },
    { case: undefined },
  ] as const) {
    const sent = DataPacket.fromBinary(sentBy(new DataPacket({ value }).toBinary(), "ada", "PA_ada"));
    expect(sent).toEqual(new DataPacket({ value, participantIdentity: "ada", participantSid: "PA_ada" }));
  }
});

describe("nobody hides the true sender", () => {
  const MALLORY = new Sender("mallory", "PA_mallory");
  const said = new DataPacket({ participantIdentity: "bo", participantSid: "PA_bo" }).toBinary();
  const spoken = new DataPacket({
    value: user({ payload: Uint8Array.of(1), participantIdentity: "bo", participantSid: "PA_bo" }),
  }).toBinary();
  /** What is written of the sender takes 22 bytes in the packet, and 21 in what a user sends. */
  const lengths = Array.from({ length: 80 }, (_, length) => length);

  test.each<[string, (length: number) => number[]]>([
    ["a tag of which 64 bits count", (n) => [0x7a | 0x80, ...Array(8).fill(0x80), 0x01, n]],
    ["a text that is a number on the wire", (n) => [0x88, 0x01, n]],
    ["a message that is a number on the wire", (n) => [0x48, n]],
    ["a number that is a text on the wire", (n) => [0x0a, 2, 0x22, n]],
    ["a message that ends beyond its end", (n) => [0x4a, 2, 0x22, n]],
    [
      "a message that ends beyond its end in what is unknown",
      (n) => [0x4a, 2, 0x22, 2, 0xaa, 0x06, 2, 0x22, n],
    ],
    ["something of a user that ends beyond it", (n) => [0x12, 2, 0x12, n]],
    ["a number of a user that is a text on the wire", (n) => [0x12, 4, 0x4a, 2, 0x12, n]],
    ["a user before another value", (n) => [...spoken, 0x4a, 2, 0x22, n]],
    ["another value before a user", (n) => [0x4a, 2, 0x22, n, ...spoken]],
    ["two users", (n) => [...spoken, 0x12, 2, 0x22, n]],
  ])("in %s", (_title, tail) => {
    for (const length of lengths) {
      const packet = ClientPacket.read(Uint8Array.from([...said, ...tail(length)]));
      const received = packet && parsed(packet.withSender(MALLORY));
      if (received === undefined) continue;
      expect(received).toMatchObject({ participantIdentity: "mallory", participantSid: "PA_mallory" });
      if (received.value.case !== "user") continue;
      expect(received.value.value).toMatchObject({
        participantIdentity: "mallory",
        participantSid: "PA_mallory",
      });
    }
  });

  test("in any bytes, and whoever reads a packet reads the true one", () => {
    const piece = fc.oneof(
      fc.constantFrom(...[said, spoken].map((bytes) => [...bytes])),
      fc.constantFrom([21], [22], [43]),
      fc.constantFrom([0x0a], [0x12], [0x22, 2, 98, 111], [0x4a], [0x88, 0x01], [0x80, 0x01], [0xaa, 0x06]),
      fc.array(fc.nat(127), { maxLength: 3 }),
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const packet = ClientPacket.read(Uint8Array.from(pieces.flat()));
        const received = packet && parsed(packet.withSender(MALLORY));
        if (received === undefined) return;
        read += 1;
        expect(received.participantIdentity).toBe("mallory");
        if (received.value.case === "user") expect(received.value.value.participantIdentity).toBe("mallory");
      }),
      { numRuns: 20_000, seed: 4 },
    );
    expect(read).toBeGreaterThan(1_000);
  });
});

function sentBy(packet: Uint8Array, identity: string, sid: string): Uint8Array {
  return ClientPacket.read(packet)!.withSender(new Sender(identity, sid));
}

/** As a receiver reads it; undefined when it can not. */
function parsed(packet: Uint8Array): DataPacket | undefined {
  try {
    return DataPacket.fromBinary(packet);
  } catch {
    return undefined;
  }
}
