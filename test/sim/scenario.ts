/**
 * A whole call in readable form, and its results:
 *
 *   const report = play({
 *     seed: 1,
 *     seconds: 60,
 *     people: [
 *       { name: "ada", sends: "simulcast", watches: [] },
 *       { name: "bo", sends: "audio", watches: ["ada"], down: line(3 * MBPS) },
 *     ],
 *     events: [at(10, down("bo", { rateBps: 600 * KBPS })), at(20, speaks("ada", 5))],
 *   });
 *   expect(report.view("bo", "ada").freezes.totalS).toBeLessThan(1);
 *
 * It knows nothing of the server's decisions; it reports what reaches participants.
 */
import { type LayerPreference, NO_PREFERENCE } from "../../src/contract/media.ts";
import { CallReport } from "./call-report.ts";
import { Conference, type ConferenceOptions } from "./conference.ts";
import type { LinkSettings } from "./link-model.ts";

const US_PER_SECOND = 1_000_000;
const MS = 1_000;
export const KBPS = 1_000;
export const MBPS = 1_000_000;
/** Sampling interval of the queues: short enough for percentiles over seconds. */
const SAMPLE_US = 10_000;

export type Happening = (call: Conference) => void;

interface TimedHappening {
  readonly second: number;
  readonly happening: Happening;
}

export interface Scenario extends Omit<ConferenceOptions, "ciphers"> {
  readonly seconds: number;
  readonly events?: readonly TimedHappening[];
}

/** Runs it to its end. */
export function play({ seconds, events = [], ...options }: Scenario): CallReport {
  const call = new Conference(options);
  const startUs = call.nowUs;
  const queues = new Map<string, number[]>(call.people.map(({ name }) => [name, []]));
  const pending = events.toSorted((a, b) => a.second - b.second);
  for (const endUs = startUs + seconds * US_PER_SECOND; call.nowUs < endUs; ) {
    while (pending.length > 0 && pending[0]!.second * US_PER_SECOND <= call.nowUs - startUs) {
      pending.shift()!.happening(call);
    }
    call.run(SAMPLE_US);
    for (const { person, down } of call.seats) queues.get(person.name)!.push(down.waitUs(call.nowUs));
  }
  return new CallReport(call, startUs, queues);
}

/** `second`: since the call began. */
export function at(second: number, happening: Happening): TimedHappening {
  return { second, happening };
}

/** Changes a participant's downlink. */
export function down(name: string, changes: Partial<LinkSettings>): Happening {
  return (call) => call.seat(name).down.change(call.nowUs, changes);
}

/** Changes a participant's uplink. */
export function up(name: string, changes: Partial<LinkSettings>): Happening {
  return (call) => call.seat(name).up.change(call.nowUs, changes);
}

/** Nothing passes to or from a participant for so long. */
export function blackout(name: string, seconds: number): Happening {
  return (call) => {
    const untilUs = call.nowUs + seconds * US_PER_SECOND;
    for (const link of [call.seat(name).up, call.seat(name).down]) link.blackout(call.nowUs, untilUs);
  };
}

/** A participant moves to another network, with these changes of its downlink. */
export function roams(name: string, changes: Partial<LinkSettings>, address?: string): Happening {
  return (call) => {
    call.seat(name).down.change(call.nowUs, changes);
    call.roam(name, address);
  };
}

export function speaks(name: string, seconds: number): Happening {
  return (call) => {
    const { microphone } = call.seat(name).peer.publisher;
    if (microphone === null) throw new Error(`${name} has no microphone`);
    microphone.speaksUntilUs = call.nowUs + seconds * US_PER_SECOND;
  };
}

/** `viewer` subscribes to `publisher`, to which it was not subscribed before. */
export function watches(viewer: string, publisher: string): Happening {
  return (call) => call.watch(viewer, publisher);
}

/** Sets the preference of `viewer` for the video of `publisher`; members that are left out have no limit. */
export function prefers(viewer: string, publisher: string, wishes: Partial<LayerPreference>): Happening {
  return (call) => call.prefer(viewer, publisher, { ...NO_PREFERENCE, ...wishes });
}

export function leaves(name: string): Happening {
  return (call) => call.leave(name);
}

/** A line of this rate, with a delay of 25 ms and a queue like a home router's. */
export function line(rateBps: number): Partial<LinkSettings> {
  return { delayUs: 25 * MS, rateBps, queue: { ms: 300 } };
}
