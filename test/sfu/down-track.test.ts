/**
 * Goal: what one receiver is sent of a track, where that is more than layers and numbers: redundant audio taken apart,
 * a video that waits for its turn, and what goes out for packets that do not come any more.
 * Method: packets of an UpTrack through a DownTrack into a transmit ring.
 */

import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { NO_PREFERENCE, type PayloadParams } from "../../src/contract/media.ts";
import { NO_PATH } from "../../src/sfu/outlet.ts";
import { Retransmitter } from "../../src/sfu/retransmitter.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";
import { OPUS, RED, VP8 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

/** An audio track with one receiver, who knows it as `payload`. */
const audio = (payload: PayloadParams): ReceivedTrack => new ReceivedTrack("audio", [OPUS, RED], payload);

test("redundant audio is taken apart for a receiver that knows Opus alone, and left whole for the other", () => {
  const packets: PacketOptions[] = [
    { payloadType: 63, seq: 1, payload: "ef000002 6f aabb cc" },
    { payloadType: 111, seq: 2, payload: "dd" },
    { payloadType: 63, seq: 3, payload: "6f ee" },
  ];
  const plain = audio(OPUS);
  const knowing = audio(RED);
  for (const packet of packets) plain.publish(packet);
  for (const packet of packets.filter(({ payloadType }) => payloadType === 63)) knowing.publish(packet);
  expect(plain.sent()).toEqual(["111 cc", "111 dd", "111 ee"]);
  expect(knowing.sent()).toEqual(["63 ef0000026faabbcc", "63 6fee"]);
});

test("a packet of redundant audio whose blocks do not fit is sent empty, not as something else", () => {
  const plain = audio(OPUS);
  plain.publish({ payloadType: 63, payload: "ef0003ff 6f aa" });
  expect(plain.sent()).toEqual(["111 "]);
  expect(plain.context.counters[SLOT.downPackets_audio]).toBe(1);
});

test("a voice that its receiver pauses is not sent until it is wanted again", () => {
  const received = audio(OPUS);
  const publish = (seq: number): void => received.publish({ payloadType: 111, seq, payload: `0${seq}` });
  const { downTrack } = received;
  publish(1);
  downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, received.nowUs);
  publish(2);
  publish(3);
  expect(downTrack.stats().current).toBe(null);
  downTrack.setPreference(NO_PREFERENCE, received.nowUs);
  publish(4);
  expect(received.sent("numbered")).toEqual(["111 #1 01", "111 #2 04"]);
  expect(downTrack.stats().current).toEqual({ spatial: 0, temporal: 0 });
});

test("a video goes on where its receiver wishes for other layers", () => {
  const received = new ReceivedTrack("video", [VP8]);
  received.publish({ seq: 1, timestamp: 3000, payload: "1000aa" });
  received.downTrack.setPreference(
    { ...NO_PREFERENCE, preferred: { spatial: 1, temporal: 0 } },
    received.nowUs,
  );
  received.publish({ seq: 2, timestamp: 6000, payload: "1001bb" });
  expect(received.sent()).toEqual(["96 1000aa", "96 1001bb"]);
});

test("nothing is sent to a peer without a path when the source of a video with gaps changes", () => {
  const received = new ReceivedTrack("video", [VP8]);
  received.publish({ seq: 1, timestamp: 3000, payload: "1000aa" });
  received.publish({ seq: 3, timestamp: 6000, payload: "1001bb" });
  received.ring.clear();
  received.controller.outlet.path = NO_PATH;
  received.know(VP8);
  expect(received.sent()).toEqual([]);
});

/** Machines disagree about the time of day: one clock says nothing about what another one timed. */
test("the timestamps of another publisher's track go on by the time that has passed, whatever its clock says", () => {
  const AHEAD_US = 500_000;
  const received = audio(OPUS);
  const publish = (seq: number): void => received.publish({ payloadType: 111, seq, timestamp: 960 * seq });
  publish(1);
  received.track.streams[0]!.clock.onSenderReport(0, 960, received.nowUs);
  const other = audio(OPUS);
  other.nowUs = received.nowUs;
  other.publish({ payloadType: 111, seq: 1, timestamp: 0 });
  other.track.streams[0]!.clock.onSenderReport(AHEAD_US, 0, other.nowUs);
  received.downTrack.setSource({ track: other.track, payload: OPUS }, other.nowUs);
  other.publish({ payloadType: 111, seq: 2, timestamp: 960 });
  const [before, after] = received.packets.map(({ header }) => header.timestamp);
  expect(after! - before!).toBe(480);
});

