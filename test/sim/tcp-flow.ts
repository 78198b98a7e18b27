/** A long competing TCP download: Reno's congestion window (RFC 5681), every segment acknowledged, no timeouts. */

import type { FlowPacket } from "./estimated-flow.ts";
import type { Bottleneck } from "./flow-bottleneck.ts";

const SEGMENT_BYTES = 1_500;
const SPURIOUS = 3;

export class TcpFlow {
  receivedBytes = 0;
  readonly #forward: Bottleneck<FlowPacket>;
  readonly #backUs: number;
  readonly #acks: { atUs: number; seq: number }[] = [];
  #next = 0;
  /** Sent and not yet acknowledged or given up. */
  readonly #outstanding = new Set<number>();
  #window = 10;
  #threshold = Number.POSITIVE_INFINITY;
  /** Losses of segments up to this one belong to one congestion event. */
  #recoverUntil = -1;
  readonly #startUs: number;

  constructor(forward: Bottleneck<FlowPacket>, backUs: number, startUs: number) {
    this.#forward = forward;
    this.#backUs = backUs;
    this.#startUs = startUs;
  }

  step(nowUs: number): void {
    if (nowUs < this.#startUs) return;
    while (this.#acks.length > 0 && this.#acks[0]!.atUs <= nowUs) this.#onAck(this.#acks.shift()!.seq);
    while (this.#outstanding.size < Math.floor(this.#window)) {
      const seq = this.#next++;
      this.#outstanding.add(seq);
      this.#forward.send(nowUs, SEGMENT_BYTES, { flow: this, seq, bytes: SEGMENT_BYTES });
    }
  }

  receive({ seq, bytes }: FlowPacket, arrivalUs: number): void {
    this.receivedBytes += bytes;
    this.#acks.push({ atUs: arrivalUs + this.#backUs, seq });
  }

  #onAck(seq: number): void {
    this.#outstanding.delete(seq);
    this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
    for (const sent of this.#outstanding) {
      if (sent >= seq - SPURIOUS) break;
      this.#outstanding.delete(sent);
      if (sent <= this.#recoverUntil) continue;
      this.#recoverUntil = this.#next;
      this.#threshold = Math.max(this.#window / 2, 2);
      this.#window = this.#threshold;
    }
  }
}
