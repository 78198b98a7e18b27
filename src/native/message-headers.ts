/**
 * An array of `struct mmsghdr` for one batch of `recvmmsg` or `sendmmsg`.
 *
 * Fields that are the same in every batch are written once by the owner; a few 32-bit words remain per packet.
 */
import { MMSGHDR, NativeMemory } from "./libc.ts";
import { writePointer } from "./word.ts";

const WORDS = MMSGHDR.bytes / 4;

export class MessageHeaders {
  /** Addresses of the messages: a batch that was sent in part is continued in the middle. */
  readonly pointers: readonly bigint[];
  readonly #words: Uint32Array;
  readonly #memory: NativeMemory;

  constructor(count: number) {
    const memory = new NativeMemory(count * MMSGHDR.bytes);
    this.#memory = memory;
    this.#words = memory.words;
    this.pointers = Array.from({ length: count }, (_, i) => memory.pointer + BigInt(i * MMSGHDR.bytes));
  }

  get capacity(): number {
    return this.#memory.bytes.length / MMSGHDR.bytes;
  }

  /** Sets the socket address and its size: the destination, or room for the sender's. */
  setName(message: number, address: number, bytes: number): void {
    writePointer(this.#words, message * WORDS + MMSGHDR.name / 4, address);
    this.#words[message * WORDS + MMSGHDR.nameBytes / 4] = bytes;
  }

  setIovecs(message: number, address: number, count: number): void {
    writePointer(this.#words, message * WORDS + MMSGHDR.iovecs / 4, address);
    this.#words[message * WORDS + MMSGHDR.iovecCount / 4] = count;
  }

  setControl(message: number, address: number): void {
    writePointer(this.#words, message * WORDS + MMSGHDR.control / 4, address);
  }

  /** Sets the size of the control messages: of a message to send, 0 for none; of one to receive, the room for them. */
  setControlBytes(message: number, bytes: number): void {
    this.#words[message * WORDS + MMSGHDR.controlBytes / 4] = bytes;
  }

  /** Size of the control messages of a received message. */
  controlBytes(message: number): number {
    return this.#words[message * WORDS + MMSGHDR.controlBytes / 4]!;
  }

  /** Size of a received message, as far as it is in its buffer. */
  length(message: number): number {
    return this.#words[message * WORDS + MMSGHDR.length / 4]!;
  }

  /** Flags of a received message: MSG_TRUNC and others. */
  flags(message: number): number {
    return this.#words[message * WORDS + MMSGHDR.flags / 4]!;
  }
}
