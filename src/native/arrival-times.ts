/**
 * When the kernel received each datagram of a batch (SO_TIMESTAMPNS, socket(7)). A thread that was busy, or waited for
 * a core, reads later: with times of reading, a publisher would take that for delay of the path, or for a failed probe.
 */
import { CMSG, NativeMemory, readRealTime, SO_TIMESTAMPNS, SOL_SOCKET, TIMESPEC } from "./libc.ts";
import type { MessageHeaders } from "./message-headers.ts";

/** CMSG_SPACE of a `struct timespec`. */
const ROOM = CMSG.value + TIMESPEC.bytes;

/** Offsets beyond this are not used: the system clock was set meanwhile. */
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

  /** Sets the reference time for all `offsetUs` until the next call. */
  mark(): void {
    readRealTime(this.#now);
    this.#nowUs = microseconds(this.#now.words, 0);
  }

  /** When the kernel received a datagram, in microseconds after `mark()`, mostly negative; 0 where that is unknown. */
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

  /** Offers all the room for control messages again: the kernel has overwritten its size with what it used. */
  release(message: number): void {
    this.#messages.setControlBytes(message, ROOM);
  }
}

/** Reads a `struct timespec`. The lower half of the seconds lasts until 2106. */
function microseconds(words: Uint32Array, at: number): number {
  return words[at + TIMESPEC.seconds / 4]! * 1_000_000 + words[at + TIMESPEC.nanoseconds / 4]! / 1_000;
}
