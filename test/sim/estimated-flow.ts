/** One subscriber transport over a bottleneck: sender, receiver, and a return path that delays and loses feedback. */
import type { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { FeedbackReceiver } from "./feedback-receiver.ts";
import { Bottleneck } from "./flow-bottleneck.ts";
import { PacedSender } from "./paced-sender.ts";
import type { VideoSource } from "./video-sources.ts";

/** The return path has capacity for all feedback. */
const BACK_BPS = 10_000_000;
const BACK_QUEUE_BYTES = 100_000;
const BACK_JITTER_US = 5_000;

export interface FlowPacket {
  readonly flow: { receive(packet: FlowPacket, arrivalUs: number): void };
  readonly seq: number;
  readonly bytes: number;
}

export interface FlowOptions {
  readonly source: VideoSource;
  readonly forward: Bottleneck<FlowPacket>;
  readonly back: {
    readonly delayUs: number;
    readonly loss: number;
    readonly outages: readonly (readonly [number, number])[];
  };
  readonly startUs: number;
  readonly driftPpm: number;
  readonly seed: number;
}

export class EstimatedFlow {
  /** Digest of all packets sent, with time, sequence number and size (FNV-1a). */
  digest = 0x811c9dc5;
  sentBytes = 0;
  readonly #sender: PacedSender;
  readonly #receiver: FeedbackReceiver;
  readonly #forward: Bottleneck<FlowPacket>;
  readonly #back: Bottleneck<Uint8Array>;
  readonly #cursor = new RtcpCursor();
  readonly #startUs: number;

  constructor({ source, forward, back, startUs, driftPpm, seed }: FlowOptions) {
    this.#startUs = startUs;
    this.#forward = forward;
    this.#sender = new PacedSender(source, startUs, (seed % 33) * 1_000, (nowUs, seq, bytes) =>
      this.#onSent(nowUs, seq, bytes),
    );
    this.#receiver = new FeedbackReceiver(1_000_000_000 + seed * 7_919_000, driftPpm);
    this.#back = new Bottleneck({
      capacity: [[0, BACK_BPS]],
      queueBytes: BACK_QUEUE_BYTES,
      jitterUs: BACK_JITTER_US,
      seed: seed + 77,
      ...back,
    });
  }

  get estimator(): BandwidthEstimator {
    return this.#sender.estimator;
  }

  get receivedBytes(): number {
    return this.#receiver.receivedBytes;
  }

  /** Advances both sides to `nowUs`, at most a millisecond after the last call. `silent`: there is no media. */
  step(nowUs: number, silent: boolean): void {
    if (nowUs < this.#startUs) return;
    this.#back.deliver(nowUs, (message) => this.#onFeedback(message, nowUs));
    this.#sender.step(nowUs, silent);
    for (const message of this.#receiver.poll(nowUs)) this.#back.send(nowUs, message.length, message);
  }

  receive({ seq, bytes }: FlowPacket, arrivalUs: number): void {
    this.#receiver.receive(seq, bytes, arrivalUs);
  }

  #onSent(nowUs: number, seq: number, bytes: number): void {
    for (const word of [nowUs, seq, bytes]) this.digest = Math.imul(this.digest ^ word, 0x01000193);
    this.sentBytes += bytes;
    this.#forward.send(nowUs, bytes, { flow: this, seq, bytes });
  }

  #onFeedback(message: Uint8Array, nowUs: number): void {
    this.#cursor.reset(message, message.length);
    this.#cursor.next();
    this.estimator.onFeedback(message, this.#cursor, nowUs);
  }
}
