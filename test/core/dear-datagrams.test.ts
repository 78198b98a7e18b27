/**
 * Goal: no datagram of a participant makes its thread work for much longer than others of its size.
 * Method: a call, in which one participant says in a datagram as much as it holds of one kind; what is done for it is counted.
 */
import { expect, test, vi } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { PacketPipe } from "../../src/base/packet-pipe.ts";
import { writeBye, writeSenderReport } from "../../src/rtp/rtcp/reports.ts";
import { DownTrack } from "../../src/sfu/down-track.ts";
import { Conference, type Seat } from "../sim/conference.ts";

const SECOND_US = 1_000_000;
const MAX_BYTES = 1_400;

function say(conference: Conference, { peer, path, thread }: Seat, packet: Uint8Array): void {
  const datagram = peer.sealRtcp(packet);
  const { nowUs } = conference;
  thread.core.receive(nowUs, datagram, datagram.length, path, nowUs);
}

/** As many copies as a datagram holds. */
function repeated(write: (out: Uint8Array) => number): Uint8Array {
  const out = new Uint8Array(MAX_BYTES);
  const packet = out.slice(0, write(out));
  return Buffer.concat(Array(Math.floor(MAX_BYTES / packet.length)).fill(packet));
}

/** Asks for `count` numbers from `first` on, by items that begin `step` apart and name seventeen each. */
function nack(ssrc: number, first: number, count: number, step: number): Uint8Array {
  const packet = Buffer.alloc(12 + 4 * Math.ceil(count / 17));
  packet.set([0x81, 205], 0);
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(ssrc, 8);
  for (let at = 12, seq = first; at < packet.length; at += 4, seq += step) {
    packet.writeUInt16BE(seq & 0xffff, at);
    packet.writeUInt16BE(0xffff, at + 2);
  }
  return packet;
}

test.each([
  ["the same few again and again", 0, 17],
  ["more than it may have, again and again", 1, 1_024],
])("a NACK of six thousand numbers, %s, has few packets read back", (_what, step, most) => {
  const conference = new Conference({ people: [{ name: "ada" }, { name: "bo" }], seed: 1 });
  conference.run(3 * SECOND_US);
  const bo = conference.seat("bo");
  const { params, numbers } = bo.peer.view("video", "ada").viewer;
  const recall = vi.spyOn(DownTrack.prototype, "recall");
  const before = bo.thread.core.counters[SLOT.nackSeqsReceived]!;
  say(conference, bo, nack(params.ssrc, numbers.count - 100, 5_950, step));
  expect(bo.thread.core.counters[SLOT.nackSeqsReceived]! - before).toBe(5_950);
  expect(recall.mock.calls.length).toBeGreaterThan(0);
  expect(recall.mock.calls.length).toBeLessThanOrEqual(most);
  recall.mockRestore();
});

test("reports and farewells by the dozen leave the pipes to other threads to packets", () => {
  const conference = new Conference({ people: [{ name: "ada" }, { name: "bo" }], seed: 1, threads: 2 });
  conference.run(3 * SECOND_US);
  const ada = conference.seat("ada");
  const { ssrc } = ada.peer.publisher.encodings[0]!;
  const clocks = vi.spyOn(PacketPipe.prototype, "writeClock");
  const byes = vi.spyOn(PacketPipe.prototype, "writeBye");
  const info = { ssrc, ntpUs: 1, timestamp: 1, packets: 1, payloadBytes: 1 };
  say(
    conference,
    ada,
    repeated((out) => writeSenderReport(out, 0, info)),
  );
  say(
    conference,
    ada,
    repeated((out) => writeBye(out, 0, ssrc)),
  );
  expect([clocks.mock.calls.length, byes.mock.calls.length]).toEqual([1, 1]);
  vi.restoreAllMocks();
});
