/**
 * The header extensions of one packet as they go out, kept for the next receiver.
 *
 * Receivers that negotiated the same ids get the same block but for three numbers. So the block is put together once a
 * packet, and for each receiver it is a copy of some twenty bytes and up to three patches:
 *
 *   | profile, words | MID | abs-send-time | transport-cc ▯ | passed on … | playout-delay ▯ | descriptor, frame number ▯ |
 */
import { writeU16, writeU24 } from "../base/bytes.ts";
import { MAX_PACKET_BYTES } from "../base/transmit-ring.ts";
import { writeFrameNumber } from "../rtp/dependency-descriptor.ts";
import {
  EXTENSION,
  type ExtensionMap,
  type ExtensionView,
  ExtensionWriter,
} from "../rtp/header-extensions.ts";

/** Extensions that are passed on unchanged. */
const PASSED = [
  EXTENSION.audioLevel,
  EXTENSION.videoOrientation,
  EXTENSION.playoutDelay,
  EXTENSION.colorSpace,
  EXTENSION.absCaptureTime,
  EXTENSION.videoContentType,
] as const;

/** One-byte elements hold 1 to 16 bytes under ids 1 to 14 (RFC 8285 §4.2). */
const ONE_BYTE_MAX_BYTES = 16;
const ONE_BYTE_MAX_ID = 14;

/** playout-delay: least and most in units of 10 ms, 12 bits each. */
const PLAYOUT_DELAY_BYTES = 3;
const PLAYOUT_DELAY_UNIT_US = 10_000;
/** The maximum that libwebrtc allows. A small one would turn off its smoothing. */
const MOST_PLAYOUT_DELAY = 1_000;

/** More than a packet's elements and our own can take, each with two bytes of id and length. */
const MAX_BYTES = 2 * MAX_PACKET_BYTES;

const ABSENT = -1;
const ZEROS = new Uint8Array(PLAYOUT_DELAY_BYTES);

/** What is rewritten in the extensions of a packet. */
export interface ExtensionNumbers {
  /** DD frame number to write, or -1 to leave the descriptor as it is. */
  readonly frameNumber: number;
  /** abs-send-time of this turn: seconds as 6.18 fixed point, 24 bits. */
  readonly absSendTime: number;
  /** Transport-wide sequence number, or -1 to write none. */
  readonly transportSeq: number;
  /** Minimum playout delay, microseconds, or -1 to write none. A publisher's own extension takes precedence. */
  readonly playoutDelayUs: number;
}

export class ExtensionBlock {
  readonly #bytes = new Uint8Array(MAX_BYTES);
  readonly #writer = new ExtensionWriter();
  readonly #scratch = new Uint8Array(PLAYOUT_DELAY_BYTES);
  #length = 0;
  /** Where the numbers are that differ from receiver to receiver, or ABSENT. */
  #transportSeqAt = ABSENT;
  #playoutDelayAt = ABSENT;
  #descriptorAt = ABSENT;
  /** The arguments that the block was made for. */
  #word0 = 0;
  #word1 = 0;
  #word2 = 0;
  #mid = "";
  #midBytes = ZEROS;
  #view: ExtensionView | null = null;
  #version = 0;
  #sendTime = 0;
  #isNumbered = false;
  #isDelayed = false;

  /** Whether the block can be used for these arguments, apart from the patched numbers. `mid`: empty to write none. */
  isFor(ids: ExtensionMap, mid: string, view: ExtensionView, numbers: ExtensionNumbers): boolean {
    return (
      this.#view === view &&
      this.#version === view.version &&
      this.#sendTime === numbers.absSendTime &&
      this.#isNumbered === numbers.transportSeq >= 0 &&
      this.#isDelayed === numbers.playoutDelayUs >= 0 &&
      this.#word0 === ids.word0 &&
      this.#word1 === ids.word1 &&
      this.#word2 === ids.word2 &&
      this.#mid === mid
    );
  }

