/**
 * Speech in one audio track, by the level that each packet carries in clear (RFC 6464 §3): works on sealed audio.
 *
 *   0 1 2 3 4 5 6 7
 *  |V| level: -dBov|     0 is the loudest, 127 is silence
 *
 * After Volfin and Cohen, "Dominant speaker identification for multipoint videoconferencing" (2012), which scores three
 * intervals. Ours are this packet, the slots of the last third of a second, and a mean over two seconds.
 *
 *   history, newest slot right      …0000 1111 0111 1111 0000
 *                                         word    gap of a consonant, filled    pause
 *
 * A level is the publisher's claim. What counts is how far it is above the lowest that the same track has lately had, so a
 * publisher that always claims the same level becomes its own background: even 0 dBov counts as silence after 11 seconds at
 * most, and from then on.
 */

/** A slot of history: the usual length of an Opus packet. Longer blurs the onset of a word, shorter halves the memory. */
const SLOT_US = 20_000;

/** Bits of history, and how many of them are "lately": the 320 ms in which a word is distinguished from a noise. */
const SLOTS = 32;
const LATELY_SLOTS = 16;

/**
 * Loud slots at most this far apart are one sound: consonants, lost packets and packets of 60 ms leave gaps. Wider makes a
 * word of two clicks, narrower makes holes in words.
 */
const GAP_SLOTS = 4;

/**
 * Loud slots lately that are speech: 200 ms. More is slow to notice a new speaker, fewer takes a slammed door for a word.
 */
const SPEECH_SLOTS = 10;

/** At most this many lately is a pause: 300 ms of silence but for a click. More cuts hesitations, fewer makes turns slow. */
const PAUSE_SLOTS = 1;

/** With fewer in the whole history a speaker has stopped: half a second of silence. Fewer still lets a keyboard speak on. */
const STOPPED_SLOTS = 5;

/** Loudness here is 127 − level: decibels above digital silence. */
const SILENCE = 127;

/**
 * The background is at least −65 dBov: a noise gate sends digital silence, and breath is no speech. Higher loses those who
 * whisper, lower takes breath for speech.
 */
const LOWEST_FLOOR = 62;

/**
 * How fast the background rises to the level heard: 5 dB a second. Faster silences a long sung note, slower leaves the floor
 * to a fan, or to a false claim, for longer. It falls at once: pauses between words show the background.
 */
const FLOOR_RISE_PER_US = 5e-6;

/** A gap between packets (DTX) raises the background by no more than a long packet does. */
const MAX_RISE_US = 120_000;

/**
 * How far above the background a packet is loud: 10 dB, or 15 where the publisher's own detector says that it is no voice
 * (the V bit, which is only a hint). Lower takes noise for speech, higher loses soft voices in echoing rooms.
 */
const LOUD_DB = 10;
const LOUD_WITHOUT_VOICE_DB = 15;

/**
 * A voice this far above the background has full strength. Larger prefers those who are near a microphone, smaller gives a
 * radio in the next room as much weight as a voice.
 */
const FULL_DB = 40;

/** Weight of a packet in the mean loudness: a quarter follows within a syllable. */
const LOUDNESS_SHARE = 0.25;

/** Time of the mean strength. Longer is slow to notice that noise holds the floor, shorter forgets who has been talking. */
const STRENGTH_US = 2_000_000;

export class SpeechActivity {
  /** Whether the newest packet is loud. */
  isLoud = false;
  /** When a packet was last loud; 0 for never. */
  lastLoudUs = 0;
  /** Whether somebody speaks, short pauses included. As of the last `sample`. */
  isSpeaking = false;
  /** How much and how clearly somebody spoke lately, in [0, 1], and its mean over two seconds. As of the last `sample`. */
  presence = 0;
  strength = 0;
  #floor = LOWEST_FLOOR;
  #receivedUs = 0;
  /** Bit n: whether something was loud n slots before `#slot`. */
  #history = 0;
  #slot = 0;
  /** Mean loudness of loud packets, decibels. */
  #loudness = 0;

  /** `octet`: the extension's byte in one packet, received at `receivedUs`. */
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

  /** Whether somebody has been speaking until now, for longer than a single noise lasts. */
  isTalking(nowUs: number): boolean {
    return this.#latelySlots(nowUs) >= SPEECH_SLOTS;
  }

  /** Whether it has been silent for long enough that others may take their turn. */
  isPausing(nowUs: number): boolean {
    return this.#latelySlots(nowUs) <= PAUSE_SLOTS;
  }

  /** Updates the means, `elapsedUs` after the last call. */
  sample(nowUs: number, elapsedUs: number): void {
    const lately = this.#latelySlots(nowUs);
    const stopped = bitCount(this.#historyAt(nowUs)) < STOPPED_SLOTS;
    this.isSpeaking = this.isSpeaking ? !stopped : lately >= SPEECH_SLOTS;
    const clarity = Math.min(Math.max((this.#loudness - this.#floor) / FULL_DB, 0), 1);
    this.presence = (lately / LATELY_SLOTS) * clarity;
    this.strength += (this.presence - this.strength) * Math.min(elapsedUs / STRENGTH_US, 1);
  }

  /** Mean level of loud packets, dBov. */
  get levelDbov(): number {
    return this.#loudness - SILENCE;
  }

  /** The track was muted: forgets what was heard, except the background. */
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

  /** The history shifted to `nowUs`. Absent packets are silence: with DTX nearly all of a pause has none. */
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

  /** Marks the present slot as loud, and a short gap before it. */
  #mark(): void {
    const before = this.#history & ~1;
    const distance = 31 - Math.clz32(before & -before);
    if (before !== 0 && distance <= GAP_SLOTS) this.#history |= (1 << distance) - 1;
    this.#history |= 1;
  }
}

/** Number of ones in 32 bits. */
function bitCount(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
