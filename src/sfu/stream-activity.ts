/** Whether a publisher is sending a stream, by its packets and its BYEs. Sans-IO: the caller has the clock. */

/**
 * A packet this soon after a BYE was under way, or is a retransmission. Longer would overlook a sender that resumes at
 * once, shorter would take the last repairs for that.
 */
const LATE_US = 1_000_000;

export class StreamActivity {
  #lastPacketUs = Number.NEGATIVE_INFINITY;
  #stoppedUs = Number.NEGATIVE_INFINITY;

  onPacket(nowUs: number): void {
    if (nowUs - this.#stoppedUs > LATE_US) this.#lastPacketUs = nowUs;
  }

  /** The sender has sent a BYE. */
  stop(nowUs: number): void {
    this.#stoppedUs = nowUs;
    this.#lastPacketUs = Number.NEGATIVE_INFINITY;
  }

  /** Whether nothing has come since a BYE, or ever. */
  get isStopped(): boolean {
    return this.#lastPacketUs === Number.NEGATIVE_INFINITY;
  }

  idleUs(nowUs: number): number {
    return nowUs - this.#lastPacketUs;
  }
}