  /** Builds the block: `view` says where the publisher's extensions are in `source`. MIDs are ASCII (RFC 5888 §4). */
  make(
    ids: ExtensionMap,
    mid: string,
    source: Uint8Array,
    view: ExtensionView,
    numbers: ExtensionNumbers,
  ): void {
    this.#view = view;
    this.#version = view.version;
    this.#sendTime = numbers.absSendTime;
    this.#isNumbered = numbers.transportSeq >= 0;
    this.#isDelayed = numbers.playoutDelayUs >= 0;
    this.#word0 = ids.word0;
    this.#word1 = ids.word1;
    this.#word2 = ids.word2;
    if (mid !== this.#mid) this.#midBytes = Buffer.from(mid, "latin1");
    this.#mid = mid;
    this.#writer.begin(this.#bytes, 0, needsTwoByteForm(ids, mid, view));
    this.#addOwn(ids.idOf, mid, numbers);
    this.#addPassed(ids.idOf, source, view);
    this.#length = this.#writer.end();
  }

  /** Copies the block to `out[at]` with the receiver's own numbers. Returns its size; 0 when there is no extension. */
  write(out: Uint8Array, at: number, numbers: ExtensionNumbers): number {
    const bytes = this.#bytes;
    const length = this.#length;
    for (let i = 0; i < length; i++) out[at + i] = bytes[i]!;
    if (this.#transportSeqAt >= 0) writeU16(out, at + this.#transportSeqAt, numbers.transportSeq);
    if (this.#playoutDelayAt >= 0) {
      const least = Math.round(numbers.playoutDelayUs / PLAYOUT_DELAY_UNIT_US);
      writeU24(out, at + this.#playoutDelayAt, (least << 12) | MOST_PLAYOUT_DELAY);
    }
    if (this.#descriptorAt >= 0 && numbers.frameNumber >= 0)
      writeFrameNumber(out, at + this.#descriptorAt, numbers.frameNumber);
    return length;
  }

  #addOwn(idOf: Uint8Array, mid: string, numbers: ExtensionNumbers): void {
    const writer = this.#writer;
    const midId = idOf[EXTENSION.mid]!;
    if (mid !== "" && midId !== 0) writer.add(midId, this.#midBytes, 0, mid.length);
    const sendTimeId = idOf[EXTENSION.absSendTime]!;
    if (sendTimeId !== 0) {
      writeU24(this.#scratch, 0, numbers.absSendTime);
      writer.add(sendTimeId, this.#scratch, 0, 3);
    }
    this.#transportSeqAt = this.#isNumbered ? writer.add(idOf[EXTENSION.transportCc]!, ZEROS, 0, 2) : ABSENT;
  }

  #addPassed(idOf: Uint8Array, source: Uint8Array, view: ExtensionView): void {
    const writer = this.#writer;
    for (let i = 0; i < PASSED.length; i++) {
      const kind = PASSED[i]!;
      const id = idOf[kind]!;
      if (id !== 0 && view.at[kind]! >= 0) writer.add(id, source, view.at[kind]!, view.bytes[kind]!);
    }
    const delayId = idOf[EXTENSION.playoutDelay]!;
    const isSaid = this.#isDelayed && delayId !== 0 && view.at[EXTENSION.playoutDelay]! < 0;
    this.#playoutDelayAt = isSaid ? writer.add(delayId, ZEROS, 0, PLAYOUT_DELAY_BYTES) : ABSENT;
    const kind = EXTENSION.dependencyDescriptor;
    const isDescribed = idOf[kind] !== 0 && view.at[kind]! >= 0;
    this.#descriptorAt = isDescribed
      ? writer.add(idOf[kind]!, source, view.at[kind]!, view.bytes[kind]!)
      : ABSENT;
  }
}

/**
 * Blocks of one packet, by a hash of the ids: a power of two. The browsers of a room use a few maps of ids. More would only
 * take memory, fewer would let two kinds of browser evict each other's.
 */
const BLOCKS = 16;

/** The blocks of one packet, each made when it is first asked for. */
export class ExtensionBlocks {
  readonly #blocks: (ExtensionBlock | undefined)[] = new Array(BLOCKS).fill(undefined);

  /** A block for these ids, which may be of other ids with the same hash or of an earlier packet: `isFor` tells. */
  of(ids: ExtensionMap): ExtensionBlock {
    const at = ids.hash % BLOCKS;
    this.#blocks[at] ??= new ExtensionBlock();
    return this.#blocks[at];
  }
}

function needsTwoByteForm(ids: ExtensionMap, mid: string, view: ExtensionView): boolean {
  if (ids.highestId > ONE_BYTE_MAX_ID) return true;
  if (ids.idOf[EXTENSION.mid] !== 0 && mid.length > ONE_BYTE_MAX_BYTES) return true;
  for (let kind = 0; kind < view.at.length; kind++) {
    if (view.bytes[kind]! > ONE_BYTE_MAX_BYTES && view.at[kind]! >= 0 && ids.idOf[kind] !== 0) return true;
  }
  return false;
}
