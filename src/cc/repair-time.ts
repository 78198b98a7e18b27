/**
 * How long a receiver should delay pictures (playout-delay), so that retransmissions arrive before their picture is due. A
 * browser that only receives does not know how long a repair takes: it gets no answer to its reference times, and so leaves
 * out the round trip. We know the round trip and the losses.
 */

/** Fewer losses are not worth a delay. */
const SOME_LOSS = 0.01;
/** From this loss on, time for a second retransmission is needed. */
const MUCH_LOSS = 0.04;

/**
 * Time of a repair beside round trips: until the next packet shows the loss, at most a picture later, and both sides'
 * timers.
 */
const NOTICED_US = 60_000;
/** The same for the second: until feedback shows that the retransmission was lost too. */
const NOTICED_AGAIN_US = 50_000;

/** Longest delay for a second repair. More makes people talk over each other, less lets pictures freeze. */
const MAX_SECOND_US = 300_000;
const MAX_US = 500_000;

/** Steps of the delay. Finer follows each variation of the round trip, coarser asks for more than is needed. */
const STEP_US = 20_000;
/** How long a shorter delay must have been enough before it is set: each change plays too fast or too slow for a while. */
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
