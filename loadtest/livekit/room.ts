/** A room of synthetic participants that all publish: they join one after the other, until each receives all others. */
import { setTimeout as delay } from "node:timers/promises";
import { createDtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import { chooseTier } from "../../src/worker/choose-tier.ts";
import { loadTier } from "../../src/worker/tiers.ts";
import { monotonicUs } from "../client/monotonic-clock.ts";
import { Meter } from "../measure/meter.ts";
import { Participant } from "./participant.ts";
import type { Mode } from "./signal-socket.ts";

/** Larger: packets are sent later than they are due. Smaller: polling takes more of the process. */
const TICK_MS = 4;
const POLL_MS = 50;

export interface RoomPlan {
  readonly url: string;
  readonly mode: Mode;
  readonly participants: number;
  /** Between two joins. */
  readonly gapMs: number;
  /** How many videos each is to receive. */
  readonly videos: number;
  /** Time limit after the last join. */
  readonly limitMs: number;
  token(identity: string): Promise<string>;
}

export interface RoomOutcome {
  /** What was not achieved, such as `p3 hears 28 of 29`; empty when nothing is missing. */
  readonly missing: readonly string[];
  /** From joining to the first complete picture of anybody, for those who found somebody there. */
  readonly firstPictureMs: readonly number[];
  /** For each pair, from when both had joined until one heard the other. */
  readonly heardMs: readonly number[];
  /** By participant. */
  readonly negotiations: readonly number[];
  readonly negotiatedBytes: readonly number[];
  /** Until nothing was missing. */
  readonly elapsedMs: number;
  /** CPU seconds of this process, which runs all participants. */
  readonly cpuSeconds: number;
}

export async function playRoom(plan: RoomPlan): Promise<RoomOutcome> {
  const { participants: count, mode, url, gapMs } = plan;
  const certificate = await createDtlsCertificate();
  const { ciphers } = await loadTier((await chooseTier("auto")).tier);
  const tools = { url, mode, certificate, ciphers, meter: new Meter(), clock: monotonicUs };
  const people = Array.from({ length: count }, (_, index) => new Participant(index, tools));
  const tokens = await Promise.all(people.map(({ index }) => plan.token(`p${index}`)));
  const cpu = process.cpuUsage();
  const startedUs = monotonicUs();
  const ticking = setInterval(() => {
    for (const one of people) one.tick(monotonicUs());
  }, TICK_MS);
  for (const [index, one] of people.entries()) {
    one.join(tokens[index]!);
    await delay(gapMs);
  }
  for (const endMs = performance.now() + plan.limitMs; performance.now() < endMs; await delay(POLL_MS)) {
    if (missingOf(people, plan).length === 0) break;
  }
  const elapsedMs = (monotonicUs() - startedUs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const missing = missingOf(people, plan);
  clearInterval(ticking);
  for (const one of people) one.leave();
  return {
    missing,
    firstPictureMs: people.slice(1).map(firstPictureMs),
    heardMs: people.flatMap((one) => heardMs(one, people)),
    negotiations: people.map(({ negotiations }) => negotiations),
    negotiatedBytes: people.map(({ negotiatedBytes }) => negotiatedBytes),
    elapsedMs,
    cpuSeconds: (user + system) / 1_000_000,
  };
}

function missingOf(people: readonly Participant[], { videos }: RoomPlan): string[] {
  const others = people.length - 1;
  const unheard = ({ heard, index }: Participant): string =>
    people.flatMap((one) => (one.index === index || heard.has(one.index) ? [] : `p${one.index}`)).join(", ");
  return people.flatMap((one) => {
    const { index, heard, seen, failure } = one;
    if (failure !== "") return `p${index}: ${failure}`;
    return [
      ...(heard.size < others ? [`p${index} does not hear ${unheard(one)}`] : []),
      ...(seen.size < Math.min(videos, others) ? [`p${index} sees ${seen.size} of ${videos}`] : []),
    ];
  });
}

function firstPictureMs({ seen, startedUs }: Participant): number {
  return (Math.min(...seen.values()) - startedUs) / 1_000;
}

function heardMs({ heard, startedUs }: Participant, people: readonly Participant[]): number[] {
  return [...heard].map(([publisher, atUs]) => {
    return (atUs - Math.max(startedUs, people[publisher]!.startedUs)) / 1_000;
  });
}
