/**
 * Goal: what comes from another thread is forwarded as what comes from a publisher here, unless it is muted here: a track
 * that is forwarded to another room is muted there alone.
 * Method: packets as a pipe hands them over, and one receiver.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { PacketPipe } from "../../src/base/packet-pipe.ts";
import { PipedTrack } from "../../src/sfu/piped-track.ts";
import { TrackPipe } from "../../src/sfu/track-pipe.ts";
import { extensionMap, upPacket } from "./packets.ts";
import { OPUS, VP8 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

class Piped extends ReceivedTrack {
  readonly piped: PipedTrack;

  constructor() {
    super("audio", [OPUS]);
    this.piped = new PipedTrack(this.track.params, {}, this.context);
    this.downTrack.setSource({ track: this.piped.track, payload: OPUS }, this.nowUs);
  }

  bring(seq: number): void {
    const options = { payloadType: OPUS.payloadType, seq, timestamp: 960 * seq };
    const packet = upPacket(extensionMap({}), options);
    packet.receivedUs = this.nowUs;
    packet.nowUs = this.nowUs;
    this.piped.receive(packet);
  }

  get seqs(): number[] {
    return this.packets.map(({ header }) => header.seq);
  }
}

test("nothing is forwarded while the track is muted here", () => {
  const received = new Piped();
  const { context, piped } = received;
  received.bring(1);
  piped.track.muted = true;
  received.bring(2);
  received.bring(3);
  expect(received.seqs).toEqual([1]);
  expect(context.counters[SLOT.upDropped_muted]).toBe(2);

  piped.track.muted = false;
  received.bring(4);
  expect(received.seqs).toEqual([1, 2]);
});

test("what is under way when the track ends is passed over", () => {
  const received = new Piped();
  received.bring(1);
  received.piped.unpublish(received.piped.track, received.nowUs);
  received.bring(2);
  received.bring(3);
  expect(received.seqs).toEqual([1]);
});

test("a key frame is asked for as soon as a full pipe has room again: what was lost there is not repaired", () => {
  const received = new ReceivedTrack("video", [VP8]);
  const { context, track } = received;
  const pipe = new PacketPipe(PacketPipe.allocate());
  track.pipes.push(new TrackPipe(1, pipe, 1, context.counters));
  let seq = 0;
  const publish = (): void => {
    received.ring.clear();
    received.publish({ seq: ++seq, timestamp: 3000 * seq, payload: seq === 1 ? "1000aa" : "1001aa" });
  };
  const asks = (): boolean => track.streams[0]!.keyframes.poll(received.nowUs, 0);
  while (context.counters[SLOT.downDropped_pipe_full] === 0) publish();
  expect(context.counters[SLOT.pipedPackets_sent]).toBe(seq - 1);
  publish();
  expect(asks(), "it would be lost too").toBe(false);
  pipe.publish();
  pipe.read({ onPipedPacket: () => {}, onPipedClock: () => {}, onPipedBye: () => {} });
  publish();
  expect(asks()).toBe(true);
  track.streams[0]!.keyframes.onKeyframe();
  publish();
  expect(asks()).toBe(false);
});

test("encodings are put in order by the thread that receives their publisher, and by no other", () => {
  const options = { rids: ["0", "1"], isOrderGuessed: true };
  const received = new ReceivedTrack("video", [VP8], VP8, options);
  const piped = new PipedTrack(received.track.params, {}, received.context);
  for (let seq = 1; seq < 200; seq++) {
    received.nowUs += 33_000;
    for (const [encoding, bytes] of [1000, 100].entries()) {
      const payload = `1000${"00".repeat(bytes)}`;
      const packet = upPacket(extensionMap({}), { ssrc: 11 + encoding, seq, timestamp: 3000 * seq, payload });
      Object.assign(packet, { encoding, receivedUs: received.nowUs, nowUs: received.nowUs });
      piped.receive(packet);
    }
    piped.tick(received.nowUs);
  }
  expect(piped.track.params.rids).toEqual(["0", "1"]);
  expect(piped.track.streams.map((stream) => stream!.ssrc)).toEqual([11, 12]);
});
