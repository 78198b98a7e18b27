/**
 * When the kernel got each datagram of a batch (SO_TIMESTAMPNS, socket(7)). A thread that was busy, or had to wait for a
 * core, reads later: told by its own clock, a publisher would take that for delay of the path, or for a probe that failed.
 */
import { CMSG, NativeMemory, readRealTime, SO_TIMESTAMPNS, SOL_SOCKET, TIMESPEC } from "./libc.ts";
import type { MessageHeaders } from "./message-headers.ts";

/** CMSG_SPACE of a `struct timespec`. */
const ROOM = CMSG.value + TIMESPEC.bytes;

/** What is farther from the present is no arrival: the clock has been set. */
const MAX_OFFSET_US = 1_000_000;

export class ArrivalTimes {
  readonly #messages: MessageHeaders;
  readonly #control: NativeMemory;
  readonly #now = new NativeMemory(TIMESPEC.bytes);
  #nowUs = 0;

  constructor(messages: MessageHeaders) {
    const { capacity } = messages;
    this.#messages = messages;
    this.#control = new NativeMemory(capacity * ROOM);
    for (let message = 0; message < capacity; message++) {
      messages.setControl(message, this.#control.address + message * ROOM);
      messages.setControlBytes(message, ROOM);
    }
  }

  /** The present, for all `offsetUs` until the next call. */
  mark(): void {
    readRealTime(this.#now);
    this.#nowUs = microseconds(this.#now.words, 0);
  }

  /** Microseconds from `mark()` until the kernel got a datagram, mostly negative; 0 where it does not say. */
  offsetUs(message: number): number {
    const at = (message * ROOM) / 4;
    const { words } = this.#control;
    const isTime =
      this.#messages.controlBytes(message) >= ROOM &&
      words[at + CMSG.level / 4] === SOL_SOCKET &&
      words[at + CMSG.type / 4] === SO_TIMESTAMPNS;
    if (!isTime) return 0;
    const offsetUs = Math.round(microseconds(words, at + CMSG.value / 4) - this.#nowUs);
    return Math.abs(offsetUs) < MAX_OFFSET_US ? offsetUs : 0;
  }

  /** The kernel wrote how much of the room it used: all of it is to be had again. */
  release(message: number): void {
    this.#messages.setControlBytes(message, ROOM);
  }
}

/** Of a `struct timespec`. The lower half of the seconds goes on until 2106. */
function microseconds(words: Uint32Array, at: number): number {
  return words[at + TIMESPEC.seconds / 4]! * 1_000_000 + words[at + TIMESPEC.nanoseconds / 4]! / 1_000;
}
