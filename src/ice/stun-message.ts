/**
 * STUN messages of ICE: strict parsing, MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §5, §14; RFC 8445 §7).
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |0 0|     STUN message type     |  length of the attributes     |
 *  |                  magic cookie 0x2112A442                      |
 *  |                  transaction id, 96 bits                      |
 *  |  attribute type               |  length of the value          |
 *  |  value, padded to 4 bytes …                                   |
 */
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { readU16, readU32, writeU16 } from "../base/bytes.ts";
import { crc32 } from "./crc32.ts";

export const STUN_HEADER_BYTES = 20;
export const MAGIC_COOKIE = 0x2112a442;
export const INTEGRITY_BYTES = 20;
const FINGERPRINT_XOR = 0x5354554e;

export const STUN_TYPE = {
  bindingRequest: 0x0001,
  bindingSuccess: 0x0101,
  bindingError: 0x0111,
} as const;

export const ATTRIBUTE = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  messageIntegritySha256: 0x001c,
  passwordAlgorithm: 0x001d,
  userhash: 0x001e,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

/** Types below are comprehension-required, those from here on comprehension-optional (RFC 8489 §14). */
const COMPREHENSION_OPTIONAL = 0x8000;
const UNDERSTOOD: ReadonlySet<number> = new Set(Object.values(ATTRIBUTE));

/** A connectivity check has some 100 bytes. More would only let anybody cost us more CRC per packet. */
const MAX_MESSAGE_BYTES = 1500;
/** Two username fragments of 256 characters and a colon (RFC 8839 §5.4). */
const MAX_USERNAME_BYTES = 513;
/** Types reported in a 420 response; a peer with more learns of the rest once it has dropped these. */
const MAX_UNKNOWN = 8;
const COLON = 0x3a;

/** What `parseStunMessage` found. One instance is reused for all messages. */
export class StunMessage {
  type = 0;
  /** Offset of the value of USERNAME, -1 without one. */
  usernameAt = -1;
  usernameBytes = 0;
  /** Offset of the attribute MESSAGE-INTEGRITY (its header), -1 without one. */
  integrityAt = -1;
  hasFingerprint = false;
  useCandidate = false;
  /** ICE-CONTROLLED: the sender believes that it has the controlled role. */
  iceControlled = false;
  /** Unknown comprehension-required attribute types: `unknown[0, unknownCount)`. */
  readonly unknown = new Uint16Array(MAX_UNKNOWN);
  unknownCount = 0;

  clear(): void {
    this.type = 0;
    this.usernameAt = -1;
    this.usernameBytes = 0;
    this.integrityAt = -1;
    this.hasFingerprint = false;
    this.useCandidate = false;
    this.iceControlled = false;
    this.unknownCount = 0;
  }
}

/**
 * Parses `packet[0, length)` into `out`. Returns false when it is no well-formed STUN message or has a wrong
 * FINGERPRINT; `out` is then unspecified.
 *
 * Of a repeated attribute the first counts. What follows MESSAGE-INTEGRITY is not covered by it, so it is ignored, except
 * FINGERPRINT, which must come last (RFC 8489 §14.5, §14.7).
 */
export function parseStunMessage(packet: Uint8Array, length: number, out: StunMessage): boolean {
  out.clear();
  if (!isStunHeader(packet, length)) return false;
  out.type = readU16(packet, 0);
  let at = STUN_HEADER_BYTES;
  while (at < length) {
    const valueBytes = readU16(packet, at + 2);
    const next = at + 4 + paddedTo4(valueBytes);
    if (next > length || out.hasFingerprint) return false;
    if (!readAttribute(packet, at, valueBytes, out)) return false;
    at = next;
  }
  return true;
}

