/**
 * Goal: what a turn has written is on its way before a command takes away what it needs, and its delay is counted.
 * Method: a voice packet comes, and in the same turn of the event loop, before the end of the batch, its receiver is
 * closed; as on a socket that hands over one datagram at a time. Pipes: a thread that was busy finds more than its ring
 * takes. Delays: a ring filled by hand. Frames: what is expected after each packet of a simulated call.
 */
import { expect, test, vi } from "vitest";
import { FORWARD_DELAY_BOUNDS_US, SLOT } from "../../src/base/counters.ts";
import { NO_SESSION, type TransmitRing } from "../../src/base/transmit-ring.ts";
import type { DatagramSocket } from "../../src/worker/datagram-socket.ts";
import { MediaLoop } from "../../src/worker/media-loop.ts";
import { Conference, type Person } from "../sim/conference.ts";
import { OPUS, VIDEO_PAYLOAD } from "../sim/session-parameters.ts";

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
  loop.onDatagram(voice, voice.length, ada.path, 0);
  loop.onCommand({ kind: "transport.close", transportId: bo.peer.transportId });
  loop.onBatchEnd();
  loop.stop();

  expect(core.counters[SLOT.downDropped_not_sealed]).toBe(0);
  expect(sent).toContain(bo.path);
});

test("what has waited in a pipe together goes out in several parts, however many receivers there are", () => {
  const viewers = 60;
  const people: Person[] = [{ name: "ada" }];
  // Ada is in one thread; of the others every second is in the other, and watches her.
  for (let i = 0; i < 2 * viewers; i++)
    people.push({ name: `p${i}`, sends: "nothing", watches: i % 2 === 0 ? ["ada"] : [] });
  const conference = new Conference({ people, seed: 1, threads: 2 });
  conference.run(1_000_000);

  // As above, of many voices.
  const voices: Uint8Array[] = [];
  conference.overheard = (datagram) => {
    if (voices.length >= 40 || (datagram[1]! & 0x7f) !== OPUS.payloadType) return;
    voices.push(Uint8Array.from(datagram));
    datagram[0] = 0x7f;
  };
  conference.run(850_000);
  conference.overheard = null;
  expect(voices.length).toBe(40);

  const { path } = conference.seat("ada");
  const { core } = conference.threads[1]!;
  const before = core.counters[SLOT.downPackets_audio]!;
  const sent: number[] = [];
  const [home, away] = conference.threads.map((thread) => {
    const loop = new MediaLoop(thread.core, () => conference.nowUs, {
      events: () => {},
      letters: () => {},
      wake: () => {},
    });
    loop.socket = recordingSocket(sent);
    return loop;
  });
  for (const voice of voices) home!.onDatagram(voice, voice.length, path, 0);
  home!.onBatchEnd();
  away!.onPiped();
  home!.stop();
  away!.stop();

  expect(core.counters[SLOT.downDropped_ring_full]).toBe(0);
  expect(core.counters[SLOT.downPackets_audio]! - before).toBe(voices.length * viewers);
  expect(sent.length).toBeGreaterThanOrEqual(voices.length * viewers);
});

test("the delay of each forwarded packet is counted, and of nothing else", () => {
  const conference = new Conference({ people: [{ name: "ada" }], seed: 1 });
  const { core } = conference;
  const { path } = conference.seat("ada");
  const nowUs = 1_000_000;
  const loop = new MediaLoop(core, () => nowUs, { events: () => {}, letters: () => {}, wake: () => {} });
  loop.socket = recordingSocket([]);
  const delaysUs = [90, 90, 3_000, Number.NaN, 90, 200_000_000];
  for (const delayUs of delaysUs) {
    const receivedUs = Number.isNaN(delayUs) ? 0 : nowUs - delayUs;
    core.ring.reserve();
    core.ring.commitRtp(20, path, NO_SESSION, 12, 1, receivedUs);
  }
  loop.onBatchEnd();
  loop.stop();

  const counted = (delayUs: number): number => {
    const bucket = FORWARD_DELAY_BOUNDS_US.findIndex((bound) => delayUs <= bound);
    const last = FORWARD_DELAY_BOUNDS_US.length;
    return core.counters[SLOT.forwardDelay_0 + (bucket < 0 ? last : bucket)]!;
  };
  expect([counted(90), counted(3_000), counted(200_000_000)]).toEqual([3, 1, 1]);
  expect(core.counters[SLOT.forwardDelaySumUs]).toBe(3 * 90 + 3_000 + 200_000_000);
});

test("timers are looked at by the turns that come, each 10 ms; else within 10 ms if somebody waits, or 50", () => {
  vi.useFakeTimers();
  const conference = new Conference({ people: [{ name: "ada" }], seed: 1 });
  const { core } = conference;
  let nowUs = 1_000_000;
  const ticks: number[] = [];
  core.tick = () => void ticks.push(nowUs);
  let isHurried = false;
  vi.spyOn(core, "isHurried", "get").mockImplementation(() => isHurried);
  const loop = new MediaLoop(core, () => nowUs, { events: () => {}, letters: () => {}, wake: () => {} });
  const turn = (us: number): void => {
    nowUs += us;
    vi.advanceTimersByTime(us / 1_000);
    loop.onBatchEnd();
  };
  for (let i = 0; i < 10; i++) turn(5_000);
  expect(gaps(ticks)).toEqual([10_000, 10_000, 10_000, 10_000]);

  const alone = (ms: number): void => {
    for (let i = 0; i < ms; i++) {
      nowUs += 1_000;
      vi.advanceTimersByTime(1);
    }
  };
  ticks.length = 0;
  alone(250);
  expect(gaps(ticks)).toEqual([50_000, 50_000, 50_000, 50_000]);

  isHurried = true;
  turn(0);
  ticks.length = 0;
  alone(100);
  expect(Math.max(...gaps(ticks))).toBeLessThanOrEqual(10_000);
  loop.stop();
  vi.useRealTimers();
});

test("more is expected after a packet of a video that is not the last of its frame, and until the batch ends", () => {
  const conference = new Conference({ people: [{ name: "ada" }, { name: "bo", sends: "nothing" }], seed: 1 });
  const { core } = conference;
  const loop = new MediaLoop(core, () => conference.nowUs, {
    events: () => {},
    letters: () => {},
    wake: () => {},
  });
  conference.run(1_000_000);

  const expected: string[] = [];
  const receive = core.receive.bind(core);
  core.receive = (nowUs, datagram, length, path, arrivedUs) => {
    const isVideo = (datagram[1]! & 0x7f) === VIDEO_PAYLOAD.simulcast.payloadType;
    const isLast = datagram[1]! >= 0x80;
    receive(nowUs, datagram, length, path, arrivedUs);
    if (isVideo) expected.push(`${isLast ? "last" : "not the last"}: ${loop.expectsMore}`);
  };
  conference.run(1_000_000);
  expect(new Set(expected)).toEqual(new Set(["last: false", "not the last: true"]));

  for (let step = 0; step < 1_000 && !loop.expectsMore; step++) conference.run(1_000);
  expect(loop.expectsMore).toBe(true);
  loop.onBatchEnd();
  loop.stop();
  expect(loop.expectsMore).toBe(false);
});

const gaps = (times: readonly number[]): number[] => times.slice(1).map((time, i) => time - times[i]!);

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
