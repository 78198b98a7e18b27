/**
 * Keystream of RTP packets that are still to come: of each SSRC, for the next packets in one call.
 *
 * A sender numbers the packets of an SSRC one by one, so their counter blocks are known before them. For 1,100 bytes
 * eight at once cost 0.2 µs each, one alone 0.6. A packet out of order or of unusual size gets its own keystream.
 */
import { readU16, readU32, writeU16 } from "../base/bytes.ts";
import { COUNTER_BLOCK_BYTES, writeRtpCounterBlock } from "../srtp/packet-nonces.ts";
import { countBlocks, counterBlocks, type Keystream, xorStream } from "./keystream.ts";

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

/**
 * For the packets from index `first` on, each as many blocks as the largest packet so far. The stream is a copy: what the
 * cipher returns is then garbage at once, and costs a collector less than if it lived for eight packets.
 */
interface Ahead {
  first: number;
  blocks: number;
  stream: Uint8Array;
  view: DataView;
}

const NO_STREAM = new Uint8Array(0);
const NO_VIEW = new DataView(NO_STREAM.buffer);

/** The header of a packet to come, and the counter blocks of all of them. */
const header = new Uint8Array(HEADER_BYTES);
const blocksAhead = new Uint8Array(PACKETS * MAX_BLOCKS * COUNTER_BLOCK_BYTES);
const viewAhead = new DataView(blocksAhead.buffer);

export class KeystreamAhead {
  readonly #keystream: Keystream;
  readonly #salt: Uint8Array;
  readonly #streams = new Map<number, Ahead>();

  constructor(keystream: Keystream, salt: Uint8Array) {
    this.#keystream = keystream;
    this.#salt = salt;
  }

  /** Encrypts `buf[at + headerBytes, at + bytes)` of the RTP packet at `at`, as `xorStream` does. */
  crypt(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): void {
    const from = at + headerBytes;
    const to = at + bytes;
    const blocks = Math.ceil((to - from) / COUNTER_BLOCK_BYTES);
    const index = roc * SEQ_CYCLE + readU16(buf, at + 2);
    const ahead = this.#stream(readU32(buf, at + 8));
    if (index < ahead.first || blocks > MAX_BLOCKS) {
      writeRtpCounterBlock(counterBlocks, 0, this.#salt, buf, at, roc);
      this.#keystream.xor(buf, from, to);
      return;
    }
    if (index >= ahead.first + PACKETS || blocks > ahead.blocks) {
      ahead.first = index;
      this.#fill(ahead, buf, at, roc, Math.max(blocks, ahead.blocks));
    }
    xorStream(buf, from, to, ahead.view, (index - ahead.first) * ahead.blocks * COUNTER_BLOCK_BYTES);
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
    const ahead = { first: -PACKETS, blocks: 0, stream: NO_STREAM, view: NO_VIEW };
    this.#streams.set(ssrc, ahead);
    return ahead;
  }

  /** For the packet at `at`, which has `ahead.first`, and those behind it: so many blocks each. */
  #fill(ahead: Ahead, buf: Uint8Array, at: number, roc: number, blocks: number): void {
    for (let i = 0; i < HEADER_BYTES; i++) header[i] = buf[at + i]!;
    const seq = readU16(header, 2);
    for (let packet = 0; packet < PACKETS; packet++) {
      writeU16(header, 2, seq + packet);
      const rolledOver = seq + packet >= SEQ_CYCLE ? 1 : 0;
      const first = packet * blocks * COUNTER_BLOCK_BYTES;
      writeRtpCounterBlock(blocksAhead, first, this.#salt, header, 0, roc + rolledOver);
      countBlocks(viewAhead, first, blocks);
    }
    const encrypted = this.#keystream.encrypt(
      blocksAhead.subarray(0, PACKETS * blocks * COUNTER_BLOCK_BYTES),
    );
    if (blocks > ahead.blocks) {
      ahead.stream = new Uint8Array(encrypted.length);
      ahead.view = new DataView(ahead.stream.buffer);
    }
    ahead.blocks = blocks;
    ahead.stream.set(encrypted);
  }
}
