/**
 * LiveKit's `DataPacket` (livekit_models.proto) without its payload: which fields say where it goes are read from the
 * protobuf wire format, who sent it is written behind, and all else, known to us or not, is handed on byte by byte.
 *
 *   field  2  user                      its destination_sids are read, its destination_identities where the packet has none
 *          4  participant_identity      written: of two values of a field the later counts
 *          5  destination_identities    read; empty for everybody
 *         16  sequence                  read; of reliable packets, counted by their sender
 *         17  participant_sid           written
 */

const FIELD = {
  malformed: 0,
  user: 2,
  participantIdentity: 4,
  destinationIdentities: 5,
  sequence: 16,
  participantSid: 17,
} as const;
const USER_FIELD = { destinationSids: 3, destinationIdentities: 6 } as const;
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Whom one packet may name. Larger: one message makes more work. Smaller: an application in a large room has to send to
 * everybody.
 */
const MAX_DESTINATIONS = 1_000;

export interface Routing {
  /** By identity. Everybody when nobody is named here or by `sids`. */
  readonly destinations: readonly string[];
  /** Those whom older clients name so, beside the others. */
  readonly sids: readonly string[];
  /** 0 when it has none. */
  readonly sequence: number;
}

/** Undefined when the packet is malformed. */
export function readRouting(packet: Uint8Array): Routing | undefined {
  const named: string[] = [];
  const namedWithin: string[] = [];
  const sids: string[] = [];
  let sequence = 0;
  for (const { field, wire, value, bytes } of fieldsOf(packet)) {
    if (field === FIELD.malformed) return undefined;
    if (field === FIELD.sequence && wire === WIRE.varint) {
      if (value > MAX_U32) return undefined;
      sequence = value;
    } else if (field === FIELD.destinationIdentities && wire === WIRE.bytes) named.push(textOf(bytes));
    else if (field === FIELD.user && wire === WIRE.bytes) readUser(bytes, namedWithin, sids);
    if (Math.max(named.length, namedWithin.length, sids.length) > MAX_DESTINATIONS) return undefined;
  }
  return { destinations: named.length > 0 ? named : namedWithin, sids, sequence };
}

/** Some clients name whom they mean inside of the packet, where it is out of sight when that is encrypted. */
function readUser(user: Uint8Array, identities: string[], sids: string[]): void {
  for (const { field, wire, bytes } of fieldsOf(user)) {
    if (wire !== WIRE.bytes) continue;
    if (field === USER_FIELD.destinationIdentities) identities.push(textOf(bytes));
    else if (field === USER_FIELD.destinationSids) sids.push(textOf(bytes));
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The packet as its receivers get it: with its sender, whatever it said of that itself. */
export function withSender(packet: Uint8Array, identity: string, sid: string): Uint8Array {
  const encoder = new TextEncoder();
  return concatenate([
    packet,
    ...field(FIELD.participantIdentity, encoder.encode(identity)),
    ...field(FIELD.participantSid, encoder.encode(sid)),
  ]);
}

function field(number: number, bytes: Uint8Array): Uint8Array[] {
  return [varint(number * 8 + WIRE.bytes), varint(bytes.length), bytes];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Uint8Array.from([...bytes, rest]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A varint has at most 10 bytes; those of ours fit in 5. */
const MAX_VARINT_BYTES = 10;

/** Of tags, lengths and our `sequence`. Beyond it libraries take the lower bits, and read another message than we do. */
const MAX_U32 = 0xffff_ffff;

interface WireField {
  /** 0, which no field has, when the message is malformed from here on. */
  readonly field: number;
  readonly wire: number;
  /** Of a varint; exact up to 2^53. */
  readonly value: number;
  /** Of anything that has a length. */
  readonly bytes: Uint8Array;
}

const NONE = new Uint8Array(0);
const MALFORMED: WireField = { field: 0, wire: 0, value: 0, bytes: NONE };

/** The fields of a message in their order. Groups went out of use before this protocol began: they are malformed. */
function* fieldsOf(message: Uint8Array): Generator<WireField> {
  let at = 0;
  const varintAt = (): number => {
    let value = 0;
    for (let n = 0; n < MAX_VARINT_BYTES && at < message.length; n++) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * 2 ** (7 * n);
      if (byte < 0x80) return value;
    }
    return -1;
  };
  while (at < message.length) {
    const tag = varintAt();
    const wire = tag % 8;
    const value = wire === WIRE.varint || wire === WIRE.bytes ? varintAt() : 0;
    const length = wire === WIRE.bytes ? value : (FIXED_BYTES.get(wire) ?? -1);
    if (tag < 8 || tag > MAX_U32 || value < 0 || length < 0 || at + length > message.length) {
      yield MALFORMED;
      return;
    }
    yield { field: Math.floor(tag / 8), wire, value, bytes: message.subarray(at, at + length) };
    at += length;
  }
}

/** How many bytes follow a tag, and for a varint its value. */
const FIXED_BYTES: ReadonlyMap<number, number> = new Map([
  [WIRE.varint, 0],
  [WIRE.fixed64, 8],
  [WIRE.fixed32, 4],
]);
