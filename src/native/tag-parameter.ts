/**
 * The GCM tag as an OSSL_PARAM (openssl/core.h), the form in which contexts take and give it with two arguments.
 *
 *   | key: pointer to "tag" 8 | type 4, pad 4 | data: pointer to the tag 8 | its size 8 | size returned 8 | 40 zeros |
 *
 * 64-bit machines only, in their own byte order.
 */
import { memory, pointerTo, TAG_AT, TAG_NAME_AT, TAG_PARAMETER_AT } from "./packet-memory.ts";

export const TAG_BYTES = 16;
const OCTET_STRING = 5;
/** "tag", as C writes it. */
const TAG_NAME = [0x74, 0x61, 0x67, 0];

memory.set(TAG_NAME, TAG_NAME_AT);
const fields = new BigUint64Array(memory.buffer, TAG_PARAMETER_AT, 4);
fields[0] = pointerTo(TAG_NAME_AT);
new Uint32Array(memory.buffer, TAG_PARAMETER_AT + 8, 1)[0] = OCTET_STRING;
fields[2] = pointerTo(TAG_AT);
fields[3] = BigInt(TAG_BYTES);

export const tagParameter = pointerTo(TAG_PARAMETER_AT);
