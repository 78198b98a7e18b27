/**
 * What a subscriber that has no transport-wide feedback estimates of its path (REMB), each time of the streams that it
 * names (draft-alvestrand-rmcat-remb-03 §2.2): browsers name all of a connection, aiortc has an estimate for each.
 *
 * Such an estimate begins at what arrives, grows by 8 % a second and stays within 1.5 times what arrives
 * (draft-ietf-rmcat-gcc-02 §5.5): where a camera sends little it is little, whatever the path carries. It falls only
 * when a queue grows, so it is a limit when it has fallen.
 */

/** Estimates are repeated each second or more often while packets arrive; an older one says nothing about now. */
export const REMB_LIFETIME_US = 3_000_000;
/** How long it is a limit after it has fallen. Shorter: a full path is tried again sooner. Longer: pictures are missed. */
const LIMITS_US = 10_000_000;
/** What may be missing in one that has not fallen. */
const HEADROOM = 1.5;

interface Estimate {
  readonly bps: number;
  readonly ssrcs: readonly number[];
  readonly atUs: number;
  /** When it, or one before it about the same streams, was less than the one before; -Infinity for never. */
  readonly fellUs: number;
}

export class ReceiverEstimates {
  #estimates: readonly Estimate[] = [];

  /** `ssrcs`: those of our streams that it names; there are never more estimates than streams. */
  add(bps: number, ssrcs: readonly number[], nowUs: number): void {
    const isAbout = (other: Estimate): boolean => other.ssrcs.some((ssrc) => ssrcs.includes(ssrc));
    const known = this.#estimates.filter((other) => isFresh(other, nowUs));
    const replaced = known.filter(isAbout);
    const hasFallen = bps < sumOf(replaced.map((one) => one.bps));
    const fellUs = hasFallen
      ? nowUs
      : Math.max(Number.NEGATIVE_INFINITY, ...replaced.map((one) => one.fellUs));
    const others = known.filter((other) => !isAbout(other));
    this.#estimates = ssrcs.length === 0 ? others : [...others, { bps, ssrcs, atUs: nowUs, fellUs }];
  }

  /** What all streams together may take, bits per second; undefined while none has fallen, or of `sent` one has none. */
  limitBps(sent: readonly number[], nowUs: number): number | undefined {
    const fresh = this.#estimates.filter((estimate) => isFresh(estimate, nowUs));
    const hasFallen = ({ fellUs }: Estimate): boolean => nowUs - fellUs <= LIMITS_US;
    if (!fresh.some(hasFallen)) return undefined;
    if (!sent.every((ssrc) => fresh.some(({ ssrcs }) => ssrcs.includes(ssrc)))) return undefined;
    return sumOf(fresh.map((estimate) => (hasFallen(estimate) ? estimate.bps : HEADROOM * estimate.bps)));
  }
}

const isFresh = ({ atUs }: Estimate, nowUs: number): boolean => nowUs - atUs <= REMB_LIFETIME_US;
const sumOf = (rates: readonly number[]): number => rates.reduce((sum, one) => sum + one, 0);
