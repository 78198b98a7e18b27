/**
 * LiveKit's `DataPacket` (livekit_models.proto) without its payload: which fields say where it goes are read from the
 * protobuf wire format, who sent it is written in, and all else, known to us or not, is handed on byte by byte.
 *
 *   field  2  user                      its destination_sids are read, its destination_identities where the packet has none
 *               1  participant_sid        written, for older clients
 *               5  participant_identity   written, for older clients
 *       3, 7  speaker, transcription    told from the others: they are about whom they name, not about their sender
 *          4  participant_identity      written: of two values of a field the later counts
 *          5  destination_identities    read; empty for everybody
 *         16  sequence                  read; of reliable packets, counted by their sender
 *         17  participant_sid           written
 *
 * Some libraries, protobuf-es among them, read a field by the type that they expect, whatever the wire says, and beyond the
 * end of the message that it is in. A sender could have what we write swallowed so, and keep what it wrote itself. So known
 * fields must be of their type, and the value, of whose depths we know nothing, comes last: beyond it is nothing to swallow.
 *
 *         the packet without its value │ participant_identity, participant_sid │ value
 */

const FIELD = {
  user: 2,
  speaker: 3,
  participantIdentity: 4,
  destinationIdentities: 5,
  transcription: 7,
  sequence: 16,
  participantSid: 17,
} as const;
const USER_FIELD = {
  participantSid: 1,
  destinationSids: 3,
  participantIdentity: 5,
  destinationIdentities: 6,
} as const;
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Wire type by known field. */
type Schema = ReadonlyMap<number, number>;

/** Members of the packet's `oneof value`, of which it has one at most. */
const VALUES = [2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 18];
const PACKET: Schema = schema([1, 16], [4, 5, 17, ...VALUES]);
const USER: Schema = schema([9, 10], [1, 2, 3, 4, 5, 6, 8, 11]);

function schema(varints: readonly number[], bytes: readonly number[]): Schema {
  const wires = (fields: readonly number[], wire: number) => fields.map((field) => [field, wire] as const);
  return new Map([...wires(varints, WIRE.varint), ...wires(bytes, WIRE.bytes)]);
}

/**
 * Destinations of one packet. Larger: one message makes more work. Smaller: an application in a large room has to send to
 * everybody.
 */
const MAX_DESTINATIONS = 1_000;

const decoder = new TextDecoder();

export class ClientPacket {
  /** By identity. Everybody when nobody is named here or by `sids`. */
  readonly destinations: readonly string[];
  /** Destinations that older clients name by sid. */
  readonly sids: readonly string[];
  /** 0 when it has none. */
  readonly sequence: number;
  readonly #bytes: Uint8Array;
  readonly #value: Span;

  private constructor(bytes: Uint8Array, { named, namedWithin, sids, sequence, value }: Findings) {
    this.destinations = named.length > 0 ? named : namedWithin;
    this.sids = sids;
    this.sequence = sequence;
    this.#bytes = bytes;
    this.#value = value;
  }

  /** Undefined when the packet is malformed. Keeps `bytes`. */
  static read(bytes: Uint8Array): ClientPacket | undefined {
    const fields = new Fields(bytes, PACKET);
    const found: Findings = { named: [], namedWithin: [], sids: [], sequence: 0, value: NO_VALUE };
    while (fields.next()) {
      const { field, value, start, from, end } = fields;
      if (field === FIELD.sequence) {
        if (value > MAX_U32) return undefined;
        found.sequence = value;
      } else if (field === FIELD.destinationIdentities) found.named.push(fields.text());
      else if (VALUES.includes(field)) {
        if (found.value !== NO_VALUE) return undefined;
        found.value = { field, start, from, end };
        if (field === FIELD.user && !readUser(bytes.subarray(from, end), found)) return undefined;
      }
      if (Math.max(found.named.length, found.namedWithin.length, found.sids.length) > MAX_DESTINATIONS) {
        return undefined;
      }
    }
    return fields.malformed ? undefined : new ClientPacket(bytes, found);
  }

  /** Whether it says who speaks, or what somebody says: it names whom it is about, whoever that is. */
  get isAboutOthers(): boolean {
    const { field } = this.#value;
    return field === FIELD.speaker || field === FIELD.transcription;
  }

