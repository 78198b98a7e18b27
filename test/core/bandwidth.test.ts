/**
 * Goal: each receiver gets what its own path carries, at once and without a queue, whatever the others have; who speaks is
 * seen before the rest; sound goes on when nothing else does.
 * Method: simulated calls over home lines (25 ms, a queue of 300 ms), as their people see them.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { RoomId } from "../../src/base/ids.ts";
import { NO_PREFERENCE, type TransportStats } from "../../src/contract/media.ts";
import { type CallReport, NOTHING } from "../sim/call-report.ts";
import { Conference, type Person } from "../sim/conference.ts";
import { at, blackout, down, KBPS, line, MBPS, play, speaks } from "../sim/scenario.ts";
import type { Sends } from "../sim/sim-publisher.ts";

const SECOND_US = 1_000_000;
const TICK_US = 10_000;
const ROOM = "room" as RoomId;

const publisher = (name: string, sends: Sends = "simulcast"): Person => ({ name, sends, watches: [] });
const viewer = (name: string, rateBps: number, watches: readonly string[] = ["ada"]): Person => ({
  name,
  sends: "audio",
  watches,
  down: line(rateBps),
});

const average = (numbers: readonly number[]): number =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

describe.each(["simulcast", "svc"] as const)("%s over a line that narrows and widens", (sends) => {
  let report: CallReport;

  beforeAll(() => {
    const events = [at(20, down("bo", { rateBps: 600 * KBPS })), at(40, down("bo", { rateBps: 2 * MBPS }))];
    report = play({
      seed: 1,
      seconds: 70,
      people: [publisher("ada", sends), viewer("bo", 4 * MBPS)],
      events,
    });
  });

  test("what is sent follows it, down and up", () => {
    const { layerOfSecond, bitrateBps } = report.view("bo", "ada");
    expect(layerOfSecond.slice(5, 19)).toEqual(new Array(14).fill(2));
    expect(Math.max(...layerOfSecond.slice(25, 39))).toBeLessThan(2);
    expect(Math.max(...bitrateBps.slice(28, 39))).toBeLessThan(600 * KBPS);
    expect(average(bitrateBps.slice(60))).toBeGreaterThan(2 * average(bitrateBps.slice(28, 39)));
  });

  test("the queue stays short, and the picture moves", () => {
    expect(report.link("bo").queueP95Us).toBeLessThan(200_000);
    const { freezes, audioLoss } = report.view("bo", "ada");
    expect(freezes.longestS).toBeLessThan(2);
    expect(freezes.totalS).toBeLessThan(4);
    expect(audioLoss).toBeLessThan(0.01);
  });
});

test.each([true, false])(
  "a limit is kept on a wide line until it is lifted, and nothing is probed for; numbered packets: %s",
  (numbersPackets) => {
    const limits = [300 * KBPS, 50 * KBPS, null, 300 * KBPS];
    const people = [publisher("ada"), { ...viewer("bo", 10 * MBPS), numbersPackets }];
    let padding = -1;
    const events = [
      ...limits.map((limitBps, i) => at(15 * i, (call) => call.limit("bo", limitBps))),
      at(29, ({ core }) => {
        padding = core.counters[SLOT.downPaddingPackets]!;
      }),
    ];
    const view = play({ seed: 1, seconds: 60, people, events }).view("bo", "ada");
    const settled = limits.map((_, i) => [15 * i + 5, 15 * i + 14] as const);
    const layers = settled.map(([from, until]) => new Set(view.layerOfSecond.slice(from, until)));
    expect(layers).toEqual([[0], [NOTHING], [2], [0]].map((layer) => new Set(layer)));
    expect(Math.max(...view.bitrateBps.slice(5, 14))).toBeLessThan(300 * KBPS);
    expect(padding).toBe(0);
    expect(view.audioLoss).toBe(0);
  },
);

test("ten receivers on lines of their own get what each would get alone", () => {
  const rates = [300, 400, 700, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 10_000].map((kbps) => kbps * KBPS);
  const viewers = rates.map((rateBps, i) => viewer(`viewer-${i}`, rateBps));
  const seconds = 30;
  const together = play({ seed: 2, seconds, people: [publisher("ada"), ...viewers] });
  const received = (report: CallReport, name: string): number =>
    average(report.view(name, "ada").bitrateBps.slice(10));
  for (const one of viewers) {
    const alone = play({ seed: 2, seconds, people: [publisher("ada"), one] });
    const ratio = received(together, one.name) / received(alone, one.name);
    expect(ratio, one.name).toBeGreaterThan(0.7);
    expect(ratio, one.name).toBeLessThan(1.4);
    expect(together.link(one.name).queueP95Us, one.name).toBeLessThan(200_000);
  }
  // The widest have it all, the narrowest the least.
  expect(together.view("viewer-9", "ada").layerShare[2]).toBeGreaterThan(0.9);
  expect(together.view("viewer-0", "ada").layerShare[0]).toBeGreaterThan(0.9);
}, 60_000);

test("a line that is dead for three seconds moves within two of its return", () => {
  const events = [at(20, blackout("bo", 3))];
  const people = [publisher("ada"), viewer("bo", 3 * MBPS)];
  for (const seed of [1, 2, 3]) {
    const { freezes, layerOfSecond } = play({ seed, seconds: 40, people, events }).view("bo", "ada");
    expect(freezes.longestS, `seed ${seed}`).toBeLessThan(3 + 2);
    expect(layerOfSecond.slice(30), `seed ${seed}`).toEqual(new Array(10).fill(2));
  }
});

/** As between two radio cells: what is lost then says nothing about the rate. */
test("after a fifth of a second without any packet, everybody soon has what they had", () => {
  const cameras = ["ada", "cy", "dee"];
  const viewers = [2.4, 2.8, 3.2, 4, 5, 6].map((mbps) => viewer(`${mbps} Mbit/s`, mbps * MBPS, cameras));
  const events = viewers.map(({ name }) => at(20, blackout(name, 0.2)));
  const people = [...cameras.map((name) => publisher(name)), ...viewers];
  const report = play({ seed: 3, seconds: 29, people, events });
  for (const { name } of viewers) {
    const views = cameras.map((camera) => report.view(name, camera).bitrateBps);
    const ofSecond = views[0]!.map((_, second) => views.reduce((sum, bps) => sum + bps[second]!, 0));
    expect(average(ofSecond.slice(23)) / average(ofSecond.slice(10, 20)), name).toBeGreaterThan(0.9);
  }
}, 60_000);

