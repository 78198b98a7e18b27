/** Responses to authenticated Binding requests, at most 100 bytes (RFC 8489 §6.3, §14; RFC 8445 §7.3). */
import type { KeyObject } from "node:crypto";
import { writeU16, writeU32 } from "../base/bytes.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import {
  ATTRIBUTE,
  fingerprint,
  INTEGRITY_BYTES,
  MAGIC_COOKIE,
  messageIntegrity,
  STUN_HEADER_BYTES,
  STUN_TYPE,
  type StunMessage,
} from "./stun-message.ts";

const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;

/** RFC 8489 §14.8, RFC 8445 §7.3.1.1. */
const REASON = { 420: "Unknown Attribute", 487: "Role Conflict" } as const;

const addressScratch = new Uint8Array(16);

/**
 * Writes a success response to `request` at `out[at]`, with the sender's address as XOR-MAPPED-ADDRESS, signed with
 * the local password. Returns its size, or 0 when `address` is no IP address.
 */
export function writeBindingSuccess(
  out: Uint8Array,
  at: number,
  request: Uint8Array,
  address: string,
  port: number,
  key: KeyObject,
): number {
  const addressBytes = parseIpAddress(address, addressScratch);
  if (addressBytes === 0) return 0;
  writeHeader(out, at, STUN_TYPE.bindingSuccess, request);

  const attributeAt = at + STUN_HEADER_BYTES;
  writeU16(out, attributeAt, ATTRIBUTE.xorMappedAddress);
  writeU16(out, attributeAt + 2, 4 + addressBytes);
  writeU16(out, attributeAt + 4, addressBytes === 4 ? FAMILY_IPV4 : FAMILY_IPV6);
  writeU16(out, attributeAt + 6, port ^ (MAGIC_COOKIE >>> 16));
  // The mask is the header's cookie and transaction id.
  for (let i = 0; i < addressBytes; i++) out[attributeAt + 8 + i] = addressScratch[i]! ^ out[at + 4 + i]!;
  return finish(out, at, attributeAt + 8 + addressBytes, key);
}

/** Writes an error response to `request` at `out[at]`; `message` is the request, parsed. Returns its size. */
export function writeBindingError(
  out: Uint8Array,
  at: number,
  request: Uint8Array,
  message: StunMessage,
  code: keyof typeof REASON,
  key: KeyObject,
): number {
  writeHeader(out, at, STUN_TYPE.bindingError, request);
  const reason = REASON[code];
  let end = at + STUN_HEADER_BYTES;
  writeU16(out, end, ATTRIBUTE.errorCode);
  writeU16(out, end + 2, 4 + reason.length);
  writeU16(out, end + 4, 0);
  out[end + 6] = Math.floor(code / 100);
  out[end + 7] = code % 100;
  for (let i = 0; i < reason.length; i++) out[end + 8 + i] = reason.charCodeAt(i);
  end = pad(out, at, end + 8 + reason.length);

  if (code === 420) {
    writeU16(out, end, ATTRIBUTE.unknownAttributes);
    writeU16(out, end + 2, 2 * message.unknownCount);
    for (let i = 0; i < message.unknownCount; i++) writeU16(out, end + 4 + 2 * i, message.unknown[i]!);
    end = pad(out, at, end + 4 + 2 * message.unknownCount);
  }
  return finish(out, at, end, key);
}

/** The type, and the request's cookie and transaction id; `finish` fills in the length. */
function writeHeader(out: Uint8Array, at: number, type: number, request: Uint8Array): void {
  writeU16(out, at, type);
  for (let i = 4; i < STUN_HEADER_BYTES; i++) out[at + i] = request[i]!;
}

/** Zeros up to a multiple of four bytes from the message's start. */
function pad(out: Uint8Array, at: number, from: number): number {
  let end = from;
  while ((end - at) % 4 !== 0) out[end++] = 0;
  return end;
}

/** Appends MESSAGE-INTEGRITY and FINGERPRINT. Returns the size of the whole message. */
function finish(out: Uint8Array, at: number, integrityAt: number, key: KeyObject): number {
  writeU16(out, integrityAt, ATTRIBUTE.messageIntegrity);
  writeU16(out, integrityAt + 2, INTEGRITY_BYTES);
  out.set(messageIntegrity(out, at, integrityAt, key), integrityAt + 4);

  const fingerprintAt = integrityAt + 4 + INTEGRITY_BYTES;
  const bytes = fingerprintAt + 8 - at;
  writeU16(out, at + 2, bytes - STUN_HEADER_BYTES);
  writeU16(out, fingerprintAt, ATTRIBUTE.fingerprint);
  writeU16(out, fingerprintAt + 2, 4);
  writeU32(out, fingerprintAt + 4, fingerprint(out, at, fingerprintAt));
  return bytes;
}
