/** Whether a publisher sends a stream at present, by its packets and by what it says. Sans-IO: the caller has the clock. */

/**
 * What comes this soon after the sender said that it stops was under way, or is a retransmission. Longer would overlook a
 * sender that goes on at once, shorter would take the last repairs for one.
 */
const LATE_US = 1_000_000;

export class StreamActivity {
  #lastPacketUs = Number.NEGATIVE_INFINITY;
  #stoppedUs = Number.NEGATIVE_INFINITY;

  onPacket(nowUs: number): void {
    if (nowUs - this.#stoppedUs > LATE_US) this.#lastPacketUs = nowUs;
  }

  /** The sender has said that it stops. */
  stop(nowUs: number): void {
    this.#stoppedUs = nowUs;
    this.#lastPacketUs = Number.NEGATIVE_INFINITY;
  }

  /** Nothing came since the sender said so, or ever. */
  get isStopped(): boolean {
    return this.#lastPacketUs === Number.NEGATIVE_INFINITY;
  }

  idleUs(nowUs: number): number {
    return nowUs - this.#lastPacketUs;
  }
}