describe("a packet that is too large with the extensions of its receiver", () => {
  /** Fills a packet without extensions. */
  const FULL = `1000${"aa".repeat(1_500 - 12 - 2)}`;
  const NACK_US = 50_000;

  test("goes out empty, so that the receiver does not ask for it again and again", () => {
    const received = new ReceivedTrack("video", [VP8], VP8, { map: extensionMap({ transportCc: 3 }) });
    received.publish({ seq: 1, timestamp: 3000, payload: FULL, marker: true });
    received.publish({ seq: 2, timestamp: 6000, payload: "1001aa", marker: true });
    expect(received.sent("numbered")).toEqual(["96 #1 01", "96 #2 1001aa"]);
    expect(received.packets[0]!.header.marker).toBe(false);
    expect(received.context.counters[SLOT.downDropped_too_large]).toBe(1);
  });

  test("is repeated empty at the next NACK where it is the repetition that is too large", () => {
    const received = new ReceivedTrack("video", [VP8]);
    const { controller, context, downTrack } = received;
    received.publish({ seq: 1, timestamp: 3000, payload: FULL, marker: true });
    expect(received.packets).toHaveLength(1);
    received.ring.clear();
    const retransmitter = new Retransmitter(controller, context);
    for (let nacks = 1; nacks <= 2; nacks++)
      retransmitter.onNack(downTrack, 1, received.nowUs + nacks * NACK_US);
    // An original sequence number, and no more.
    expect(received.sent()).toEqual([`${VP8.rtxPayloadType} 0001`]);
    expect(context.counters[SLOT.downDropped_too_large]).toBe(1);
  });
});