function readAttribute(packet: Uint8Array, at: number, valueBytes: number, out: StunMessage): boolean {
  const type = readU16(packet, at);
  if (type === ATTRIBUTE.fingerprint) {
    out.hasFingerprint = true;
    return valueBytes === 4 && readU32(packet, at + 4) === fingerprint(packet, 0, at);
  }
  if (out.integrityAt >= 0) return true;
  switch (type) {
    case ATTRIBUTE.messageIntegrity:
      out.integrityAt = at;
      return valueBytes === INTEGRITY_BYTES;
    case ATTRIBUTE.username:
      if (out.usernameAt >= 0) return true;
      out.usernameAt = at + 4;
      out.usernameBytes = valueBytes;
      return true;
    case ATTRIBUTE.useCandidate:
      out.useCandidate = true;
      return valueBytes === 0;
    case ATTRIBUTE.iceControlled:
      out.iceControlled = true;
      return valueBytes === 8;
  }
  if (type < COMPREHENSION_OPTIONAL && !UNDERSTOOD.has(type) && out.unknownCount < MAX_UNKNOWN) {
    out.unknown[out.unknownCount++] = type;
  }
  return true;
}

/**
 * The receiver's username fragment, by which a request finds its agent: USERNAME up to its colon (RFC 8445 §7.2.2). Nothing
 * is authenticated yet. Undefined when the datagram is no STUN message or has no such USERNAME.
 */
export function readStunUsername(packet: Uint8Array, length: number): string | undefined {
  if (!isStunHeader(packet, length)) return undefined;
  let at = STUN_HEADER_BYTES;
  while (at < length) {
    const valueBytes = readU16(packet, at + 2);
    const next = at + 4 + paddedTo4(valueBytes);
    if (next > length) return undefined;
    if (readU16(packet, at) === ATTRIBUTE.username) return receiverFragment(packet, at + 4, valueBytes);
    at = next;
  }
  return undefined;
}

/** The same, of a parsed message. */
export function usernameOf(packet: Uint8Array, message: StunMessage): string | undefined {
  return receiverFragment(packet, message.usernameAt, message.usernameBytes);
}

function receiverFragment(packet: Uint8Array, at: number, bytes: number): string | undefined {
  if (at < 0 || bytes > MAX_USERNAME_BYTES) return undefined;
  const colon = packet.subarray(at, at + bytes).indexOf(COLON);
  return colon < 0 ? undefined : String.fromCharCode(...packet.subarray(at, at + colon));
}

const lengthField = new Uint8Array(2);

/** HMAC-SHA1 of a message up to MESSAGE-INTEGRITY, with a length field that ends with that attribute (RFC 8489 §14.5). */
export function messageIntegrity(
  message: Uint8Array,
  at: number,
  integrityAt: number,
  key: KeyObject,
): Buffer {
  writeU16(lengthField, 0, integrityAt - at + 4 + INTEGRITY_BYTES - STUN_HEADER_BYTES);
  return createHmac("sha1", key)
    .update(message.subarray(at, at + 2))
    .update(lengthField)
    .update(message.subarray(at + 4, integrityAt))
    .digest();
}

/** Whether the parsed message has a MESSAGE-INTEGRITY made with `key`. Compares in constant time. */
export function hasIntegrity(packet: Uint8Array, message: StunMessage, key: KeyObject): boolean {
  if (message.integrityAt < 0) return false;
  const valueAt = message.integrityAt + 4;
  const received = packet.subarray(valueAt, valueAt + INTEGRITY_BYTES);
  return timingSafeEqual(received, messageIntegrity(packet, 0, message.integrityAt, key));
}

/** FINGERPRINT of `message[at, fingerprintAt)`, whose length field already counts that attribute (RFC 8489 §14.7). */
export function fingerprint(message: Uint8Array, at: number, fingerprintAt: number): number {
  return (crc32(message, at, fingerprintAt) ^ FINGERPRINT_XOR) >>> 0;
}

/** Whether there is a STUN header whose length field fits the datagram: attributes then are whole words. */
function isStunHeader(packet: Uint8Array, length: number): boolean {
  if (length < STUN_HEADER_BYTES || length > MAX_MESSAGE_BYTES || length % 4 !== 0) return false;
  if (packet[0]! > 0x3f || readU32(packet, 4) !== MAGIC_COOKIE) return false;
  return readU16(packet, 2) === length - STUN_HEADER_BYTES;
}

function paddedTo4(bytes: number): number {
  return (bytes + 3) & ~3;
}
