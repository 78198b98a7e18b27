/**
 * In which order the encodings of a simulcast video are where their RIDs do not say it (`sdp/published-streams.ts`): a higher one
 * takes more bytes. Pages mostly name their lowest first, OBS counts from its highest down.
 */
import type { UpStream } from "./up-stream.ts";

/** Longer keeps receivers on a wrong layer for as long; shorter would go by a key frame or two. */
const MEASURED_US = 3_000_000;

/**
 * Neighbours in another order than the one assumed differ by so much. Less could be chance; encoders give the next size two to four
 * times the bitrate.
 */
const MIN_RATIO = 1.5;

/** What the largest takes at least. Of a picture that stands still any may be the largest: a shared page, a covered camera. */
const MIN_BPS = 300_000;

const NEVER = -1;

export class EncodingOrder {
  #sinceUs = NEVER;
  #bytesBefore: readonly number[] = [];
  #isKnown = false;

  /**
   * To be called regularly with the `count` encodings, in the order that is assumed. Returns their present indices from the lowest
   * to the highest once, if that is another order; else null. They are compared only while all of them are sent.
   */
  find(streams: readonly (UpStream | undefined)[], count: number, nowUs: number): readonly number[] | null {
    if (this.#isKnown) return null;
    const active = streams.filter((stream) => stream?.isActive(nowUs) === true);
    if (active.length < count) {
      this.#sinceUs = NEVER;
      return null;
    }
    const totals = active.map((stream) => stream!.rate.bytes);
    if (this.#sinceUs === NEVER) this.#begin(totals, nowUs);
    if (nowUs - this.#sinceUs < MEASURED_US) return null;
    const bytes = totals.map((total, index) => total - this.#bytesBefore[index]!);
    this.#begin(totals, nowUs);
    if ((Math.max(...bytes) * 8_000_000) / MEASURED_US < MIN_BPS) return null;
    const lowestFirst = [...bytes.keys()].sort((a, b) => bytes[a]! - bytes[b]!);
    const isAsAssumed = lowestFirst.every((index, at) => index === at);
    const isClear = lowestFirst.every(
      (index, at) => at === 0 || bytes[index]! >= MIN_RATIO * bytes[lowestFirst[at - 1]!]!,
    );
    this.#isKnown = isAsAssumed || isClear;
    return isAsAssumed || !isClear ? null : lowestFirst;
  }

  #begin(totals: readonly number[], nowUs: number): void {
    this.#sinceUs = nowUs;
    this.#bytesBefore = totals;
  }
}
