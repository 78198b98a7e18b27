/**
 * Goal: in a whole call, whatever comes between the packets of a picture, each receiver is sent what it would be sent if
 * every packet were forwarded on its own; and control is told the same.
 * Method: the same call twice, in threads so busy that they find all that came in 10 ms together: media of everybody,
 * retransmissions, RTCP, checks, and packets from pipes. Plaintext is compared, with what sealing and counting need.
 */
import { createHash } from "node:crypto";
import { expect, test, vi } from "vitest";
import { SLOT_BYTES } from "../../src/base/transmit-ring.ts";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import type { MediaCore } from "../../src/core/media-core.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { Conference, type Person } from "../sim/conference.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;
const LOSSY = { delayUs: 20 * MS, jitterUs: 8 * MS, loss: 0.03 };
const IN_ORDER = { ...LOSSY, jitterReorders: false };
const SLOW = { ...LOSSY, rateBps: 900_000 };

const PEOPLE: readonly Person[] = [
  { name: "ada", sends: "simulcast", watches: ["bo"], up: LOSSY, down: LOSSY },
  { name: "bo", sends: "svc", watches: ["ada"], up: IN_ORDER, down: SLOW },
  { name: "cy", sends: "audio", up: LOSSY, down: LOSSY, numbersPackets: false },
  { name: "di", sends: "nothing", down: LOSSY },
];

/** Has a thread receive all datagrams at its ticks. `isSplit`: each packet is forwarded before the next comes. */
function keepBusy(core: MediaCore, isSplit: boolean): void {
  const { ring } = core;
  const receive = core.receive.bind(core);
  const tick = core.tick.bind(core);
  const makeRoom = ring.makeRoom.bind(ring);
  const waiting: Parameters<MediaCore["receive"]>[] = [];
  ring.sendsEarly = !isSplit;
  ring.makeRoom = (run) => {
    if (isSplit) core.forward();
    makeRoom(run);
  };
  core.receive = (...datagram) => waiting.push(datagram);
  core.tick = (nowUs) => {
    for (const [, bytes, length, path, arrivedUs] of waiting.splice(0)) {
      receive(nowUs, bytes, length, path, arrivedUs);
      ring.makeRoom();
    }
    core.forward();
    ring.flush();
    tick(nowUs);
  };
}

/** Adds to `sent`, by path, a digest of each row that is to be sealed, and what is told with it. */
function record({ ring }: MediaCore, sent: Map<number, string[]>): void {
  for (let row = 0; row < ring.count; row++) {
    const path = ring.path[row]!;
    const at = row * SLOT_BYTES;
    const digest = createHash("sha1")
      .update(ring.slab.subarray(at, at + ring.bytes[row]!))
      .digest("hex");
    const rows = sent.get(path) ?? [];
    rows.push(
      [digest, ring.session[row], ring.headerBytes[row], ring.extSeq[row], ring.receivedUs[row]].join(" "),
    );
    sent.set(path, rows);
  }
}

function outcome(threads: number, seed: number, isSplit: boolean): object {
  const call = new Conference({ people: PEOPLE, seed, threads });
  const events: unknown[] = [];
  call.told = (event) => events.push(event);
  const sent = call.threads.map(({ core }) => {
    const byPath = new Map<number, string[]>();
    const seal = core.seal.bind(core);
    core.seal = () => {
      record(core, byPath);
      return seal();
    };
    keepBusy(core, isSplit);
    return byPath;
  });
  call.run(SECOND_US);
  for (const spatial of [0, 2, 1]) {
    for (const viewer of ["cy", "di"]) {
      for (const publisher of ["ada", "bo"])
        call.prefer(viewer, publisher, { ...NO_PREFERENCE, preferred: { spatial, temporal: 7 } });
    }
    if (spatial === 2) call.roam("bo");
    call.run(SECOND_US / 2);
  }
  return { sent, events, counters: call.threads.map(({ core }) => [...core.counters]) };
}

test.each([
  { name: "one thread", threads: 1, seed: 1 },
  { name: "two threads", threads: 2, seed: 2 },
])("a call in $name is the same without runs of packets", ({ threads, seed }) => {
  const forward = vi.spyOn(UpTrack.prototype, "forward");
  const longest = (): number => Math.max(...forward.mock.calls.map(([, count]) => count));
  const inRuns = outcome(threads, seed, false);
  expect(longest()).toBeGreaterThan(4);
  forward.mockClear();
  expect(inRuns).toEqual(outcome(threads, seed, true));
  expect(longest()).toBe(1);
  forward.mockRestore();
});
