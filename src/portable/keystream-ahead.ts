/**
 * Keystream of RTP packets that are still to come: of each SSRC, for the next packets in one call.
 *
 * A sender numbers the packets of an SSRC one by one, so their counter blocks are known before them. For 1,100 bytes
 * eight at once cost 0.2 µs each, one alone 0.6. A packet out of order or of unusual size gets its own keystream.
 */
import { readU16, readU32, writeU16 } from "../base/bytes.ts";
import { COUNTER_BLOCK_BYTES, writeRtpCounterBlock } from "../srtp/packet-nonces.ts";
import { counterBlocks, type Keystream, xorScratch } from "./keystream.ts";
import { scratch } from "./packet-scratch.ts";

/** More would gain little and hold more: 8 packets of video are some 10 KB for each SSRC. */
const PACKETS = 8;
/** 2 KB, more than an MTU. */
const MAX_BLOCKS = 128;
/**
 * Of more SSRCs, the one that came first is forgotten: it costs time only. More would hold more memory, 2.5 MB for a
 * receiver of so many videos; with fewer, whoever watches many would have every packet made ahead anew.
 */
const MAX_STREAMS = 256;

const HEADER_BYTES = 12;
const SEQ_CYCLE = 2 ** 16;
const WORDS_PER_BLOCK = COUNTER_BLOCK_BYTES / 4;
const HALFWORDS_PER_BLOCK = COUNTER_BLOCK_BYTES / 2;

/** For the packets from index `first` on, each as many blocks as the largest packet so far. */
interface Ahead {
  first: number;
  blocks: number;
  words: Uint32Array;
}

/** The first counter block of a packet to come, and its header; then the counter blocks of all of them. */
const block = new Uint8Array(COUNTER_BLOCK_BYTES);
const blockWords = new Uint32Array(block.buffer);
const header = new Uint8Array(HEADER_BYTES);
const blocksAhead = new Uint8Array(PACKETS * MAX_BLOCKS * COUNTER_BLOCK_BYTES);
const wordsAhead = new Uint32Array(blocksAhead.buffer);
const halfwordsAhead = new Uint16Array(blocksAhead.buffer);

/** Of the nth block, the last two bytes as a halfword of this machine. */
const counts = new Uint16Array(counterBlocks.buffer).filter((_, i) => i % HALFWORDS_PER_BLOCK === 7);

export class KeystreamAhead {
  readonly #keystream: Keystream;
  readonly #salt: Uint8Array;
  readonly #streams = new Map<number, Ahead>();

  constructor(keystream: Keystream, salt: Uint8Array) {
    this.#keystream = keystream;
    this.#salt = salt;
  }

  /** Encrypts the RTP packet `scratch[start, end)`. */
  crypt(start: number, headerBytes: number, end: number, roc: number): void {
    const from = start + headerBytes;
    const blocks = Math.ceil((end - from) / COUNTER_BLOCK_BYTES);
    const index = roc * SEQ_CYCLE + readU16(scratch, start + 2);
    const ahead = this.#stream(readU32(scratch, start + 8));
    if (index < ahead.first || blocks > MAX_BLOCKS) {
      writeRtpCounterBlock(counterBlocks, 0, this.#salt, scratch, start, roc);
      this.#keystream.xor(from, end);
      return;
    }
    if (index >= ahead.first + PACKETS || blocks > ahead.blocks) {
      ahead.first = index;
      ahead.blocks = Math.max(blocks, ahead.blocks);
      this.#fill(ahead, start, roc);
    }
    xorScratch(ahead.words, (index - ahead.first) * ahead.blocks * WORDS_PER_BLOCK, from, end);
  }

  #stream(ssrc: number): Ahead {
    const known = this.#streams.get(ssrc);
    if (known !== undefined) return known;
    if (this.#streams.size >= MAX_STREAMS) {
      for (const oldest of this.#streams.keys()) {
        this.#streams.delete(oldest);
        break;
      }
    }
    const ahead = { first: -PACKETS, blocks: 0, words: new Uint32Array(0) };
    this.#streams.set(ssrc, ahead);
    return ahead;
  }

  /** For the packet at `start` of the scratch, which has `ahead.first`, and those behind it. */
  #fill(ahead: Ahead, start: number, roc: number): void {
    for (let i = 0; i < HEADER_BYTES; i++) header[i] = scratch[start + i]!;
    const seq = readU16(header, 2);
    for (let packet = 0; packet < PACKETS; packet++) {
      writeU16(header, 2, seq + packet);
      const rolledOver = seq + packet >= SEQ_CYCLE ? 1 : 0;
      writeRtpCounterBlock(block, 0, this.#salt, header, 0, roc + rolledOver);
      repeatBlock(packet * ahead.blocks, ahead.blocks);
    }
    ahead.words = this.#keystream.encrypt(
      blocksAhead.subarray(0, PACKETS * ahead.blocks * COUNTER_BLOCK_BYTES),
    );
  }
}

/** Writes `block` from the nth block ahead on, counting from zero. */
function repeatBlock(nth: number, blocks: number): void {
  const a = blockWords[0]!;
  const b = blockWords[1]!;
  const c = blockWords[2]!;
  const d = blockWords[3]!;
  for (let i = 0; i < blocks; i++) {
    const word = (nth + i) * WORDS_PER_BLOCK;
    wordsAhead[word] = a;
    wordsAhead[word + 1] = b;
    wordsAhead[word + 2] = c;
    wordsAhead[word + 3] = d;
    halfwordsAhead[2 * word + 7] = counts[i]!;
  }
}
