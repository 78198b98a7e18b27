/**
 * Whether losses stay when less is sent. Then the rate is not what causes them, however many they are.
 *
 *            begin()                enough was seen at the lower rate
 *    idle ───────────▶ on trial ──────────────────────────────────────▶ idle, and `judge` says whether they stay
 *                         └── the rate does not fall, or a queue shows ──▶ idle
 *
 * While the rate stays the same, a link that is too narrow and one that loses whatever is sent look alike. When losses
 * have it lowered, what comes tells: of a radio's it falls as what is sent does, of a narrow link's it stays as it was.
 */

/** "Lower": of what was sent before. More can not tell, less waits for what a small step never brings. */
const LOWER_SHARE = 0.85;
/** Of what is sent less, so much has to be missing of what comes. Less takes chance for proof, more gives up bad radio. */
const STAY_SHARE = 0.8;
/** With more no picture gets through, and what comes tells nothing of what was sent. */
const MAX_LOSS = 0.6;
/** Seen at the lower rate before anything is said. Less is chance, more leaves a viewer with less for longer. */
const JUDGED_COUNT = 4;
const JUDGED_BYTES = 40_000;
/** Within so many observations: the first are of what was sent before the step. */
const PATIENCE = 24;

/** A longer queue may be what drops packets, whoever fills it. More believes a full link, less gives up jittery radio. */
const NO_QUEUE_US = 5_000;
/** In so many observations, one after the other. Fewer takes a large frame for a full link, more keeps a wrong proof. */
const FULL_COUNT = 8;

export class LossTrial {
  /** Once `judge` has said that losses stay: their share, and what was allowed before. */
  loss = 0;
  beforeBps = 0;
  #isOn = false;
  #priorSentBps = 0;
  #priorCameBps = 0;
  #seen = 0;
  /** Of observations at the lower rate. */
  #judged = 0;
  #bytes = 0;
  #lostBytes = 0;
  #sentBps = 0;
  /** The latest observations that a queue was there in. */
  #queued = 0;

  /** A queue stands for long: all that is lost may be lost there. */
  get isFull(): boolean {
    return this.#queued >= FULL_COUNT;
  }

  /** Because the share `loss` of `sentBps` was lost, less than `beforeBps` is allowed from now on. One trial at a time. */
  begin(loss: number, sentBps: number, beforeBps: number): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.beforeBps = beforeBps;
    this.#priorSentBps = sentBps;
    this.#priorCameBps = sentBps * (1 - loss);
    this.#seen = 0;
    this.#judged = 0;
    this.#bytes = 0;
    this.#lostBytes = 0;
    this.#sentBps = 0;
  }

  stop(): void {
    this.#isOn = false;
  }

  /** One more observation; `queueUs` stands now. Returns true when it shows that the losses stay: this ends the trial. */
  judge(bytes: number, lostBytes: number, sentBps: number, queueUs: number): boolean {
    const isQueued = queueUs > NO_QUEUE_US;
    this.#queued = isQueued ? this.#queued + 1 : 0;
    // What was sent before the step may have left one.
    if (isQueued && this.#judged > 0) this.stop();
    if (!this.#isOn) return false;
    this.#seen += 1;
    if (sentBps <= LOWER_SHARE * this.#priorSentBps) this.#add(bytes, lostBytes, sentBps);
    const isWhole = this.#judged >= JUDGED_COUNT && this.#bytes >= JUDGED_BYTES;
    if (!isWhole && this.#seen < PATIENCE) return false;
    this.stop();
    return isWhole && this.#stays();
  }

  #add(bytes: number, lostBytes: number, sentBps: number): void {
    this.#judged += 1;
    this.#bytes += bytes;
    this.#lostBytes += lostBytes;
    this.#sentBps += sentBps;
  }

  #stays(): boolean {
    this.loss = this.#lostBytes / this.#bytes;
    const sentBps = this.#sentBps / this.#judged;
    const cameShare = (sentBps * (1 - this.loss)) / this.#priorCameBps;
    const stays = 1 - cameShare >= STAY_SHARE * (1 - sentBps / this.#priorSentBps);
    return stays && this.loss <= MAX_LOSS;
  }
}
