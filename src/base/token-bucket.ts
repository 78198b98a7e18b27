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
    this.#fill(nowMs);
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Takes more than there is, if need be: what is missing fills up first. */
  charge(amount: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= amount;
  }

  /** More was charged than there was. */
  isOverdrawn(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens < 0;
  }

  /** How long it takes to fill up what is missing; 0 where nothing is. */
  overdrawnForMs(nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, Math.ceil((-this.#tokens * 1_000) / this.#budget.perSecond));
  }

  #fill(nowMs: number): void {
    const { burst, perSecond } = this.#budget;
    const gained = (Math.max(0, nowMs - this.#filledMs) * perSecond) / 1_000;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#filledMs = nowMs;
  }
}
