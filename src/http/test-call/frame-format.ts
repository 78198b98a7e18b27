/**
 * Where the SFrame is placed in an encoded frame of each codec, so that packetisers and depacketisers carry it
 * unchanged. Tested with Chromium's and Firefox's.
 *
 *   opus, VP8, VP9   [ SFrame ]                            packetised as bytes; their descriptors are made outside
 *   AV1              [ OBU header | size | SFrame ]        packetised by OBU, so the frame must be one
 *   H264             [ NAL units up to the first bytes of the first slice | SFrame ]
 *
 * H264's packetiser looks for start codes and its depacketiser for parameter sets and the start of a slice header, so
 * those stay readable (the server sees resolution, slice type, and parameter set id), are authenticated as SFrame
 * metadata, and the rest becomes the remainder of that first slice, with emulation prevention (H.264 §7.4.1.1):
 * otherwise ciphertext would occasionally contain a start code and be split there.
 */
import type { CodecName } from "../../base/codec.ts";
import { concat } from "./sframe.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** `clear` is sent in the clear and authenticated, `secret` is encrypted. */
export interface PlainFrame {
  readonly clear: Uint8Array;
  readonly secret: Uint8Array;
}

export interface SealedFrame {
  readonly clear: Uint8Array;
  readonly sframe: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Undefined when the frame has nothing that could be sealed: it must then not be sent. */
export function splitPlainFrame(codec: CodecName, frame: Uint8Array): PlainFrame | undefined {
  if (codec !== "H264") return { clear: NOTHING, secret: frame };
  const split = splitAtFirstSlice(frame);
  return split && { clear: split.clear, secret: split.rest };
}

export function packSealedFrame(codec: CodecName, { clear, sframe }: SealedFrame): Uint8Array {
  if (codec === "AV1") return concat(Uint8Array.of(OBU_FRAME_WITH_SIZE), leb128(sframe.length), sframe);
  if (codec === "H264") return concat(clear, escapeNal(sframe, trailingZeros(clear)));
  return sframe;
}

/** Undefined when the bytes are not what `packSealedFrame` makes. */
export function unpackSealedFrame(codec: CodecName, frame: Uint8Array): SealedFrame | undefined {
  if (codec === "AV1") return unwrapObu(frame);
  if (codec !== "H264") return { clear: NOTHING, sframe: frame };
  const split = splitAtFirstSlice(frame);
  const sframe = split && unescapeNal(split.rest, trailingZeros(split.clear));
  return sframe && { clear: split.clear, sframe };
}

// AV1 (specification §5.3): open bitstream units with a type, a flag for a size, and that size as LEB128.

/** obu_type OBU_FRAME (6), has_size_field. */
const OBU_FRAME_WITH_SIZE = (6 << 3) | 0x02;
/** A depacketiser may start each temporal unit with an empty OBU_TEMPORAL_DELIMITER (2). */
const TEMPORAL_DELIMITER = (2 << 3) | 0x02;
/** 28 bits, more than any frame. */
const MAX_LEB128_BYTES = 4;

function unwrapObu(frame: Uint8Array): SealedFrame | undefined {
  let at = 0;
  if (frame[0] === TEMPORAL_DELIMITER && frame[1] === 0) at = 2;
  if (frame[at++] !== OBU_FRAME_WITH_SIZE) return undefined;
  let size = 0;
  for (let shift = 0; shift < 7 * MAX_LEB128_BYTES; shift += 7) {
    const byte = frame[at++];
    if (byte === undefined) return undefined;
    size |= (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) {
      return frame.length - at === size ? { clear: NOTHING, sframe: frame.subarray(at) } : undefined;
    }
  }
  return undefined;
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push(0x80 | (rest & 0x7f));
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

// H264 (Annex B byte stream): NAL units, each after a start code 00 00 01 or 00 00 00 01.

const START_CODE = Uint8Array.of(0, 0, 0, 1);
/** nal_unit_type 1 to 5 are slices and their partitions. */
const LAST_SLICE_TYPE = 5;
/**
 * first_mb_in_slice, slice_type and pic_parameter_set_id, which a depacketiser reads: 9 bits with the usual values, up
 * to 24 with unusual ones. Larger: more stays readable. Smaller: depacketisers fail.
 */
const SLICE_HEADER_BYTES = 3;
/** rbsp_trailing_bits: prevents zeros at the end of a ciphertext from being taken for padding. */
const TRAILER = 0x80;

/**
 * `clear` ends within the first slice. It has four-byte start codes whatever the encoder wrote, because depacketisers
 * write those, and both ends must authenticate the same bytes.
 */
function splitAtFirstSlice(frame: Uint8Array): { clear: Bytes; rest: Uint8Array } | undefined {
  const clear: Uint8Array[] = [];
  let at = findStartCode(frame, 0);
  while (at.next < frame.length) {
    const following = findStartCode(frame, at.next);
    clear.push(START_CODE);
    const type = frame[at.next]! & 0x1f;
    if (type >= 1 && type <= LAST_SLICE_TYPE) {
      const end = at.next + 1 + SLICE_HEADER_BYTES;
      if (end > following.start) return undefined;
      clear.push(frame.subarray(at.next, end));
      return { clear: concat(...clear), rest: frame.subarray(end) };
    }
    clear.push(frame.subarray(at.next, following.start));
    at = following;
  }
  return undefined;
}

/** Where the first start code at or after `from` starts, and where the NAL unit behind it does; both at the end if none. */
function findStartCode(frame: Uint8Array, from: number): { start: number; next: number } {
  for (let at = from; at + 2 < frame.length; at++) {
    if (frame[at] !== 0 || frame[at + 1] !== 0 || frame[at + 2] !== 1) continue;
    const isLong = at > from && frame[at - 1] === 0;
    return { start: isLong ? at - 1 : at, next: at + 3 };
  }
  return { start: frame.length, next: frame.length };
}

function trailingZeros(bytes: Uint8Array): number {
  let zeros = 0;
  while (zeros < bytes.length && bytes[bytes.length - 1 - zeros] === 0) zeros++;
  return zeros;
}

/** `zerosBefore`: how many zeros stand right before `bytes`, since a start code may begin there. */
function escapeNal(bytes: Uint8Array, zerosBefore: number): Uint8Array {
  // At most one byte is added for every two, since the two zeros before it are ours, except before the first.
  const escaped = new Uint8Array(bytes.length + Math.ceil(bytes.length / 2) + 2);
  let [at, zeros] = [0, zerosBefore];
  for (const byte of concat(bytes, Uint8Array.of(TRAILER))) {
    if (zeros >= 2 && byte <= 3) {
      escaped[at++] = 3;
      zeros = 0;
    }
    escaped[at++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return escaped.subarray(0, at);
}

function unescapeNal(bytes: Uint8Array, zerosBefore: number): Uint8Array | undefined {
  const plain = new Uint8Array(bytes.length);
  let [at, zeros] = [0, zerosBefore];
  for (const byte of bytes) {
    const isEscape = zeros >= 2 && byte === 3;
    if (!isEscape) plain[at++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return at > 0 && plain[at - 1] === TRAILER ? plain.subarray(0, at - 1) : undefined;
}
