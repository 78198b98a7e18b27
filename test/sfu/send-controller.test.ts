/**
 * Goal: a receiver whose transport-wide feedback ends while its reports go on is not taken for one whose path is gone.
 * Method: a SendController that sends 1,000 bytes each 10 ms to a receiver that answers as far as it is asked to.
 */

import { expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { NO_STREAM } from "../../src/cc/sent-packet-log.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { FeedbackReceiver } from "../sim/feedback-receiver.ts";
import { extensionMap } from "./packets.ts";

const TICK_US = 10_000;
const TICKS_PER_SECOND = 100;
const START_BPS = 600_000;

/** `feeds`: transport-wide feedback comes. `arrives`: packets do, and reports of them. */
interface Second {
  readonly feeds: boolean;
  readonly arrives: boolean;
}

const WELL: Second = { feeds: true, arrives: true };
const SILENT: Second = { feeds: false, arrives: true };
const CUT: Second = { feeds: false, arrives: false };

/** Returns the estimate at the end of each second. */
function estimates(seconds: readonly Second[]): number[] {
  const context = createCoreContext(new TransmitRing(16), createSharedCounters());
  const controller = new SendController(
    new Outlet(0, context.rests),
    extensionMap({ transportCc: 3 }),
    context,
  );
  const receiver = new FeedbackReceiver(0, 0);
  const cursor = new RtcpCursor();
  let nowUs = 1_000_000;
  let receivedExtSeq = -1;
  return seconds.map(({ feeds, arrives }) => {
    for (let n = 0; n < TICKS_PER_SECOND; n++) {
      nowUs += TICK_US;
      const seq = Math.max(controller.transportSeq, 0);
      const extSeq = controller.onSent(1_000, NO_STREAM, 0, nowUs);
      if (arrives) {
        receiver.receive(seq, 1_000, nowUs);
        receivedExtSeq = extSeq;
      }
      for (const message of receiver.poll(nowUs)) {
        cursor.reset(message, message.length);
        cursor.next();
        if (feeds) controller.onTransportFeedback(message, cursor, nowUs);
      }
      controller.tick(nowUs, []);
    }
    controller.onReport(100, 0, 20_000, receivedExtSeq, nowUs);
    return controller.estimateBps!;
  });
}

test("feedback that never comes while packets do: the estimate follows the reports", () => {
  const bps = estimates([SILENT, SILENT, SILENT, SILENT, SILENT, SILENT]);
  expect(bps.slice(0, 2)).toEqual([START_BPS, START_BPS]);
  expect(bps.at(-1)).toBeGreaterThan(1.1 * START_BPS);
});

test("feedback that ends while packets come: the estimate goes on with the reports, from where it was", () => {
  const bps = estimates([WELL, WELL, WELL, SILENT, SILENT, SILENT, SILENT, SILENT]);
  const before = bps[2]!;
  expect(before).toBeGreaterThan(1.2 * START_BPS);
  for (const one of bps.slice(5)) expect(one).toBeGreaterThanOrEqual(before);
});

test("a path that is gone, though the way back is not: the estimate falls", () => {
  expect(estimates([WELL, WELL, WELL, CUT, CUT, CUT]).at(-1)).toBeLessThan(100_000);
});

test("feedback that comes back is what counts", () => {
  const bps = estimates([WELL, WELL, SILENT, SILENT, SILENT, SILENT, WELL, WELL, CUT, CUT, CUT]);
  expect(bps[7]).toBeGreaterThanOrEqual(START_BPS);
  expect(bps.at(-1)).toBeLessThan(100_000);
});
