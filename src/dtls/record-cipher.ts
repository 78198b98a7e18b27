/** AES-128-GCM for one direction of epoch 1 (RFC 5288 §3, RFC 5246 §6.2.3.3). */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { writeU16, writeU32 } from "../base/bytes.ts";
import { prf } from "./prf.ts";
import { DTLS_1_2, type DtlsRecord } from "./record-layer.ts";

const KEY_BYTES = 16;
/** First four bytes of the nonce, secret and fixed. */
const SALT_BYTES = 4;
/** The other eight, sent in front of the ciphertext. */
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
const OVERHEAD_BYTES = EXPLICIT_NONCE_BYTES + TAG_BYTES;
const U32 = 0x1_0000_0000;

export class RecordCipher {
  readonly #key: Uint8Array;
  readonly #salt: Uint8Array;

  /** Copies both: a view would keep alive the whole pool that Node cut it from, 34 KB per association as measured. */
  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#key = Uint8Array.from(key);
    this.#salt = Uint8Array.from(salt);
  }

  /** The same record with its payload encrypted. The explicit nonce is epoch and sequence number, unique per key. */
  seal(record: DtlsRecord): DtlsRecord {
    const numbers = sequenceBytes(record);
    const cipher = createCipheriv("aes-128-gcm", this.#key, Buffer.concat([this.#salt, numbers]));
    cipher.setAAD(additionalData(record, record.payload.length));
    const ciphertext = cipher.update(record.payload);
    cipher.final();
    return { ...record, payload: Buffer.concat([numbers, ciphertext, cipher.getAuthTag()]) };
  }

  /** The plaintext, or undefined when the record is not authentic. */
  open(record: DtlsRecord): Uint8Array | undefined {
    const { payload } = record;
    if (payload.length < OVERHEAD_BYTES) return undefined;
    const tagAt = payload.length - TAG_BYTES;
    const nonce = Buffer.concat([this.#salt, payload.subarray(0, EXPLICIT_NONCE_BYTES)]);
    const decipher = createDecipheriv("aes-128-gcm", this.#key, nonce);
    decipher.setAAD(additionalData(record, payload.length - OVERHEAD_BYTES));
    decipher.setAuthTag(payload.subarray(tagAt));
    const plaintext = decipher.update(payload.subarray(EXPLICIT_NONCE_BYTES, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  }
}

export interface RecordCiphers {
  readonly client: RecordCipher;
  readonly server: RecordCipher;
}

/** Splits the key block (RFC 5246 §6.3): keys of client and server, then their salts; AEAD has no MAC keys. */
export function deriveRecordCiphers(
  masterSecret: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): RecordCiphers {
  const seed = Buffer.concat([serverRandom, clientRandom]);
  const block = prf(masterSecret, "key expansion", seed, 2 * (KEY_BYTES + SALT_BYTES));
  const salts = 2 * KEY_BYTES;
  return {
    client: new RecordCipher(block.subarray(0, KEY_BYTES), block.subarray(salts, salts + SALT_BYTES)),
    server: new RecordCipher(block.subarray(KEY_BYTES, salts), block.subarray(salts + SALT_BYTES)),
  };
}

function sequenceBytes(record: DtlsRecord): Uint8Array {
  const bytes = new Uint8Array(EXPLICIT_NONCE_BYTES);
  writeU16(bytes, 0, record.epoch);
  writeU16(bytes, 2, Math.floor(record.sequence / U32));
  writeU32(bytes, 4, record.sequence);
  return bytes;
}

function additionalData(record: DtlsRecord, plaintextBytes: number): Uint8Array {
  const bytes = new Uint8Array(13);
  bytes.set(sequenceBytes(record));
  bytes[8] = record.contentType;
  writeU16(bytes, 9, DTLS_1_2);
  writeU16(bytes, 11, plaintextBytes);
  return bytes;
}
