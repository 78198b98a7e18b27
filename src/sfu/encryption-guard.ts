/**
 * Whether a track that is said to be end-to-end encrypted looks so: a sequential test (Page's CUSUM) for each encoding, of
 * single frames that were found to end sealed or plain.
 *
 *            plain: doubt + 1                    doubt reaches SUSPECT_AT
 *    clean ◀──────────────────▶ doubted ─────────────────────────────────▶ suspect
 *      ▲     sealed: doubt − 2                                                │
 *      └───────────────────────── doubt is back at 0 ─────────────────────────┘
 *
 * A sealed frame always ends sealed; a plain one does so about once in 256, by chance. A sealed track in which one frame
 * in twenty were plain would reach SUSPECT_AT from 0 with a probability below 1e-38; a plain one reaches it after 31 of
 * its frames on average, and does so unless more than a third of them end sealed by chance. It finds clients that have
 * failed to encrypt, not those that lie: whoever wants to can append two bytes.
 */

/** Larger: a longer leak before it is reported. Smaller: plain frames before a client has its key would count. */
const SUSPECT_AT = 30;
const PLAIN = 1;
const SEALED = 2;

/** The first frames of an encoding, which are all checked; later one in SAMPLE is, or all while there is doubt. */
const FIRST_FRAMES = 64;
/** A power of two. Larger: a track that turns plain is found later. Smaller: more needless checks. */
const SAMPLE = 16;

/** Least time between two verdicts. Larger: the second is late. Smaller: a client that alternates causes more events. */
const TELL_US = 5_000_000;

export class EncryptionGuard {
  /** By encoding. */
  readonly #frames: Uint32Array;
  readonly #doubt: Uint8Array;
  readonly #suspect: Uint8Array;
  #told = false;
  #toldUs = Number.NEGATIVE_INFINITY;

  constructor(encodings: number) {
    this.#frames = new Uint32Array(encodings);
    this.#doubt = new Uint8Array(encodings);
    this.#suspect = new Uint8Array(encodings);
  }

  /** A frame of an encoding has ended. Returns whether it must be checked, and `onLook` called with the result. */
  isDue(encoding: number): boolean {
    const frame = this.#frames[encoding]!++;
    return frame < FIRST_FRAMES || frame % SAMPLE === 0 || this.#doubt[encoding]! > 0;
  }

  onLook(encoding: number, isSealed: boolean): void {
    const before = this.#doubt[encoding]!;
    const doubt = isSealed ? Math.max(0, before - SEALED) : Math.min(SUSPECT_AT, before + PLAIN);
    this.#doubt[encoding] = doubt;
    if (doubt === SUSPECT_AT) this.#suspect[encoding] = 1;
    else if (doubt === 0) this.#suspect[encoding] = 0;
  }

  /** Whether the track is suspect, if that is to be reported now; null when there is nothing new. Call it often. */
  verdict(nowUs: number): boolean | null {
    const isSuspect = this.#suspect.includes(1);
    if (isSuspect === this.#told || nowUs - this.#toldUs < TELL_US) return null;
    this.#told = isSuspect;
    this.#toldUs = nowUs;
    return isSuspect;
  }
}
