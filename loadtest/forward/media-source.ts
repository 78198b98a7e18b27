/**
 * A publishing browser's SRTP: one encoding of VP8 with a Dependency Descriptor, or Opus. Each packet carries its send
 * time in abs-capture-time, which the server forwards unchanged.
 */
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import type { PathId } from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import { EXTENSION_URI, ExtensionWriter } from "../../src/rtp/header-extensions.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";
import {
  EXTENSIONS,
  keysOf,
  type Load,
  PACKET_BYTES,
  PAYLOAD_TYPE,
  PUBLISHER,
  PUBLISHER_SSRC,
} from "./load.ts";

const FIXED_BYTES = 12;
const TIMESTAMP_STEP = { video: 3_000, audio: 960 } as const;

/** Chromium's structure for VP8 with three temporal layers; the publisher here stays in the base layer. */
const STRUCTURE = Buffer.from("8002044eaaaf2860414d34538a0940404fc02cc0", "hex");
const KEY_TEMPLATE = 0;
const BASE_TEMPLATE = 1;

/** PLIs are not answered: a receiver that needs a key frame has to wait for the next. */
const KEY_FRAME_EVERY = 32;

/** VP8 payload descriptor with a 15-bit picture id and TL0PICIDX; the rest stands for an encrypted frame. */
const VP8_DESCRIPTOR_BYTES = 6;

const id = (name: keyof typeof EXTENSION_URI): number => EXTENSIONS[EXTENSION_URI[name]]!;

export class MediaSource {
  readonly ring: TransmitRing;
  readonly #load: Load;
  readonly #sender: SrtpSender;
  readonly #writer = new ExtensionWriter();
  readonly #scratch = new Uint8Array(64);
  #extSeq = 1;
  #frame = 0;
  #timestamp = 1;

  constructor(load: Load, ciphers: SrtpCipherFactory) {
    this.#load = load;
    this.#sender = new SrtpSender(ciphers.create(load.profile, keysOf(PUBLISHER, load.profile).receive));
    this.ring = new TransmitRing(Math.max(16, load.burst));
  }

  /** Writes one encrypted burst into the ring: one video frame, or as many audio packets. */
  writeBurst(nowUs: number, path: PathId): void {
    const { ring } = this;
    const { burst, kind } = this.#load;
    ring.clear();
    this.#frame = (this.#frame + 1) & 0xffff;
    for (let i = 0; i < burst; i++) {
      if (i === 0 || kind === "audio") this.#timestamp += TIMESTAMP_STEP[kind];
      const at = ring.reserve();
      const headerBytes = this.#writeHeader(at, nowUs, i === 0, i === burst - 1);
      if (kind === "video") this.#writeDescriptor(at + headerBytes, i === 0);
      const bytes = this.#sender.sealRtp(ring.slab, at, headerBytes, PACKET_BYTES[kind], this.#extSeq++);
      ring.commitRaw(bytes, path);
    }
  }

  #writeHeader(at: number, nowUs: number, first: boolean, last: boolean): number {
    const { slab } = this.ring;
    const { kind } = this.#load;
    slab.fill(0x5a, at, at + SLOT_BYTES);
    slab[at] = 0x90;
    slab[at + 1] = (kind === "video" && last ? 0x80 : 0) | PAYLOAD_TYPE;
    writeU16(slab, at + 2, this.#extSeq & 0xffff);
    writeU32(slab, at + 4, this.#timestamp >>> 0);
    writeU32(slab, at + 8, PUBLISHER_SSRC);
    const key = this.#frame % KEY_FRAME_EVERY === 1;
    this.#writer.begin(slab, at + FIXED_BYTES, key);
    this.#add(id("transportCc"), [this.#extSeq >> 8, this.#extSeq]);
    this.#add(id("mid"), [0x30]);
    if (kind === "audio") this.#add(id("audioLevel"), [0x80 | 30]);
    else this.#addDescriptor(key, first, last);
    writeU32(this.#scratch, 0, Math.floor(nowUs / 2 ** 32));
    writeU32(this.#scratch, 4, nowUs % 2 ** 32);
    this.#writer.add(id("absCaptureTime"), this.#scratch, 0, 8);
    return FIXED_BYTES + this.#writer.end();
  }

  #addDescriptor(key: boolean, first: boolean, last: boolean): void {
    const flags = (first ? 0x80 : 0) | (last ? 0x40 : 0) | (key ? KEY_TEMPLATE : BASE_TEMPLATE);
    const structure = key && first ? STRUCTURE : [];
    this.#add(id("dependencyDescriptor"), [flags, this.#frame >> 8, this.#frame, ...structure]);
  }

  #writeDescriptor(at: number, first: boolean): void {
    const { slab } = this.ring;
    slab[at] = first ? 0x90 : 0x80;
    slab[at + 1] = 0xe0;
    writeU16(slab, at + 2, 0x8000 | (this.#frame & 0x7fff));
    slab[at + 4] = this.#frame & 0xff;
    slab[at + VP8_DESCRIPTOR_BYTES - 1] = 0;
  }

  #add(extension: number, data: readonly number[]): void {
    this.#scratch.set(data);
    this.#writer.add(extension, this.#scratch, 0, data.length);
  }
}
