/**
 * How one audio track sounds, from the level that each packet says in clear (RFC 6464 §3): works on sealed audio.
 *
 *   0 1 2 3 4 5 6 7
 *  |V| level: -dBov|     0 is the loudest there is, 127 silence
 *
 * After Volfin and Cohen, "Dominant speaker identification for multipoint videoconferencing" (2012), which scores
 * three lengths of time. Ours: this packet, the slots of the last third of a second, and a mean over two seconds.
 *
 *   history, newest slot right      …0000 1111 0111 1111 0000
 *                                         word    gap of a consonant, filled    pause
 *
 * A level is the publisher's claim. What counts is how far it stands above the lowest that the same track has lately
 * had, so whoever claims one level all the time becomes background to itself: from 0 dBov down to silence in the eyes
 * of the server within 11 seconds, where it stays.
 */

/** A slot of history: the usual length of an Opus packet. Longer blurs the onset of a word, shorter halves the memory. */
const SLOT_US = 20_000;

/** Bits of history, and how many of them are "lately": the 320 ms in which a word is told from a noise. */
const SLOTS = 32;
const LATELY_SLOTS = 16;

/**
 * Loud slots no further apart are one sound: consonants, lost packets, packets of 60 ms. Wider makes a word of two
 * clicks, narrower makes holes in words.
 */
const GAP_SLOTS = 4;

/** Of the slots lately, to be speech: 200 ms. More is slow to notice who begins, fewer takes a slammed door for a word. */
const SPEECH_SLOTS = 10;

/** At most so many lately is a pause: 300 ms of silence, a click allowed. More cuts hesitations, fewer makes turns slow. */
const PAUSE_SLOTS = 1;

/** Fewer in the whole history, and whoever spoke has stopped: half a second. Fewer still lets a keyboard speak on. */
const STOPPED_SLOTS = 5;

/** Loudness is 127 − level here: decibels up from digital silence. */
const SILENCE = 127;

/**
 * No background is taken to be quieter than −65 dBov: a noise gate sends digital silence, and breath is no speech.
 * Louder loses those who whisper, quieter hears them breathe.
 */
const LOWEST_FLOOR = 62;

/**
 * How fast the background rises to what is heard: 5 dB a second. Faster silences a long sung note, slower leaves a fan,
 * or a liar, the floor for longer. It falls at once: pauses between words show what it is.
 */
const FLOOR_RISE_PER_US = 5e-6;

/** A gap between packets (DTX) raises the background by no more than a long packet does. */
const MAX_RISE_US = 120_000;

/**
 * Above the background, to be loud: 10 dB, or 15 where the publisher's own detector says that it is no voice. That bit
 * is a hint only: it makes no sound louder. Lower lets noise speak, higher loses soft voices in echoing rooms.
 */
const LOUD_DB = 10;
const LOUD_WITHOUT_VOICE_DB = 15;

/**
 * So far above the background a voice is as strong as can be. Larger prefers who is near a microphone, smaller gives a
 * radio in the next room as much weight as a voice.
 */
const FULL_DB = 40;

/** How much of the mean loudness a packet renews: a quarter follows within a syllable. */
const LOUDNESS_SHARE = 0.25;

/** Of the mean strength. Longer is slow to notice that noise holds the floor, shorter forgets who has been talking. */
const STRENGTH_US = 2_000_000;

export class SpeechActivity {
  /** Whether the newest packet stands out. */
  isLoud = false;
  /** When a packet last did; 0 for never. */
  lastLoudUs = 0;
  /** Whether it speaks, short pauses included. As of the last `sample`. */
  isSpeaking = false;
  /** How much and how clearly it has spoken lately, in [0, 1]; and its mean over the last seconds. As of the last `sample`. */
  presence = 0;
  strength = 0;
  #floor = LOWEST_FLOOR;
  #receivedUs = 0;
  /** Bit n: whether something was loud n slots before `#slot`. */
  #history = 0;
  #slot = 0;
  /** Mean of loud packets, decibels. */
  #loudness = 0;

  /** One packet's octet of the extension, at its time of reception. */
  onLevel(octet: number, receivedUs: number): void {
    const loudness = SILENCE - (octet & 0x7f);
    const elapsedUs = Math.min(Math.max(receivedUs - this.#receivedUs, 0), MAX_RISE_US);
    this.#receivedUs = receivedUs;
    const risen = this.#floor + elapsedUs * FLOOR_RISE_PER_US;
    this.#floor = Math.max(Math.min(risen, loudness), LOWEST_FLOOR);
    const threshold = (octet & 0x80) === 0 ? LOUD_WITHOUT_VOICE_DB : LOUD_DB;
    this.isLoud = loudness - this.#floor >= threshold;
    this.#advance(receivedUs);
    if (!this.isLoud) return;
    this.lastLoudUs = receivedUs;
    this.#loudness += (loudness - this.#loudness) * (this.#history === 0 ? 1 : LOUDNESS_SHARE);
    this.#mark();
  }

  /** It speaks at this moment, and not for the first time: no single noise does. */
  isTalking(nowUs: number): boolean {
    return this.#latelySlots(nowUs) >= SPEECH_SLOTS;
  }

  /** Long enough silent for others to take their turn. */
  isPausing(nowUs: number): boolean {
    return this.#latelySlots(nowUs) <= PAUSE_SLOTS;
  }

  /** Brings the means up to date, `elapsedUs` after the last time. */
  sample(nowUs: number, elapsedUs: number): void {
    const lately = this.#latelySlots(nowUs);
    const stopped = bitCount(this.#historyAt(nowUs)) < STOPPED_SLOTS;
    this.isSpeaking = this.isSpeaking ? !stopped : lately >= SPEECH_SLOTS;
    const clarity = Math.min(Math.max((this.#loudness - this.#floor) / FULL_DB, 0), 1);
    this.presence = (lately / LATELY_SLOTS) * clarity;
    this.strength += (this.presence - this.strength) * Math.min(elapsedUs / STRENGTH_US, 1);
  }

  /** Mean of what was loud. */
  get levelDbov(): number {
    return this.#loudness - SILENCE;
  }

  /** What comes is a new beginning: it was muted. */
  clear(): void {
    this.isLoud = false;
    this.lastLoudUs = 0;
    this.isSpeaking = false;
    this.presence = 0;
    this.strength = 0;
    this.#history = 0;
    this.#loudness = 0;
  }

  #latelySlots(nowUs: number): number {
    return bitCount(this.#historyAt(nowUs) & ((1 << LATELY_SLOTS) - 1));
  }

  /** Packets that do not come leave silence: with DTX nearly all of a pause is that. */
  #historyAt(nowUs: number): number {
    const slots = Math.floor(nowUs / SLOT_US) - this.#slot;
    if (slots <= 0) return this.#history;
    return slots < SLOTS ? this.#history << slots : 0;
  }

  #advance(nowUs: number): void {
    const slot = Math.floor(nowUs / SLOT_US);
    if (slot <= this.#slot) return;
    this.#history = slot - this.#slot < SLOTS ? this.#history << (slot - this.#slot) : 0;
    this.#slot = slot;
  }

  /** The present slot is loud, and so is a short gap before it. */
  #mark(): void {
    const before = this.#history & ~1;
    const distance = 31 - Math.clz32(before & -before);
    if (before !== 0 && distance <= GAP_SLOTS) this.#history |= (1 << distance) - 1;
    this.#history |= 1;
  }
}

/** Ones in 32 bits. */
function bitCount(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