/** As radio does. Each time it looks as if the line had become narrow. */
test("a line that stands still for a fifth of a second now and then shows what it has room for", () => {
  const stills = Array.from({ length: 40 }, (_, i) => 5 + 1.1 * i);
  const events = stills.flatMap((second) => [
    at(second, down("bo", { rateBps: 0 })),
    at(second + 0.2, down("bo", { rateBps: 3 * MBPS })),
  ]);
  const people = [publisher("ada"), viewer("bo", 3 * MBPS)];
  for (const seed of [1, 2, 3]) {
    const { layerOfSecond } = play({ seed, seconds: 50, people, events }).view("bo", "ada");
    const sharp = layerOfSecond.slice(5).filter((layer) => layer === 2);
    expect(sharp.length, `seed ${seed}`).toBeGreaterThan(0.85 * 45);
  }
});

test("of many small tiles on a narrow line, those that are seen stay", () => {
  const tiles = Array.from({ length: 8 }, (_, i) => `ada-${i}`);
  let taken = 0;
  for (const seed of [1, 2, 3]) {
    const people = [...tiles.map((name) => publisher(name)), viewer("bo", 1.1 * MBPS, tiles)];
    const call = new Conference({ seed, people });
    for (const name of tiles)
      call.prefer("bo", name, { ...NO_PREFERENCE, visible: { width: 160, height: 90 } });
    const seen = new Set<string>();
    call.told = (event) => {
      if (event.kind !== "down-track.allotted") return;
      if (event.layers !== null) seen.add(event.subscriptionId);
      else if (seen.delete(event.subscriptionId) && call.nowUs > 15 * SECOND_US) taken += 1;
    };
    call.run(45 * SECOND_US);
    const shown = tiles.filter((name) => {
      const { shownUs } = call.seat("bo").peer.view("video", name).viewer.decoder;
      return shownUs > call.nowUs - SECOND_US;
    });
    expect(shown.length, `seed ${seed}`).toBeGreaterThan(3);
  }
  // It would be ten if a short queue took tiles away.
  expect(taken).toBeLessThan(6);
}, 60_000);

test("on a line too narrow for any picture, sound goes on and the reason is told", () => {
  const call = new Conference({
    seed: 1,
    people: [publisher("ada"), viewer("bo", 120 * KBPS)],
  });
  const reasons: string[] = [];
  call.told = (event) => {
    if (event.kind === "down-track.allotted") reasons.push(event.reason);
  };
  call.run(20 * SECOND_US);
  expect(reasons.at(-1)).toMatch(/^(?:paused|limited): \d+ kbit\/s left, (?:lowest|next) layer needs \d+/);
  const audio = call.seat("bo").peer.view("audio", "ada").viewer.numbers;
  expect(audio.gaps / audio.count).toBeLessThan(0.05);
});

