/**
 * Goal: simulated participants send and answer as browsers do, events happen at their times, and reports are correct.
 * Method: small calls with known results, whatever the server does about congestion.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { NOTHING, type ViewReport } from "./call-report.ts";
import { Conference, type Person } from "./conference.ts";
import {
  at,
  blackout,
  down,
  KBPS,
  leaves,
  line,
  MBPS,
  play,
  prefers,
  speaks,
  up,
  watches,
} from "./scenario.ts";
import { simCipherFactory } from "./sim-cipher.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;
const FAR = { delayUs: 25 * MS };
const ADA: Person = { name: "ada", sends: "simulcast", watches: [], up: FAR, down: FAR };
const BO: Person = { name: "bo", sends: "nothing", watches: ["ada"], up: FAR, down: FAR };

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

describe.each([
  { sends: "simulcast", kbps: [170, 530, 1_750] },
  { sends: "svc", kbps: [170, 420, 1_300] },
] as const)("$sends over a clean path", ({ sends, kbps }) => {
  let view: ViewReport;

  beforeAll(() => {
    const events = [
      at(6, prefers("bo", "ada", { preferred: { spatial: 0, temporal: 7 } })),
      at(9, prefers("bo", "ada", { preferred: { spatial: 1, temporal: 7 } })),
      at(12.9, prefers("bo", "ada", { paused: true })),
    ];
    view = play({ seed: 1, seconds: 16, people: [{ ...ADA, sends }, BO], events }).view("bo", "ada");
  });

  test("every picture is shown, in the layer that is preferred", () => {
    const { layerOfSecond } = view;
    expect([layerOfSecond[5], layerOfSecond[8], layerOfSecond[12]]).toEqual([2, 0, 1]);
    expect(layerOfSecond.slice(13)).toEqual([NOTHING, NOTHING, NOTHING]);
    expect(view.picturesShown).toBeGreaterThan(12.9 * 30 - 15);
    expect(view.firstPictureS).toBeLessThan(0.5);
    expect(view.plis).toBeLessThan(2);
    expect(view.audioLoss).toBe(0);
  });

  test("each layer has about the rate that Chromium gives it", () => {
    const rates = [7, 11, 4].map((second) => view.bitrateBps.slice(second, second + 2));
    rates.forEach((rate, layer) => {
      // With SVC only the top layer is sent between key pictures.
      expect(mean(rate) / 1_000 / kbps[layer]!, `layer ${layer}`).toBeGreaterThan(0.75);
      expect(mean(rate) / 1_000 / kbps[layer]!, `layer ${layer}`).toBeLessThan(1.25);
    });
    expect(view.bitrateBps.slice(14)).toEqual([0, 0]);
  });

  test("a pause is a freeze to whoever only sees the picture", () => {
    expect(view.freezes.count).toBe(1);
    expect(view.freezes.longestS).toBeGreaterThan(2.9);
  });
});

test("a line that narrows carries no more than its rate, and its queue is no longer than it is", () => {
  const events = [at(5, down("bo", { rateBps: 600 * KBPS }))];
  const bo = { ...BO, down: line(4 * MBPS) };
  const report = play({ seed: 1, seconds: 15, people: [ADA, bo], events });
  const { bitrateBps } = report.view("bo", "ada");
  expect(mean(bitrateBps.slice(1, 5))).toBeGreaterThan(1.4 * MBPS);
  // Includes a second of audio, and at most a queue of 300 ms of the old rate.
  expect(Math.max(...bitrateBps.slice(7))).toBeLessThan(600 * KBPS);
  expect(report.link("bo").queueP95Us).toBeLessThanOrEqual(300 * MS);
  expect(report.link("bo").queueP95Us).toBeGreaterThan(10 * MS);
});

test("after a blackout the picture moves again within two seconds, by a key frame that is asked for", () => {
  const report = play({ seed: 1, seconds: 12, people: [ADA, BO], events: [at(5, blackout("bo", 3))] });
  const view = report.view("bo", "ada");
  expect(view.layerOfSecond.slice(5, 8)).toContain(NOTHING);
  expect(view.freezes.longestS).toBeGreaterThan(2.9);
  expect(view.freezes.longestS).toBeLessThan(5);
  expect(view.audioLoss).toBeCloseTo(3 / 12, 1);
  expect(
    report
      .plisTo("ada")
      .flat()
      .some((second) => second > 8),
  ).toBe(true);
});

test("losses on the way up and down are repaired, but for audio", () => {
  const lossy = { ...FAR, loss: 0.05 };
  const people = [
    { ...ADA, up: lossy },
    { ...BO, down: lossy },
  ];
  const report = play({ seed: 2, seconds: 20, people, events: [at(10, up("ada", { loss: 0 }))] });
  const view = report.view("bo", "ada");
  // Half the frames or all of them, depending on how the server reacts to the losses.
  expect(view.framesComplete).toBeGreaterThan(20 * 15 - 20);
  expect(view.framesLost / view.framesComplete).toBeLessThan(0.02);
  expect(view.audioLoss).toBeGreaterThan(0.05);
  expect(view.audioLoss).toBeLessThan(0.1);
});

test("the same seed has the same report; and packets have the sizes of encrypted ones", () => {
  const people = [ADA, { ...BO, down: { ...line(1 * MBPS), loss: 0.02, jitterUs: 5 * MS } }];
  const digestOf = (ciphers: typeof simCipherFactory): string => {
    const call = new Conference({ seed: 3, people, ciphers });
    const sizes: string[] = [];
    call.delivered = (datagram, { name }) => sizes.push(`${name} ${call.nowUs} ${datagram.length}`);
    call.run(3 * SECOND_US);
    return sizes.join("\n");
  };
  const simulated = digestOf(simCipherFactory);
  expect(digestOf(simCipherFactory)).toBe(simulated);
  expect(digestOf(portableCipherFactory)).toBe(simulated);
  const text = (seed: number): string => play({ seed, seconds: 3, people }).text();
  expect(text(3)).toBe(text(3));
  expect(text(4)).not.toBe(text(3));
});

test("who mixes up keys, indices or sizes, or changes a header, opens nothing", () => {
  const [own, other] = [1, 2].map((byte) => {
    const master = { key: new Uint8Array(16).fill(byte), salt: new Uint8Array(12) };
    return simCipherFactory.create(SRTP_AEAD_AES_128_GCM, master);
  });
  const plain = Uint8Array.from({ length: 60 }, (_, i) => i);
  const sealed = new Uint8Array(80);
  sealed.set(plain);
  expect(own!.sealRtp(sealed, 0, 12, 60, 7)).toBe(76);
  expect(sealed.subarray(12, 28)).not.toEqual(plain.subarray(12, 28));
  expect(own!.openRtp(sealed.slice(), 0, 12, 75, 7)).toBe(-1);
  expect(own!.openRtp(sealed.slice(), 0, 12, 76, 8)).toBe(-1);
  expect(other!.openRtp(sealed.slice(), 0, 12, 76, 7)).toBe(-1);
  expect(own!.openRtp(sealed.with(1, 9), 0, 12, 76, 7)).toBe(-1);
  expect(own!.openRtp(sealed, 0, 12, 76, 7)).toBe(60);
  expect(sealed.subarray(0, 60)).toEqual(plain);
});

test("who speaks is loud and marked as voice most of the time, who does not is neither", () => {
  const call = new Conference({ seed: 1, people: [ADA] });
  const { microphone } = call.seat("ada").peer.publisher;
  const levels = (): number[] =>
    Array.from({ length: 250 }, (_, i) => microphone!.record(call.nowUs + i * 20 * MS).audioLevel);
  const quiet = levels();
  speaks("ada", 5)(call);
  const speech = levels();
  expect(quiet.every((level) => level < 0x80 && level >= 60)).toBe(true);
  const voiced = speech.filter((level) => level >= 0x80);
  expect(voiced.length / speech.length).toBeGreaterThan(0.6);
  expect(voiced.length / speech.length).toBeLessThan(0.95);
  expect(mean(voiced.map((level) => level & 0x7f))).toBeLessThan(40);
});

test("who leaves is seen and heard no more", () => {
  const cy: Person = { ...BO, name: "cy", watches: ["ada", "bo"] };
  const people = [ADA, { ...BO, sends: "audio" } as Person, cy];
  const report = play({ seed: 1, seconds: 6, people, events: [at(3, leaves("ada"))] });
  expect(report.view("cy", "ada").bitrateBps.map((bps) => bps > 0)).toEqual([
    true,
    true,
    true,
    expect.anything(),
    false,
    false,
  ]);
  expect(report.view("cy", "bo")).toMatchObject({ audioLoss: 0, framesComplete: 0 });
});

test("who begins to watch in mid-call sees from then on", () => {
  const cy: Person = { ...BO, name: "cy", watches: [] };
  const report = play({ seed: 1, seconds: 4, people: [ADA, BO, cy], events: [at(2, watches("cy", "ada"))] });
  const { firstPictureS, layerOfSecond } = report.view("cy", "ada");
  expect(firstPictureS).toBeGreaterThan(2);
  expect(firstPictureS).toBeLessThan(2.7);
  expect(layerOfSecond.slice(0, 2)).toEqual([NOTHING, NOTHING]);
});

test("thirty publishers and one who watches them all", () => {
  const crowd = Array.from({ length: 30 }, (_, i): Person => ({ ...ADA, name: `ada-${i}` }));
  const bo = { ...BO, watches: crowd.map(({ name }) => name), down: line(100 * MBPS) };
  const report = play({ seed: 1, seconds: 6, people: [...crowd, bo] });
  expect(report.views).toHaveLength(30);
  for (const { picturesShown, audioLoss } of report.views) {
    expect(picturesShown).toBeGreaterThan(100);
    expect(audioLoss).toBe(0);
  }
});

test("two media threads carry what one does", () => {
  const report = play({ seed: 1, seconds: 4, people: [ADA, BO], threads: 2 });
  expect(report.view("bo", "ada").picturesShown).toBeGreaterThan(100);
});
