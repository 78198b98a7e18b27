/**
 * What the kernel says of each datagram of a batch, in control messages (cmsg(3)):
 *
 *   when it came    SO_TIMESTAMPNS (socket(7)). A thread that was busy, or waited for a core, reads later: with times of
 *                   reading, a publisher would take that for delay of the path, or for a failed probe.
 *   to which of our addresses    IP_PKTINFO (ip(7)), IPV6_PKTINFO (RFC 3542 §6.2), on a socket bound to a wildcard.
 *
 *   | timespec 32 | packet info, where it is asked for |       the kernel writes them in this order
 */
import {
  CMSG,
  NativeMemory,
  type PacketInfo,
  readRealTime,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  TIMESPEC,
} from "./libc.ts";
import type { MessageHeaders } from "./message-headers.ts";

/** CMSG_SPACE of a `struct timespec`. */
const TIME_ROOM = CMSG.value + TIMESPEC.bytes;

/** Room for an address that is not known: all zeros. */
const NO_ADDRESS_BYTES = 16;

/** Offsets beyond this are not used: the system clock was set meanwhile. */
const MAX_OFFSET_US = 1_000_000;

export class ReceivedControls {
  readonly #messages: MessageHeaders;
  readonly #info: PacketInfo | null;
  /** Of one message. */
  readonly #room: number;
  readonly #memory: NativeMemory;
  readonly #now = new NativeMemory(TIMESPEC.bytes);
  #nowUs = 0;

  /** `info`: null where our addresses are not asked for. */
  constructor(messages: MessageHeaders, info: PacketInfo | null) {
    const { capacity } = messages;
    this.#messages = messages;
    this.#info = info;
    this.#room = TIME_ROOM + (info?.bytes ?? 0);
    this.#memory = new NativeMemory(capacity * this.#room + NO_ADDRESS_BYTES);
    for (let message = 0; message < capacity; message++) {
      messages.setControl(message, this.#memory.address + message * this.#room);
      messages.setControlBytes(message, this.#room);
    }
  }

  /** Holds what `localAt` says. */
  get words(): Uint32Array {
    return this.#memory.words;
  }

  /** Sets the reference time for all `offsetUs` until the next call. */
  mark(): void {
    readRealTime(this.#now);
    this.#nowUs = microseconds(this.#now.words, 0);
  }

  /** When the kernel received a datagram, in microseconds after `mark()`, mostly negative; 0 where that is unknown. */
  offsetUs(message: number): number {
    const at = (message * this.#room) / 4;
    if (!this.#is(message, 0, TIME_ROOM, SOL_SOCKET, SO_TIMESTAMPNS)) return 0;
    const offsetUs = Math.round(microseconds(this.words, at + CMSG.value / 4) - this.#nowUs);
    return Math.abs(offsetUs) < MAX_OFFSET_US ? offsetUs : 0;
  }

  /** Where in `words` the address is that a datagram was sent to: zeros where that is unknown. */
  localAt(message: number): number {
    const info = this.#info;
    const isKnown = info !== null && this.#is(message, TIME_ROOM, this.#room, info.level, info.type);
    return isKnown
      ? (message * this.#room + TIME_ROOM + info.local) / 4
      : this.words.length - NO_ADDRESS_BYTES / 4;
  }

  /** Offers all the room for control messages again: the kernel has overwritten its size with what it used. */
  release(message: number): void {
    this.#messages.setControlBytes(message, this.#room);
  }

  /** Whether a message has this control message in `[from, to)` of its room. */
  #is(message: number, from: number, to: number, level: number, type: number): boolean {
    const at = (message * this.#room + from) / 4;
    return (
      this.#messages.controlBytes(message) >= to &&
      this.words[at + CMSG.level / 4] === level &&
      this.words[at + CMSG.type / 4] === type
    );
  }
}

/** Reads a `struct timespec`. The lower half of the seconds lasts until 2106. */
function microseconds(words: Uint32Array, at: number): number {
  return words[at + TIMESPEC.seconds / 4]! * 1_000_000 + words[at + TIMESPEC.nanoseconds / 4]! / 1_000;
}