  /** The packet as its receivers get it, with the real sender in place of what it claimed. */
  withSender({ ofPacket, ofUser }: Sender): Uint8Array {
    const bytes = this.#bytes;
    const { field, start, from, end } = this.#value;
    const parts = [bytes.subarray(0, start), bytes.subarray(end), ofPacket];
    if (field !== FIELD.user) parts.push(bytes.subarray(start, end));
    else parts.push(headOf(field, end - from + ofUser.length), bytes.subarray(from, end), ofUser);
    return concatenate(parts);
  }
}

/** The sender fields that are written into a packet. */
export class Sender {
  readonly ofPacket: Uint8Array;
  readonly ofUser: Uint8Array;

  constructor(identity: string, sid: string) {
    this.ofPacket = concatenate([
      ...fieldOf(FIELD.participantIdentity, identity),
      ...fieldOf(FIELD.participantSid, sid),
    ]);
    this.ofUser = concatenate([
      ...fieldOf(USER_FIELD.participantSid, sid),
      ...fieldOf(USER_FIELD.participantIdentity, identity),
    ]);
  }
}

/** Position of a field: its tag, its value, and its end. */
interface Span {
  readonly field: number;
  readonly start: number;
  readonly from: number;
  readonly end: number;
}

const NO_VALUE: Span = { field: 0, start: 0, from: 0, end: 0 };

interface Findings {
  readonly named: string[];
  readonly namedWithin: string[];
  readonly sids: string[];
  sequence: number;
  value: Span;
}

/**
 * Some clients name whom they mean inside of the packet, where it is out of sight when that is encrypted. Returns whether
 * it is well formed.
 */
function readUser(user: Uint8Array, { namedWithin, sids }: Findings): boolean {
  const fields = new Fields(user, USER);
  while (fields.next()) {
    if (fields.field === USER_FIELD.destinationIdentities) namedWithin.push(fields.text());
    else if (fields.field === USER_FIELD.destinationSids) sids.push(fields.text());
  }
  return !fields.malformed;
}

function fieldOf(number: number, text: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  return [headOf(number, bytes.length), bytes];
}

/** Tag and length of a length-delimited field. */
function headOf(number: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + WIRE.bytes), ...varint(length)]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
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

/**
 * Iterates over the fields of a message; members describe the current field. Groups are deprecated in protobuf and not
 * used by this protocol: they count as malformed.
 */
class Fields {
  field = 0;
  /** Of a varint; exact up to 2^53. */
  value = 0;
  /** Where its tag begins, where what follows that and its length, and where it ends. */
  start = 0;
  from = 0;
  end = 0;
  malformed = false;
  readonly #message: Uint8Array;
  readonly #schema: Schema;
  #at = 0;

  constructor(message: Uint8Array, wires: Schema) {
    this.#message = message;
    this.#schema = wires;
  }

  /** False at the end, and where the message is malformed. */
  next(): boolean {
    if (this.#at >= this.#message.length || this.malformed) return false;
    this.start = this.#at;
    const tag = this.#varint();
    const wire = tag % 8;
    this.field = Math.floor(tag / 8);
    this.value = wire === WIRE.varint || wire === WIRE.bytes ? this.#varint() : 0;
    this.from = this.#at;
    this.end = this.#at + (wire === WIRE.bytes ? this.value : (FIXED_BYTES[wire] ?? Number.NaN));
    const isKnown = tag >= 8 && tag <= MAX_U32 && (this.#schema.get(this.field) ?? wire) === wire;
    this.malformed = !(isKnown && this.value >= 0 && this.end <= this.#message.length);
    this.#at = this.end;
    return !this.malformed;
  }

  text(): string {
    return decoder.decode(this.#message.subarray(this.from, this.end));
  }

  /** -1 where there is none. */
  #varint(): number {
    let value = 0;
    let weight = 1;
    for (let n = 0; n < MAX_VARINT_BYTES && this.#at < this.#message.length; n++) {
      const byte = this.#message[this.#at++]!;
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
      weight *= 128;
    }
    return -1;
  }
}

/** How many bytes follow a tag, by wire type, and for a varint its value. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  [WIRE.varint]: 0,
  [WIRE.fixed64]: 8,
  [WIRE.fixed32]: 4,
};
