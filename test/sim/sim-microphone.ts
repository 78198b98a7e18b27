/** A microphone with its Opus encoder: a packet every 20 ms, with its audio level (RFC 6464). */
import { FrameStamp } from "./frame-stamp.ts";
import { seededRandom } from "./seeded-random.ts";
import { type MediaPacket, NO_LEVEL, type SimRtpStream } from "./sim-rtp-stream.ts";

/** 64 kbit/s with headers. */
const PAYLOAD_BYTES = 120;
/** The V bit: the encoder detects speech. */
const VOICE = 0x80;
/** Levels are in -dBov: 0 is the loudest. Speech is about 25, a quiet room 70. */
const SPEECH_DB = 20;
const SYLLABLE_DB = 20;
const ROOM_DB = 65;
const ROOM_NOISE_DB = 15;
const SYLLABLES_PER_SECOND = 4;
/** Above this share of a syllable's swing there is a pause between two syllables. */
const PAUSE = 0.85;

const stamp = new FrameStamp();

export class SimMicrophone {
  readonly stream: SimRtpStream;
  /** Whether its packets carry levels. */
  saysLevels = true;
  /** Speaks until then. */
  speaksUntilUs = 0;
  readonly #publisher: number;
  readonly #random: () => number;
  #packets = 0;

  constructor(stream: SimRtpStream, publisher: number, seed: number) {
    this.stream = stream;
    this.#publisher = publisher;
    this.#random = seededRandom(seed);
  }

  record(nowUs: number): MediaPacket {
    const payload = Buffer.allocUnsafe(PAYLOAD_BYTES);
    stamp.publisher = this.#publisher;
    stamp.layer = 0;
    stamp.temporal = 0;
    stamp.packet = this.#packets++;
    stamp.frame = this.#packets;
    stamp.reference = 0;
    stamp.write(payload, 0, PAYLOAD_BYTES);
    const timestamp = this.stream.timestampAt(nowUs);
    const audioLevel = this.saysLevels ? this.#level(nowUs) : NO_LEVEL;
    return { marker: false, timestamp, payload, descriptor: null, audioLevel };
  }

  /** Alternately loud and soft while speaking, with pauses that do not count as speech. */
  #level(nowUs: number): number {
    if (nowUs >= this.speaksUntilUs) return Math.round(ROOM_DB + this.#random() * ROOM_NOISE_DB);
    const swing = (1 + Math.sin((2 * Math.PI * SYLLABLES_PER_SECOND * nowUs) / 1_000_000)) / 2;
    const softer = 0.8 * swing + 0.2 * this.#random();
    return (softer < PAUSE ? VOICE : 0) | Math.round(SPEECH_DB + SYLLABLE_DB * softer);
  }
}
