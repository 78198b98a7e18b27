/**
 * Turns our flights into datagrams (RFC 6347 §4.1.1, §4.2.3): fragments large messages, packs small ones together, and gives
 * every record a new number each time it is sent. (werift numbers all records of a message alike, and repeats the numbers on
 * retransmission; a peer's replay window drops such records.)
 */
import { encodeFragment, HANDSHAKE_HEADER_BYTES, type HandshakeMessage } from "./handshake-reassembly.ts";
import type { RecordCipher } from "./record-cipher.ts";
import { CHANGE_CIPHER_SPEC, encodeRecord, HANDSHAKE, RECORD_HEADER_BYTES } from "./record-layer.ts";

/** Fits every path that carries WebRTC; larger risks IP fragmentation, and many firewalls drop fragments. */
const MAX_DATAGRAM_BYTES = 1200;

/** Explicit nonce and tag of AES-GCM. */
const SEAL_BYTES = 24;
const MAX_FRAGMENT_BYTES = MAX_DATAGRAM_BYTES - RECORD_HEADER_BYTES - SEAL_BYTES - HANDSHAKE_HEADER_BYTES;

/** A record without its number. */
export interface FlightRecord {
  readonly contentType: number;
  readonly epoch: 0 | 1;
  readonly payload: Uint8Array;
}

export const CHANGE_CIPHER_SPEC_RECORD: FlightRecord = {
  contentType: CHANGE_CIPHER_SPEC,
  epoch: 0,
  payload: Uint8Array.of(1),
};

/** The records that carry a message, one fragment each. */
export function messageRecords(message: HandshakeMessage, epoch: 0 | 1): FlightRecord[] {
  const records: FlightRecord[] = [];
  let at = 0;
  do {
    const bytes = Math.min(MAX_FRAGMENT_BYTES, message.body.length - at);
    records.push({ contentType: HANDSHAKE, epoch, payload: encodeFragment(message, at, bytes) });
    at += bytes;
  } while (at < message.body.length);
  return records;
}

export class FlightWriter {
  /** Next sequence number of each epoch. */
  readonly #next: [number, number];
  #cipher: RecordCipher | undefined;

  constructor(firstSequence: number) {
    this.#next = [firstSequence, 0];
  }

  /** From now on records of epoch 1 can be written. */
  startSealing(cipher: RecordCipher): void {
    this.#cipher = cipher;
  }

  write(records: readonly FlightRecord[]): Uint8Array[] {
    const datagrams: Uint8Array[][] = [[]];
    let bytes = 0;
    for (const record of records) {
      const encoded = this.#encode(record);
      if (bytes + encoded.length > MAX_DATAGRAM_BYTES && bytes > 0) {
        datagrams.push([]);
        bytes = 0;
      }
      datagrams.at(-1)!.push(encoded);
      bytes += encoded.length;
    }
    return datagrams.map((parts) => Buffer.concat(parts));
  }

  #encode(record: FlightRecord): Uint8Array {
    const numbered = { ...record, sequence: this.#next[record.epoch]++ };
    return encodeRecord(record.epoch === 1 ? this.#cipher!.seal(numbered) : numbered);
  }
}
