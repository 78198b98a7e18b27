/**
 * Finds out whether losses stay when less is sent. If so, the rate does not cause them, however many they are.
 *
 *            begin()                enough was seen at the lower rate
 *    idle ───────────▶ on trial ──────────────────────────────────────▶ idle: they stay, and `judge` says so, or they do not
 *                       │ ▲ └── the rate does not fall, or a queue shows ──▶ idle
 *                       └─┘ it is not clear: more is looked at
 *
 * At a constant rate, a link that is too narrow and one that loses packets at any rate look alike. When losses have
 * lowered the rate, what arrives tells: on radio it falls with what is sent, on a narrow link it stays as it was.
 */

/**
 * "Lower" means at most this share of what was sent before. More cannot tell, less waits for what a small step never
 * brings.
 */
const LOWER_SHARE = 0.85;
/**
 * Losses stay if what arrives falls by at least this share of the fall of what is sent. Less takes chance for proof, more
 * gives up bad radio.
 */
const STAY_SHARE = 0.8;
/**
 * Losses are still there if at least this share of packets is lost, of that before. More takes a good moment of radio for
 * their end, less goes on with a trial of what is over.
 */
const KEPT_SHARE = 0.3;
/** With more loss no picture gets through, and what arrives says nothing about what was sent. */
const MAX_LOSS = 0.6;
/** What must be seen at the lower rate before a verdict. Less is chance, more leaves a viewer with less for longer. */
const JUDGED_COUNT = 4;
const JUDGED_BYTES = 40_000;
/** Observations within which this must be seen: the first are of what was sent before the step. */
const PATIENCE = 24;

/** A longer queue may be what drops packets, whoever fills it. More trusts a full link, less gives up jittery radio. */
const NO_QUEUE_US = 5_000;
/**
 * A queue in this many consecutive observations is a full link. Fewer takes a large frame for one, more keeps a wrong
 * proof.
 */
const FULL_COUNT = 8;

export class LossTrial {
  /** Once `judge` has returned true: the share that stays lost, and the rate that was allowed before the trial. */
  loss = 0;
  beforeBps = 0;
  #isOn = false;
  /** Whether it goes on because it has shown nothing. */
  #isUnclear = false;
  #priorLoss = 0;
  #priorSentBps = 0;
  #priorCameBps = 0;
  #seen = 0;
  /** Number of observations at the lower rate, and their sums. */
  #judged = 0;
  #bytes = 0;
  #lostBytes = 0;
  #sentBps = 0;
  /** Number of latest observations with a queue, without a gap. */
  #queued = 0;

  /** Whether a queue has been standing for long: all losses may come from it. */
  get isFull(): boolean {
    return this.#queued >= FULL_COUNT;
  }

  /**
   * The share `loss` of `sentBps` was lost, and therefore less than `beforeBps` is allowed from now on. Ignored during a
   * trial, unless that has shown nothing and began with less.
   */
  begin(loss: number, sentBps: number, beforeBps: number): void {
    if (this.#isOn && !(this.#isUnclear && sentBps > this.#priorSentBps)) return;
    this.#isOn = true;
    this.#isUnclear = false;
    this.beforeBps = beforeBps;
    this.#priorLoss = loss;
    this.#priorSentBps = sentBps;
    this.#priorCameBps = sentBps * (1 - loss);
    this.#lookAfresh();
  }

  stop(): void {
    this.#isOn = false;
  }

  /**
   * Takes one more observation. `queueUs`: the queue now. Returns true when the losses have been shown to stay, which
   * ends the trial.
   */
  judge(bytes: number, lostBytes: number, sentBps: number, queueUs: number): boolean {
    const isQueued = queueUs > NO_QUEUE_US;
    this.#queued = isQueued ? this.#queued + 1 : 0;
    // A queue before that may be left from what was sent before the step.
    if (isQueued && this.#judged > 0) this.stop();
    if (!this.#isOn) return false;
    this.#seen += 1;
    if (sentBps <= LOWER_SHARE * this.#priorSentBps) this.#add(bytes, lostBytes, sentBps);
    if (this.#judged >= JUDGED_COUNT && this.#bytes >= JUDGED_BYTES) return this.#conclude();
    if (this.#seen >= PATIENCE) this.stop();
    return false;
  }

  /**
   * Losses that are there all the same may have been too many or too few by chance. At the least rate there would be no other
   * trial, for nothing is lower.
   */
  #conclude(): boolean {
    this.loss = this.#lostBytes / this.#bytes;
    const isTold = this.loss <= MAX_LOSS;
    const stay = isTold && this.#fellAlike();
    this.#isUnclear = isTold && !stay && this.loss >= KEPT_SHARE * this.#priorLoss;
    if (this.#isUnclear) this.#lookAfresh();
    else this.stop();
    return stay;
  }

  #lookAfresh(): void {
    this.#seen = 0;
    this.#judged = 0;
    this.#bytes = 0;
    this.#lostBytes = 0;
    this.#sentBps = 0;
  }

  #add(bytes: number, lostBytes: number, sentBps: number): void {
    this.#judged += 1;
    this.#bytes += bytes;
    this.#lostBytes += lostBytes;
    this.#sentBps += sentBps;
  }

  /** Whether less arrives as less is sent. */
  #fellAlike(): boolean {
    const sentBps = this.#sentBps / this.#judged;
    const cameShare = (sentBps * (1 - this.loss)) / this.#priorCameBps;
    return 1 - cameShare >= STAY_SHARE * (1 - sentBps / this.#priorSentBps);
  }
}
