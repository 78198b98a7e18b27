/** STUN messages for tests: those of RFC 5769, and a builder that shares no code with the sources. */
import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replace(/\s/g, ""), "hex"));

/** RFC 5769 §2: user name `evtj:h6vY`, password below. */
export const RFC5769_PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";

/** §2.1: software, priority, ICE-CONTROLLED, user name. */
export const RFC5769_REQUEST = bytes(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`);

/** §2.2: software, XOR-MAPPED-ADDRESS 192.0.2.1:32853. */
export const RFC5769_IPV4_RESPONSE = bytes(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`);

/** §2.3: software, XOR-MAPPED-ADDRESS [2001:db8:1234:5678:11:2233:4455:6677]:32853. */
export const RFC5769_IPV6_RESPONSE = bytes(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
  80280004 c8fb0b4c`);

export const USERNAME = 0x0006;
export const PRIORITY = 0x0024;
export const USE_CANDIDATE = 0x0025;
export const ICE_CONTROLLED = 0x8029;
export const ICE_CONTROLLING = 0x802a;

export type Attribute = readonly [type: number, value: Uint8Array | string];

export interface RequestShape {
  readonly type?: number;
  readonly attributes: readonly Attribute[];
  /** Signs with it; no MESSAGE-INTEGRITY without. */
  readonly password?: string;
  /** Put after MESSAGE-INTEGRITY, where nothing vouches for them. */
  readonly unsigned?: readonly Attribute[];
  readonly fingerprint?: boolean;
  /** Put after FINGERPRINT, which is made to match them. */
  readonly trailing?: readonly Attribute[];
}

/** Builds a message as RFC 8489 §5 and §14 lay it out. */
export function stunMessage(shape: RequestShape): Uint8Array {
  const header = bytes("0001 0000 2112a442 0102030405060708090a0b0c");
  new DataView(header.buffer).setUint16(0, shape.type ?? 1);
  let message = Buffer.concat([header, ...shape.attributes.map(encode)]);
  if (shape.password !== undefined) {
    message.writeUInt16BE(message.length - 20 + 24, 2);
    const hmac = createHmac("sha1", shape.password).update(message).digest();
    message = Buffer.concat([message, encode([0x0008, hmac])]);
  }
  message = Buffer.concat([message, ...(shape.unsigned ?? []).map(encode)]);
  const trailing = Buffer.concat((shape.trailing ?? []).map(encode));
  if (shape.fingerprint !== false) {
    message.writeUInt16BE(message.length - 20 + 8 + trailing.length, 2);
    const value = Buffer.alloc(4);
    value.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0);
    message = Buffer.concat([message, encode([0x8028, value]), trailing]);
  }
  message.writeUInt16BE(message.length - 20, 2);
  return new Uint8Array(message);
}

function encode([type, value]: Attribute): Buffer {
  const body = Buffer.from(value as Uint8Array);
  const out = Buffer.alloc(4 + ((body.length + 3) & ~3));
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(body.length, 2);
  body.copy(out, 4);
  return out;
}

/** Attributes of a message by type, values without padding. */
export function attributesOf(message: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const found = new Map<number, Uint8Array>();
  for (let at = 20; at < message.length; ) {
    const length = view.getUint16(at + 2);
    found.set(view.getUint16(at), message.slice(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & ~3);
  }
  return found;
}
