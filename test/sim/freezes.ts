/**
 * Freezes of a video as W3C webrtc-stats defines them (`freezeCount`, `totalFreezesDuration`): an interval between two
 * shown pictures of at least max(3 × average, average + 150 ms), where the average is of the last 30 intervals.
 */

const AVERAGED = 30;
const LEAST_US = 150_000;

export interface Freeze {
  readonly fromUs: number;
  readonly durationUs: number;
}

/**
 * `shownUs`: when each picture was shown, ascending. A freeze that lasts until `endUs` counts as if a picture came
 * then; the definition would not count it at all.
 */
export function freezesOf(shownUs: readonly number[], endUs: number): Freeze[] {
  const freezes: Freeze[] = [];
  const recent: number[] = [];
  let sumUs = 0;
  for (let i = 1; i <= shownUs.length; i++) {
    const fromUs = shownUs[i - 1]!;
    const durationUs = (shownUs[i] ?? endUs) - fromUs;
    const averageUs = recent.length === 0 ? Number.POSITIVE_INFINITY : sumUs / recent.length;
    if (durationUs >= Math.max(3 * averageUs, averageUs + LEAST_US)) freezes.push({ fromUs, durationUs });
    recent.push(durationUs);
    sumUs += durationUs;
    if (recent.length > AVERAGED) sumUs -= recent.shift()!;
  }
  return freezes;
}
