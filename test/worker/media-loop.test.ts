/**
 * Goal: what a turn has written is on its way before a command takes away what it needs.
 * Method: a voice packet comes, and in the same turn of the event loop, before the end of the batch, its receiver is
 * closed; as on a socket that hands over one datagram at a time.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { TransmitRing } from "../../src/base/transmit-ring.ts";
import type { DatagramSocket } from "../../src/worker/datagram-socket.ts";
import { MediaLoop } from "../../src/worker/media-loop.ts";
import { Conference } from "../sim/conference.ts";
import { OPUS } from "../sim/session-parameters.ts";

test("a copy for somebody whose session ends in the same turn is still sealed and sent", () => {
  const conference = new Conference({ people: [{ name: "ada" }, { name: "bo", sends: "nothing" }], seed: 1 });
  const { core } = conference;
  const [ada, bo] = [conference.seat("ada"), conference.seat("bo")];
  conference.run(1_000_000);

  // The conference's own copy is spoiled, so that ours has never been seen.
  let voice: Uint8Array | undefined;
  conference.overheard = (datagram) => {
    if (voice !== undefined || (datagram[1]! & 0x7f) !== OPUS.payloadType) return;
    voice = Uint8Array.from(datagram);
    datagram[datagram.length - 1]! ^= 1;
  };
  while (voice === undefined) conference.run(20_000);
  conference.overheard = null;

  const sent: number[] = [];
  const loop = new MediaLoop(core, () => conference.nowUs, {
    events: () => {},
    letters: () => {},
    wake: () => {},
  });
  loop.socket = recordingSocket(sent);
  loop.onDatagram(voice, voice.length, ada.path);
  loop.onCommand({ kind: "transport.close", transportId: bo.peer.transportId });
  loop.onBatchEnd();
  loop.stop();

  expect(core.counters[SLOT.downDropped_not_sealed]).toBe(0);
  expect(sent).toContain(bo.path);
});

/** Keeps the paths of the datagrams that it is given. */
function recordingSocket(sent: number[]): DatagramSocket {
  return {
    port: 0,
    receiveBufferBytes: 0,
    sendBufferBytes: 0,
    segments: false,
    send(ring: TransmitRing) {
      for (let row = 0; row < ring.count; row++) if (ring.bytes[row]! > 0) sent.push(ring.path[row]!);
      return 0;
    },
    receiveDrops: () => undefined,
    close: () => Promise.resolve(),
  };
}
