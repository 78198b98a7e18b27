/**
 * How long a receiver should hold pictures back, so that what is lost comes again before its picture is due.
 *
 * A browser that only receives does not know how long a repair takes: nobody answers its reference times, so it leaves out
 * the round trip. We know the round trip, and the losses.
 */

/** Fewer losses are not worth a delay. */
const SOME_LOSS = 0.01;
/** From so many on, retransmissions are lost often enough to count on a second one. */
const MUCH_LOSS = 0.04;

/** Beside round trips: until a loss shows by the next packet, a picture later at most, and ours and the receiver's timers. */
const NOTICED_US = 60_000;
/** Until feedback tells that the retransmission was lost too. */
const NOTICED_AGAIN_US = 50_000;

/** A second repair is waited for within this. More makes people speak at the same time, less lets pictures stop. */
const MAX_SECOND_US = 300_000;
const MAX_US = 500_000;

/** Finer follows each wobble of the round trip, coarser asks for more than is needed. */
const STEP_US = 20_000;
/** What less would do must do for so long: each change plays too fast or too slow for a while. */
const HOLD_US = 15_000_000;

export const NEVER_NEEDED = -1;

export class RepairTime {
  /** 0 while nothing has to be repaired, NEVER_NEEDED if it never had to. */
  us = NEVER_NEEDED;
  #shrinkUs = 0;

  /** `lossRatio`: of the last seconds. */
  update(lossRatio: number, rttUs: number, nowUs: number): void {
    const wantedUs = repairUs(lossRatio, rttUs);
    if (wantedUs === 0 && this.us === NEVER_NEEDED) return;
    if (wantedUs < this.us && nowUs < this.#shrinkUs) return;
    if (wantedUs >= this.us) this.#shrinkUs = nowUs + HOLD_US;
    this.us = wantedUs;
  }
}

function repairUs(lossRatio: number, rttUs: number): number {
  if (lossRatio < SOME_LOSS) return 0;
  const once = rttUs + NOTICED_US;
  const twice = once + rttUs + NOTICED_AGAIN_US;
  const us = lossRatio < MUCH_LOSS ? once : Math.max(once, Math.min(twice, MAX_SECOND_US));
  return Math.min(Math.ceil(us / STEP_US) * STEP_US, MAX_US);
}
