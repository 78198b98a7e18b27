/**
 * Goal: a receiver that is busy for a moment is not taken for a narrow path.
 * Method: voices alone, as a call begins with, towards a receiver that reads nothing for a while, then everything at once,
 * and is caught reporting in the middle of it.
 */
import { expect, test } from "vitest";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { NO_STREAM } from "../../src/cc/sent-packet-log.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";

const MS = 1_000;
const START_BPS = 600_000;
/** Two voices, or padding. */
const PACKET_US = 10 * MS;
const PACKET_BYTES = 110;
const PATH_US = 5 * MS;
const REPORT_US = 50 * MS;

class BusyReceiver {
  readonly estimator = new BandwidthEstimator(0);
  readonly #recorder = new ArrivalRecorder();
  readonly #cursor = new RtcpCursor();
  readonly #unread: number[] = [];
  #seq = 0;
  #nowUs = 0;
  #leastBps = Number.POSITIVE_INFINITY;

  get leastBps(): number {
    return this.#leastBps;
  }

  /** A packet every 10 ms. `reads`: the receiver takes in what has come, and reports. */
  run(durationUs: number, reads: boolean): void {
    for (const endUs = this.#nowUs + durationUs; this.#nowUs < endUs; this.#nowUs += PACKET_US) {
      this.#send();
      this.estimator.tick(this.#nowUs);
      while (this.estimator.probeBytesDue(this.#nowUs) > 0) this.#send();
      if (!reads) continue;
      this.#read(this.#unread.length);
      if (this.#nowUs % REPORT_US === 0) this.#report();
    }
  }

  /** It reads so many of the packets that wait, at once, and a report goes out. */
  readSome(packets: number): void {
    this.#read(packets);
    this.#report();
  }

  #send(): void {
    this.#unread.push(this.#seq++ & 0xffff);
    this.estimator.onSent(PACKET_BYTES, this.#nowUs, NO_STREAM, 0);
  }

  #read(packets: number): void {
    for (const seq of this.#unread.splice(0, packets)) this.#recorder.onPacket(seq, this.#nowUs + PATH_US);
  }

  #report(): void {
    const out = new Uint8Array(1_500);
    const nowUs = this.#nowUs + 2 * PATH_US;
    while (this.#recorder.due(nowUs)) {
      const message = out.subarray(0, this.#recorder.write(nowUs, out, 0, 1, 2));
      this.#cursor.reset(message, message.length);
      this.#cursor.next();
      this.estimator.onFeedback(message, this.#cursor, nowUs);
      this.#leastBps = Math.min(this.#leastBps, this.estimator.targetBps);
    }
  }
}

test.each([
  { stallMs: 100, packetsFirst: 5 },
  { stallMs: 200, packetsFirst: 16 },
  { stallMs: 300, packetsFirst: 16 },
  { stallMs: 300, packetsFirst: 20 },
  { stallMs: 350, packetsFirst: 24 },
])("nothing read for $stallMs ms, then $packetsFirst packets in the first report", (stall) => {
  const receiver = new BusyReceiver();
  receiver.run(1_000 * MS, true);
  receiver.run(stall.stallMs * MS, false);
  receiver.readSome(stall.packetsFirst);
  receiver.run(2_000 * MS, true);
  expect(receiver.leastBps).toBeGreaterThanOrEqual(START_BPS);
});

test("what was taken from somebody who was sent voices alone is soon tried again", () => {
  const receiver = new BusyReceiver();
  const { estimator } = receiver;
  receiver.run(1_000 * MS, true);
  receiver.run(400 * MS, false);
  receiver.readSome(16);
  receiver.run(60 * MS, false);
  receiver.readSome(16);
  expect(estimator.targetBps).toBeLessThan(START_BPS / 2);
  estimator.wants(START_BPS, START_BPS);
  receiver.run(1_500 * MS, true);
  expect(estimator.targetBps).toBeGreaterThanOrEqual(0.9 * START_BPS);
});
