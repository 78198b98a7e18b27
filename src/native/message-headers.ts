/**
 * An array of `struct mmsghdr` for one batch of `recvmmsg` or `sendmmsg`.
 *
 * Whatever is the same in every batch is written once by who makes the array; per packet a few 32-bit words remain.
 */
import { MMSGHDR, NativeMemory } from "./libc.ts";
import { writePointer } from "./word.ts";

const WORDS = MMSGHDR.bytes / 4;

export class MessageHeaders {
  /** Where each message begins: a batch that was taken in part goes on from the middle. */
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

  /** A socket address of so many bytes: to send to, or room for the sender's. */
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

  /** Of a message to send: 0 for none. Of one to receive: room for them. */
  setControlBytes(message: number, bytes: number): void {
    this.#words[message * WORDS + MMSGHDR.controlBytes / 4] = bytes;
  }

  /** Of a received message: how many bytes of control messages came with it. */
  controlBytes(message: number): number {
    return this.#words[message * WORDS + MMSGHDR.controlBytes / 4]!;
  }

  /** Of a received message: how many bytes of it are in its buffer. */
  length(message: number): number {
    return this.#words[message * WORDS + MMSGHDR.length / 4]!;
  }

  /** Of a received message: MSG_TRUNC and others. */
  flags(message: number): number {
    return this.#words[message * WORDS + MMSGHDR.flags / 4]!;
  }
}
