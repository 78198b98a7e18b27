/** What may be taken: `burst` at once, `perSecond` in the long run. */
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

  /** Takes `amount`. Returns false, and takes nothing, when less is left. */
  take(amount: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Takes `amount` even when less is left: the debt is refilled first. */
  charge(amount: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= amount;
  }

  isOverdrawn(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens < 0;
  }

  /** How long until the debt is refilled; 0 without one. */
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
