/**
 * Packets from one media thread to another: a ring in shared memory with one writer and one reader.
 *
 * The writer fills slots through a turn and publishes them together; the reader takes all that is published. Neither
 * waits for the other: a full ring drops what does not fit, as a full socket buffer would.
 */
import { SLOT_BYTES } from "./transmit-ring.ts";

/**
 * Slots of a pipe, a power of two: 2 MiB. Larger survives longer stalls of the reader, smaller loses the packets of a
 * large room's key frames.
 */
const SLOTS = 1024;
const MASK = SLOTS - 1;

/** Words of the control block: slots ever published and ever taken, modulo 2^32, and whether the reader was woken. */
const PUBLISHED = 0;
const TAKEN = 1;
const WOKEN = 2;
const CONTROL_BYTES = 64;

/** Float64 numbers of a slot: `extSeq` of a packet or `timestamp` of a clock, `receivedUs`, `ntpUs` of a clock. */
const NUMBERS = 3;
const COLUMNS_BYTES = SLOTS * (3 * Int32Array.BYTES_PER_ELEMENT + NUMBERS * Float64Array.BYTES_PER_ELEMENT);

/** `bytes` of a slot that holds no packet but a sender report's clock, and of one that holds a BYE. */
const CLOCK = -1;
const BYE = -2;

export interface PipeReader {
  /** A packet of one encoding of a track: the opened RTP packet in `bytes[0, length)`, valid until the call returns. */
  onPipedPacket(
    channel: number,
    encoding: number,
    bytes: Uint8Array,
    length: number,
    extSeq: number,
    receivedUs: number,
  ): void;
  /** NTP and RTP time of a sender report of that encoding (RFC 3550 §6.4.1). */
  onPipedClock(channel: number, encoding: number, ntpUs: number, timestamp: number, receivedUs: number): void;
  /** That encoding has ended with a BYE (RFC 3550 §6.6). */
  onPipedBye(channel: number, encoding: number, receivedUs: number): void;
}

export class PacketPipe {
  readonly #control: Int32Array;
  readonly #bytes: Int32Array;
  readonly #channel: Int32Array;
  readonly #encoding: Int32Array;
  readonly #numbers: Float64Array;
  /** One view for each slot, made once. */
  readonly #slots: readonly Uint8Array[];
  /** Slots filled by the writer and not yet published; a count modulo 2^32, like those in the control block. */
  #filled: number;

  /** Memory for one pipe, to be given to its writer and to its reader. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(CONTROL_BYTES + COLUMNS_BYTES + SLOTS * SLOT_BYTES);
  }

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#numbers = new Float64Array(memory, CONTROL_BYTES, SLOTS * NUMBERS);
    let at = CONTROL_BYTES + this.#numbers.byteLength;
    const column = (): Int32Array => {
      const view = new Int32Array(memory, at, SLOTS);
      at += view.byteLength;
      return view;
    };
    this.#bytes = column();
    this.#channel = column();
    this.#encoding = column();
    const slab = at;
    this.#slots = Array.from(
      { length: SLOTS },
      (_, slot) => new Uint8Array(memory, slab + slot * SLOT_BYTES, SLOT_BYTES),
    );
    this.#filled = Atomics.load(this.#control, PUBLISHED);
  }

  /** The packet is in `source[0, length)`. Returns false when the ring is full, or `source` too large for a slot. */
  writePacket(
    channel: number,
    encoding: number,
    source: Uint8Array,
    length: number,
    extSeq: number,
    receivedUs: number,
  ): boolean {
    if (source.length > SLOT_BYTES) return false;
    const slot = this.#reserve();
    if (slot === -1) return false;
    // All of `source`, beyond `length` too: a view of just the packet would be an allocation per packet.
    this.#slots[slot]!.set(source);
    this.#commit(slot, length, channel, encoding, extSeq, receivedUs, 0);
    return true;
  }

  writeClock(
    channel: number,
    encoding: number,
    ntpUs: number,
    timestamp: number,
    receivedUs: number,
  ): boolean {
    const slot = this.#reserve();
    if (slot === -1) return false;
    this.#commit(slot, CLOCK, channel, encoding, timestamp, receivedUs, ntpUs);
    return true;
  }

  writeBye(channel: number, encoding: number, receivedUs: number): boolean {
    const slot = this.#reserve();
    if (slot === -1) return false;
    this.#commit(slot, BYE, channel, encoding, 0, receivedUs, 0);
    return true;
  }

  /** Shows the reader what was written. Returns true when it has to be woken, for it was not since its last `read`. */
  publish(): boolean {
    if (Atomics.load(this.#control, PUBLISHED) === this.#filled) return false;
    Atomics.store(this.#control, PUBLISHED, this.#filled);
    return Atomics.exchange(this.#control, WOKEN, 1) === 0;
  }

  /** Hands over everything that is published. */
  read(reader: PipeReader): void {
    Atomics.store(this.#control, WOKEN, 0);
    const published = Atomics.load(this.#control, PUBLISHED);
    for (let taken = Atomics.load(this.#control, TAKEN); taken !== published; ) {
      this.#handOver(taken & MASK, reader);
      taken = (taken + 1) | 0;
      Atomics.store(this.#control, TAKEN, taken);
    }
  }

  #handOver(slot: number, reader: PipeReader): void {
    const channel = this.#channel[slot]!;
    const encoding = this.#encoding[slot]!;
    const bytes = this.#bytes[slot]!;
    const at = slot * NUMBERS;
    const extSeqOrTimestamp = this.#numbers[at]!;
    const receivedUs = this.#numbers[at + 1]!;
    if (bytes >= 0)
      reader.onPipedPacket(channel, encoding, this.#slots[slot]!, bytes, extSeqOrTimestamp, receivedUs);
    else if (bytes === BYE) reader.onPipedBye(channel, encoding, receivedUs);
    else reader.onPipedClock(channel, encoding, this.#numbers[at + 2]!, extSeqOrTimestamp, receivedUs);
  }

  #reserve(): number {
    const waiting = (this.#filled - Atomics.load(this.#control, TAKEN)) | 0;
    return waiting < SLOTS ? this.#filled & MASK : -1;
  }

  #commit(
    slot: number,
    bytes: number,
    channel: number,
    encoding: number,
    extSeqOrTimestamp: number,
    receivedUs: number,
    ntpUs: number,
  ): void {
    this.#bytes[slot] = bytes;
    this.#channel[slot] = channel;
    this.#encoding[slot] = encoding;
    const at = slot * NUMBERS;
    this.#numbers[at] = extSeqOrTimestamp;
    this.#numbers[at + 1] = receivedUs;
    this.#numbers[at + 2] = ntpUs;
    this.#filled = (this.#filled + 1) | 0;
  }
}