describe("numbers kept for packets that are missing when a video is sent no more", () => {
  const KEY = "1000aa";
  const DELTA = "1001aa";

  function receive(...seqs: readonly number[]): ReceivedTrack {
    const received = new ReceivedTrack("video", [VP8]);
    for (const seq of seqs)
      received.publish({ seq, timestamp: seq * 3000, payload: seq === 1 ? KEY : DELTA });
    return received;
  }
  const pause = ({ downTrack, nowUs }: ReceivedTrack, paused: boolean): void => {
    downTrack.setPreference({ ...NO_PREFERENCE, paused }, nowUs);
    downTrack.closeGaps(nowUs);
  };
  /** Of packets without a payload, in the order in which they went out. */
  const emptySeqs = ({ packets }: ReceivedTrack): number[] =>
    packets.filter(({ payload }) => payload.length === 1).map(({ header }) => header.seq);

  test("go out empty when it is paused, each once", () => {
    const received = receive(1, 2, 4, 5, 8, 9);
    pause(received, true);
    expect(emptySeqs(received)).toEqual([3, 6, 7]);
    pause(received, true);
    pause(received, false);
    received.publish({ seq: 20, timestamp: 60_000, payload: KEY });
    received.publish({ seq: 22, timestamp: 66_000, payload: DELTA });
    pause(received, true);
    expect(received.sent("numbered").slice(6)).toEqual([
      "96 #3 01",
      "96 #6 01",
      "96 #7 01",
      `96 #10 ${KEY}`,
      `96 #12 ${DELTA}`,
      "96 #11 01",
    ]);
  });

  test("go out empty before another source", () => {
    const received = receive(1, 2, 4);
    received.know(VP8);
    expect(emptySeqs(received)).toEqual([3]);
    received.publish({ seq: 20, timestamp: 60_000, payload: KEY });
    received.publish({ seq: 21, timestamp: 63_000, payload: DELTA });
    pause(received, true);
    expect(emptySeqs(received)).toEqual([3]);
  });

  test("go out empty in their turn where they wait for the pacer while the source changes", () => {
    const received = new ReceivedTrack("video", [VP8], VP8, {
      map: extensionMap({ transportCc: 3 }),
      spacingUs: 0,
    });
    const FORMER = 50;
    // Sets the pace.
    received.controller.tick(received.nowUs, [received.downTrack]);
    for (let seq = 1; seq <= FORMER; seq++)
      received.publish({ seq, timestamp: 3000, payload: (seq === 1 ? KEY : DELTA) + "aa".repeat(1_000) });
    const before = received.packets.length;
    expect(before).toBeLessThan(FORMER);
    received.know(VP8);
    received.publish({ seq: 500, timestamp: 6000, payload: KEY });
    for (let us = 0; us < 1_000_000; us += 5_000)
      received.controller.tick(received.nowUs + us, [received.downTrack]);
    const { context } = received;
    expect(received.packets.slice(before).map(({ header }) => header.seq)).toEqual(
      Array.from({ length: FORMER + 1 - before }, (_, i) => before + 1 + i),
    );
    expect(emptySeqs(received)).toHaveLength(FORMER - before);
    expect(context.counters[SLOT.downDropped_pacer_late]).toBe(0);
  });

  test("go out empty in their turn where they wait for the pacer when the source ends", () => {
    const received = paced();
    for (let seq = 1; seq <= 50; seq++) received.publish(large(seq));
    const before = received.packets.length;
    expect(before).toBeLessThan(50);
    received.ring.clear();
    received.downTrack.setSource(null, received.nowUs);
    const waiting = Array.from({ length: 50 - before }, (_, i) => [before + 1 + i, 1]);
    expect(drain(received)).toEqual(waiting);
  });

  test("go out empty in their turn where a packet that is dropped by layer comes late", () => {
    const received = paced();
    // Without temporal layers above the base.
    received.downTrack.setPreference({ ...NO_PREFERENCE, preferred: { spatial: 2, temporal: 0 } }, 0);
    for (let seq = 1; seq <= 50; seq++) if (seq !== 30) received.publish(large(seq));
    received.publish({ seq: 30, timestamp: 3000, payload: "90 20 40 01 aa" });
    const before = received.packets.length;
    expect(before).toBeLessThan(29);
    received.ring.clear();
    const sent = drain(received);
    expect(sent.slice(-2)).toEqual([
      [50, 1_003],
      [30, 1],
    ]);
    expect(sent).toHaveLength(50 - before);
  });

  /** Its pace is set, and no time passes between packets: most of them wait. */
  function paced(): ReceivedTrack {
    const map = extensionMap({ transportCc: 3 });
    const received = new ReceivedTrack("video", [VP8], VP8, { map, spacingUs: 0 });
    received.controller.tick(received.nowUs, [received.downTrack]);
    return received;
  }
  const large = (seq: number): PacketOptions => ({
    seq,
    timestamp: 3000,
    payload: (seq === 1 ? KEY : DELTA) + "aa".repeat(1_000),
  });
  /** Payload sizes by number, of all that goes out within a second. */
  function drain(received: ReceivedTrack): [seq: number, bytes: number][] {
    const out: [seq: number, bytes: number][] = [];
    for (let ms = 0; ms < 1_000; ms += 5) {
      received.nowUs += 5_000;
      received.controller.tick(received.nowUs, [received.downTrack]);
      out.push(
        ...received.packets.map(({ header, payload }): [number, number] => [header.seq, payload.length]),
      );
      received.ring.clear();
    }
    return out;
  }

  test("do not overtake what waits for the pacer", () => {
    const received = paced();
    for (let seq = 1; seq <= 50; seq++) if (seq !== 48) received.publish(large(seq));
    pause(received, true);
    const sent = drain(received);
    expect(sent).toHaveLength(50);
    expect(sent.slice(-3)).toEqual([
      [49, 1_003],
      [50, 1_003],
      [48, 1],
    ]);
  });

  test("that waited until they were forgotten have nothing else forgotten", () => {
    const received = paced();
    const WAITING = 1_024;
    // More than may wait, some of them in the rows of those that do.
    for (let seq = 1; seq <= WAITING + 100; seq++) received.publish(large(seq));
    for (let ticks = 0; ticks < 10; ticks++) {
      received.nowUs += 5_000;
      received.controller.tick(received.nowUs, [received.downTrack]);
      received.ring.clear();
      // They take the place of those that have left.
      for (let i = 0; i < 100; i++) received.publish(large(WAITING + 101 + 100 * ticks + i));
    }
    const sent = drain(received);
    expect(sent.filter(([, bytes]) => bytes === 1)).toEqual([]);
    expect(sent.length).toBeGreaterThan(WAITING / 2);
  });

  test("are not sent again when nothing comes for them twice", () => {
    const received = receive(1, 3);
    const padding = extensionMap({});
    for (let again = 0; again < 2; again++) received.track.skip(upPacket(padding, { seq: 2, payload: "" }));
    expect(emptySeqs(received)).toEqual([2]);
  });

  test("stay open after an outage, which is a loss", () => {
    const received = receive(1, 2, 3, 90, 91);
    pause(received, true);
    expect(emptySeqs(received)).toEqual([]);
  });

  test("wait for a path", () => {
    const received = receive(1, 3);
    const { outlet } = received.controller;
    const { path } = outlet;
    outlet.path = NO_PATH;
    received.downTrack.retarget(received.nowUs);
    expect(received.packets).toHaveLength(2);
    outlet.path = path;
    received.downTrack.closeGaps(received.nowUs);
    expect(emptySeqs(received)).toEqual([2]);
  });

  test("are not repeated without a path", () => {
    const received = receive(1, 3);
    const { controller, context, downTrack } = received;
    received.know(VP8);
    expect(emptySeqs(received)).toEqual([2]);
    controller.outlet.path = NO_PATH;
    received.ring.clear();
    new Retransmitter(controller, context).onNack(downTrack, 2, received.nowUs);
    expect(received.packets).toHaveLength(0);
    expect(context.counters[SLOT.downDropped_no_path]).toBe(1);
  });
});