test("who was left with too little for the voices sees again soon after the line is wide again", () => {
  const people = ["ada", "cy", "dee"].map((name) => publisher(name));
  const events = [at(5, down("bo", { rateBps: 60 * KBPS })), at(10, down("bo", { rateBps: 10 * MBPS }))];
  const bo: Person = { ...viewer("bo", 10 * MBPS, ["ada", "cy", "dee"]), sends: "nothing" };
  const report = play({ seed: 1, seconds: 14, people: [...people, bo], events });
  for (const { publisher: name, layerOfSecond } of report.views) {
    expect(layerOfSecond[8], name).toBe(NOTHING);
    expect(layerOfSecond.slice(12, 14), name).toEqual([2, 2]);
  }
});

describe("thirty people who publish, and one who watches them all over 2 Mbit/s", () => {
  const SPEAKER = 17;
  let call: Conference;
  let ticks = 0;
  let over = 0;
  let seenAfterUs = Number.POSITIVE_INFINITY;

  const statsOf = (): TransportStats => {
    call.core.command(call.nowUs, { kind: "stats", requestId: 1, roomId: ROOM });
    const stats = call.core.events.splice(0).find((event) => event.kind === "stats");
    const { transportId } = call.seat("bo").peer;
    return stats!.transports.find((one) => one.transportId === transportId)!;
  };

  beforeAll(() => {
    const crowd = Array.from({ length: 30 }, (_, i) => publisher(`ada-${i}`));
    const bo = viewer(
      "bo",
      2 * MBPS,
      crowd.map(({ name }) => name),
    );
    call = new Conference({ seed: 3, people: [...crowd, bo] });
    // Thirty voices alone would fill the line.
    const options = { loudestAudios: 3, lastVideos: Number.POSITIVE_INFINITY, guardsEncryption: false };
    call.core.command(call.nowUs, { kind: "room.options", roomId: ROOM, options });
    const { shown } = call.seat("bo").peer.view("video", `ada-${SPEAKER}`).viewer.decoder;
    call.run(10 * SECOND_US);
    const fromUs = call.nowUs;
    speaks(`ada-${SPEAKER}`, 10)(call);
    for (let tick = 0; tick < 1_000; tick++) {
      call.run(TICK_US);
      const { estimateBps, allottedBps } = statsOf();
      ticks += 1;
      if (allottedBps > estimateBps!) over += 1;
      const isSeen = shown.some(({ atUs }) => atUs > fromUs + 300_000);
      if (isSeen) seenAfterUs = Math.min(seenAfterUs, call.nowUs - fromUs);
    }
  }, 60_000);

  test("what is dealt out is within the estimate", () => {
    expect(over / ticks).toBeLessThan(0.001);
  });

  test("who speaks is seen half a second later, though there is not enough for all", () => {
    expect(seenAfterUs).toBeLessThan(500_000);
    const lastSecond = Math.floor(call.nowUs / SECOND_US) - 1;
    const received = (name: string): number =>
      call.seat("bo").peer.view("video", name).viewer.bytesOfSecond[lastSecond] ?? 0;
    const all = Array.from({ length: 30 }, (_, i) => received(`ada-${i}`));
    expect(all[SPEAKER]).toBeGreaterThan(0);
    expect(all.filter((bytes) => bytes === 0).length).toBeGreaterThan(0);
  });
});

test("a publisher that knows no transport-wide numbers hears what its line carries, and nobody else does", () => {
  const conference = new Conference({
    people: [
      { name: "ada", sends: "simulcast", watches: [], numbersPackets: false, up: line(1_000 * KBPS) },
      { name: "bo", sends: "simulcast", watches: [], up: line(1_000 * KBPS) },
      { name: "cy", sends: "nothing", watches: ["ada"], numbersPackets: false },
    ],
    seed: 1,
  });
  conference.run(20 * SECOND_US);
  const [ada, bo, cy] = conference.people.map(({ estimatesBps }) => estimatesBps) as [
    number[],
    number[],
    number[],
  ];
  // Its encoders do not listen here: it goes on with twice as much.
  for (const estimate of ada.slice(-5)) {
    expect(estimate).toBeGreaterThan(700 * KBPS);
    expect(estimate).toBeLessThan(1_000 * KBPS);
  }
  expect([bo, cy]).toEqual([[], []]);
});
