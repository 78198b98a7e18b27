/**
 * The address of a GCM tag as an OSSL_PARAM (openssl/core.h), with which setting and getting it takes two arguments.
 *
 *   | key: pointer to "tag" 8 | type 4, pad 4 | data: pointer to the tag 8 | its size 8 | size returned 8 | 40 zeros |
 *
 * 64-bit machines only, in native byte order.
 */
import { memory, pointerTo, TAG_NAME_AT, TAG_PARAMETER_AT } from "./packet-memory.ts";
import { writePointer } from "./word.ts";

export const TAG_BYTES = 16;
const OCTET_STRING = 5;
/** "tag", as C writes it. */
const TAG_NAME = [0x74, 0x61, 0x67, 0];

memory.set(TAG_NAME, TAG_NAME_AT);
const fields = new BigUint64Array(memory.buffer, TAG_PARAMETER_AT, 4);
fields[0] = pointerTo(TAG_NAME_AT);
fields[3] = BigInt(TAG_BYTES);
const words = new Uint32Array(memory.buffer, TAG_PARAMETER_AT, 8);
words[2] = OCTET_STRING;

const pointer = pointerTo(TAG_PARAMETER_AT);

/** The parameter for the tag at this address, valid until the next call. */
export function tagAt(address: number): bigint {
  writePointer(words, 4, address);
  return pointer;
}
