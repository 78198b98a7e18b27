/** RTCP that cannot go out is counted by its reason, and leaves nothing to send. */
import { expect, test } from "vitest";
import { type CounterName, createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { PathId } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { RtcpOutlet } from "../../src/sfu/rtcp-outlet.ts";
import type { SrtpCipher } from "../../src/srtp/srtp-cipher.ts";
import { SRTP_REFUSED, SrtpSender } from "../../src/srtp/srtp-sender.ts";

const BYTES = 20;
const SEALED_BYTES = 40;

test.each<{ slots: number; sealed: number; counted: CounterName; rows: number }>([
  { slots: 1, sealed: SEALED_BYTES, counted: "downRtcpPackets", rows: 1 },
  { slots: 0, sealed: SEALED_BYTES, counted: "downDropped_ring_full", rows: 0 },
  { slots: 1, sealed: SRTP_REFUSED, counted: "downDropped_not_sealed", rows: 0 },
])("$counted", ({ slots, sealed, counted, rows }) => {
  const context = createCoreContext(new TransmitRing(slots), createSharedCounters());
  const outlet = new Outlet(0, context.rests);
  outlet.path = 1 as PathId;
  outlet.secure = true;
  const rtcp = new RtcpOutlet(outlet, context);
  const cipher: Partial<SrtpCipher> = { sealRtcp: () => sealed };
  rtcp.sender = new SrtpSender(cipher as SrtpCipher);
  rtcp.send((_out, at) => at + BYTES);
  expect(context.counters[SLOT[counted]]).toBe(1);
  expect(context.ring.count).toBe(rows);
});
