/** A budget that fills up with time: `burst` at once, `perSecond` for longer. */
export interface Budget {
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #budget: Budget;
  #tokens: number;
  #filledMs: number;

  constructor(budget: Budget, nowMs: number) {
    this.#budget = budget;
    this.#tokens = budget.burst;
    this.#filledMs = nowMs;
  }

  /** Returns whether there is as much left; then it is gone. */
  take(amount: number, nowMs: number): boolean {
    const { burst, perSecond } = this.#budget;
    const gained = (Math.max(0, nowMs - this.#filledMs) * perSecond) / 1_000;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#filledMs = nowMs;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
