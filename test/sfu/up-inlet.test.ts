/**
 * Goal: a publisher is told when its packets came to this machine, and not when the thread had time to read them.
 * Method: one packet that waited for 8 ms, by each kind of feedback there is.
 */
import { expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { UpInlet } from "../../src/sfu/up-inlet.ts";
import { extensionMap, upPacket } from "./packets.ts";

const ARRIVED_US = 1_000_000;
const READ_US = ARRIVED_US + 8_000;

test.each([
  { by: "transport-wide feedback", map: extensionMap({ transportCc: 3 }), extensions: "bede0001 31000700" },
  { by: "REMB", map: extensionMap({ absSendTime: 3 }), extensions: "bede0001 32000700" },
])("$by counts from the arrival", ({ map, extensions }) => {
  const told: number[] = [];
  const feedback = {
    arrivals: { onPacket: (_seq: number, arrivalUs: number) => void told.push(arrivalUs) },
    onTimedPacket: (_sent: number, _bytes: number, arrivalUs: number) => void told.push(arrivalUs),
  };
  const demux = { find: () => "unknown_ssrc" };
  const context = createCoreContext(new TransmitRing(16), createSharedCounters());
  const inlet = new UpInlet(map, feedback as never, demux as never, context);
  inlet.receiver = { openRtp: (_bytes: Uint8Array, _header: unknown, length: number) => length } as never;
  const packet = upPacket(map, { extensions });
  packet.arrivedUs = ARRIVED_US;
  packet.receivedUs = READ_US;
  packet.nowUs = READ_US;
  inlet.receive(packet);
  expect(told).toEqual([ARRIVED_US]);
});
