/**
 * DTLS 1.2 records: strict parsing, headers to write, and the replay window (RFC 6347 §4.1).
 *
 *   0      1         3        5                 11       13
 *  +------+---------+--------+-----------------+--------+----------------+
 *  | type | version | epoch  | sequence number | length | payload ...    |
 *  +------+---------+--------+-----------------+--------+----------------+
 */
import { readU16, readU32, writeU16, writeU32 } from "../base/bytes.ts";

export const RECORD_HEADER_BYTES = 13;

/** Version numbers run backwards: ones' complement of 1.2 and 1.0. */
export const DTLS_1_2 = 0xfefd;
export const DTLS_1_0 = 0xfeff;

export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;

/** 2^14 of plaintext plus 2,048 of expansion (RFC 5246 §6.2.3): more is not a record. */
const MAX_PAYLOAD_BYTES = 0x4000 + 2048;

/** Records read of one datagram. A client's longest flight has five; each costs a flooded thread as much as a datagram. */
const MAX_RECORDS = 16;

const U32 = 0x1_0000_0000;

export interface DtlsRecord {
  readonly contentType: number;
  readonly epoch: number;
  /** 48 bits. */
  readonly sequence: number;
  /** A view into the datagram. */
  readonly payload: Uint8Array;
}

/**
 * The records of one datagram, in order.
 *
 * Ends at the first that is malformed, because the start of the next is then unknown, and after MAX_RECORDS. Version 1.0 is
 * accepted in epoch 0 only, because a client writes it before a version is agreed (RFC 6347 §4.2.1).
 */
export function parseRecords(datagram: Uint8Array): DtlsRecord[] {
  const records: DtlsRecord[] = [];
  let at = 0;
  while (at + RECORD_HEADER_BYTES < datagram.length && records.length < MAX_RECORDS) {
    const contentType = datagram[at]!;
    const version = readU16(datagram, at + 1);
    const epoch = readU16(datagram, at + 3);
    const bytes = readU16(datagram, at + 11);
    const end = at + RECORD_HEADER_BYTES + bytes;
    if (contentType < CHANGE_CIPHER_SPEC || contentType > APPLICATION_DATA) break;
    if (version !== DTLS_1_2 && (version !== DTLS_1_0 || epoch !== 0)) break;
    if (bytes === 0 || bytes > MAX_PAYLOAD_BYTES || end > datagram.length) break;
    const sequence = readU16(datagram, at + 5) * U32 + readU32(datagram, at + 7);
    const payload = datagram.subarray(at + RECORD_HEADER_BYTES, end);
    records.push({ contentType, epoch, sequence, payload });
    at = end;
  }
  return records;
}

/** One record as it goes on the wire. */
export function encodeRecord(record: DtlsRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + record.payload.length);
  bytes[0] = record.contentType;
  writeU16(bytes, 1, DTLS_1_2);
  writeU16(bytes, 3, record.epoch);
  writeU16(bytes, 5, Math.floor(record.sequence / U32));
  writeU32(bytes, 7, record.sequence);
  writeU16(bytes, 11, record.payload.length);
  bytes.set(record.payload, RECORD_HEADER_BYTES);
  return bytes;
}

/** RFC 6347 §4.1.2.6 asks for 32 at least and prefers 64; wider would help only paths that reorder by more. */
const WINDOW = 64;

/**
 * Which of the latest 64 records of an epoch have arrived. Ask before opening a record, and add it only when it is
 * authentic: a forged number would shut out genuine records.
 */
export class ReplayWindow {
  #highest = -1;
  /** Bit `i` stands for `#highest - i`. */
  #seen = 0n;

  isFresh(sequence: number): boolean {
    const age = this.#highest - sequence;
    if (age < 0) return true;
    return age < WINDOW && ((this.#seen >> BigInt(age)) & 1n) === 0n;
  }

  record(sequence: number): void {
    const age = this.#highest - sequence;
    if (age >= 0) {
      this.#seen |= 1n << BigInt(age);
    } else {
      this.#seen = -age < WINDOW ? BigInt.asUintN(WINDOW, (this.#seen << BigInt(-age)) | 1n) : 1n;
      this.#highest = sequence;
    }
  }
}
