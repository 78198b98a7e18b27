/**
 * Handshake messages from fragments: bounded, and delivered strictly in order (RFC 6347 §4.2.2, §4.2.3).
 *
 *   0      1        4             6                 9                 12
 *  +------+--------+-------------+-----------------+-----------------+-----------
 *  | type | length | message_seq | fragment_offset | fragment_length | body ...
 *  +------+--------+-------------+-----------------+-----------------+-----------
 */
import { readU16, readU24, writeU16, writeU24 } from "../base/bytes.ts";

export const HANDSHAKE_HEADER_BYTES = 12;

/** A certificate chain of three RSA certificates is 5 KB; larger only lets a hostile peer take more memory. */
const MAX_MESSAGE_BYTES = 16_384;

/** Messages kept while an earlier one is missing: a client's longest flight has five. */
const MAX_AHEAD = 5;

/** Bytes kept for messages that are not next. The next message has its own allowance, so that these can't starve it. */
const MAX_AHEAD_BYTES = 16_384;

export interface HandshakeFragment {
  readonly type: number;
  /** Of the whole message. */
  readonly length: number;
  readonly messageSeq: number;
  readonly offset: number;
  readonly body: Uint8Array;
}

export interface HandshakeMessage {
  readonly type: number;
  readonly messageSeq: number;
  readonly body: Uint8Array;
}

/** The fragments in one record; undefined when any is malformed. Bodies are views into the payload. */
export function parseFragments(payload: Uint8Array): HandshakeFragment[] | undefined {
  const fragments: HandshakeFragment[] = [];
  let at = 0;
  while (at < payload.length) {
    const start = at + HANDSHAKE_HEADER_BYTES;
    if (start > payload.length) return undefined;
    const length = readU24(payload, at + 1);
    const offset = readU24(payload, at + 6);
    const end = start + readU24(payload, at + 9);
    if (end > payload.length || offset + (end - start) > length) return undefined;
    const messageSeq = readU16(payload, at + 4);
    fragments.push({ type: payload[at]!, length, messageSeq, offset, body: payload.subarray(start, end) });
    at = end;
  }
  return fragments;
}

/** A part of a message as it goes on the wire. */
export function encodeFragment(message: HandshakeMessage, offset: number, bytes: number): Uint8Array {
  const fragment = new Uint8Array(HANDSHAKE_HEADER_BYTES + bytes);
  fragment[0] = message.type;
  writeU24(fragment, 1, message.body.length);
  writeU16(fragment, 4, message.messageSeq);
  writeU24(fragment, 6, offset);
  writeU24(fragment, 9, bytes);
  fragment.set(message.body.subarray(offset, offset + bytes), HANDSHAKE_HEADER_BYTES);
  return fragment;
}

/** A whole message in one fragment: also the form in which transcripts are hashed (RFC 6347 §4.2.6). */
export function encodeMessage(message: HandshakeMessage): Uint8Array {
  return encodeFragment(message, 0, message.body.length);
}

interface PartialMessage {
  readonly type: number;
  readonly body: Uint8Array;
  /** One byte for each of `body`, 1 where it has arrived. */
  readonly arrived: Uint8Array;
  missingBytes: number;
}

/** `repeat`: part of a message that was already delivered, so the peer may lack our answer to it. */
export type FragmentOutcome = "kept" | "repeat" | "refused";

export class HandshakeReassembler {
  readonly #partial = new Map<number, PartialMessage>();
  #nextSeq: number;

  /** `nextSeq`: `message_seq` of the first message to deliver. */
  constructor(nextSeq: number) {
    this.#nextSeq = nextSeq;
  }

  /** Copies the fragment. Where fragments overlap, what came first stays. */
  add(fragment: HandshakeFragment): FragmentOutcome {
    if (fragment.messageSeq < this.#nextSeq) return "repeat";
    const message = this.#partial.get(fragment.messageSeq) ?? this.#begin(fragment);
    if (message === undefined) return "refused";
    if (message.type !== fragment.type || message.body.length !== fragment.length) return "refused";
    for (let i = 0; i < fragment.body.length; i++) {
      const at = fragment.offset + i;
      if (message.arrived[at] === 1) continue;
      message.arrived[at] = 1;
      message.body[at] = fragment.body[i]!;
      message.missingBytes -= 1;
    }
    return "kept";
  }

  /** Takes the next message if all of it has arrived. */
  next(): HandshakeMessage | undefined {
    const message = this.#partial.get(this.#nextSeq);
    if (message === undefined || message.missingBytes > 0) return undefined;
    this.#partial.delete(this.#nextSeq);
    return { type: message.type, messageSeq: this.#nextSeq++, body: message.body };
  }

  #begin(fragment: HandshakeFragment): PartialMessage | undefined {
    const { type, length, messageSeq } = fragment;
    if (length > MAX_MESSAGE_BYTES || messageSeq > this.#nextSeq + MAX_AHEAD) return undefined;
    if (messageSeq !== this.#nextSeq && this.#aheadBytes() + length > MAX_AHEAD_BYTES) return undefined;
    const message = {
      type,
      body: new Uint8Array(length),
      arrived: new Uint8Array(length),
      missingBytes: length,
    };
    this.#partial.set(messageSeq, message);
    return message;
  }

  #aheadBytes(): number {
    let bytes = 0;
    for (const [seq, message] of this.#partial) if (seq !== this.#nextSeq) bytes += message.body.length;
    return bytes;
  }
}
