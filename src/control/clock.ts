/** Time as control needs it, passed as an argument so that tests control it. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Milliseconds since an arbitrary moment, unaffected by changes of the system clock: for measuring durations. */
  monotonicMs(): number;
  /** Runs `action` once, `delayMs` from now; the function returned cancels it and may be called at any time. */
  after(delayMs: number, action: () => void): () => void;
}

/** The machine's clock. Its timers never keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
