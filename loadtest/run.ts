/** One run from the first join to the result, in bounded time. */
import { setTimeout as delay } from "node:timers/promises";
import type { ClientSettings, ClientSpec } from "./client/load-client.ts";
import { monotonicUs } from "./client/monotonic-clock.ts";
import { type Credentials, Signalling } from "./client/signalling.ts";
import { dealClients, planClients } from "./client-plan.ts";
import { Fleet } from "./fleet.ts";
import { droppedBetween, readServer, type ServerReading, serverSeconds } from "./measure/server-load.ts";
import { bitratesBpsOf, type Options, profilesOf } from "./options.ts";
import { type RunResult, resultOf, wholeSeconds } from "./result.ts";

/** After the last client's start: longer than each client's own limits, so that each has reported its failure. */
const JOIN_LIMIT_MS = 50_000;
/** After the publishers' last packet: for packets under way, and for retransmissions. */
const DRAIN_MS = 1_000;
const POLL_MS = 100;

export type Phase = "joining" | "measuring" | "ending";

export interface Status {
  readonly phase: Phase;
  readonly clients: number;
  readonly joined: number;
  readonly failed: number;
  /** Share of the phase, 0 to 1. */
  readonly done: number;
}

export interface RunHooks {
  readonly onStatus: (status: Status) => void;
  /** Ends the measurement early; the result covers what was measured until then. */
  readonly stop: AbortSignal;
}

/** `name`: part of the rooms' names. */
export async function run(options: Options, name: string, { onStatus, stop }: RunHooks): Promise<RunResult> {
  const startedAt = new Date().toISOString();
  const specs = planClients(options, name);
  await createRooms(options, specs);
  const fleet = new Fleet(dealClients(specs, options.processes), {
    url: options.url,
    credentials: credentialsOf(options),
    settings: settingsOf(options),
  });
  const status = (phase: Phase, done: number): void =>
    onStatus({ phase, clients: specs.length, ...fleet.progress, done });
  try {
    const settled = (): number => fleet.progress.joined + fleet.progress.failed;
    const limitMs = specs.at(-1)!.startMs + JOIN_LIMIT_MS;
    await until(limitMs, stop, () => {
      status("joining", settled() / specs.length);
      return settled() >= specs.length;
    });

    const startUs = monotonicUs();
    fleet.measure(startUs);
    const readings: ServerReading[] = [];
    const measuring = new AbortController();
    const scraping = scrape(options.url, readings, measuring.signal);
    // Everyone failed: there is nothing to wait for.
    const nobody = fleet.progress.joined === 0;
    await until(nobody ? 0 : options.seconds * 1000, stop, () => {
      status("measuring", (monotonicUs() - startUs) / (options.seconds * 1_000_000));
      return false;
    });
    const measuredSeconds = Math.floor((monotonicUs() - startUs) / 1_000_000);
    fleet.quiet();
    measuring.abort();
    await scraping;
    status("ending", 0);
    await delay(DRAIN_MS);
    await fleet.finish();
    status("ending", 1);

    const { key: _key, secret: _secret, ...shown } = options;
    return resultOf({
      startedAt,
      options: shown,
      clients: fleet.clients,
      samples: wholeSeconds(fleet.samples, measuredSeconds),
      generators: fleet.reports,
      server: serverOf(readings, startUs),
    });
  } finally {
    await fleet.end(0);
  }
}

/**
 * With an API key, creates rooms that hold all clients, whatever the server's default is. Rejects when the server
 * refuses, since then nobody could join either.
 */
async function createRooms(options: Options, specs: readonly ClientSpec[]): Promise<void> {
  const credentials = credentialsOf(options);
  if (credentials.kind !== "key") return;
  const signalling = new Signalling(options.url, credentials);
  for (const room of new Set(specs.map((spec) => spec.room))) {
    const people = new Set(specs.filter((spec) => spec.room === room).map(({ identity }) => identity));
    await signalling.createRoom(room, people.size);
  }
}

async function until(limitMs: number, stop: AbortSignal, isDone: () => boolean): Promise<void> {
  const endUs = monotonicUs() + limitMs * 1000;
  while (!isDone() && !stop.aborted && monotonicUs() < endUs) await delay(POLL_MS);
}

/** Takes one reading a second, the first at once and the last at the end. */
async function scrape(url: string, readings: ServerReading[], end: AbortSignal): Promise<void> {
  for (;;) {
    const last = end.aborted;
    const reading = await readServer(url, monotonicUs);
    if (reading !== undefined) readings.push(reading);
    if (last) return;
    await delay(1_000, undefined, { signal: end }).catch(() => undefined);
  }
}

function serverOf(readings: readonly ServerReading[], startUs: number): RunResult["server"] {
  const [first] = readings;
  const last = readings.at(-1);
  if (first === undefined || last === undefined || first === last) {
    return { seconds: [], dropped: {}, cpuCores: null, sentPerSecond: null, cpuUsPerSentPacket: null };
  }
  const sent = last.sentPackets - first.sentPackets;
  const passedUs = last.atUs - first.atUs;
  const cpuUs = (last.cpuSeconds - first.cpuSeconds) * 1_000_000;
  return {
    seconds: serverSeconds(readings, startUs),
    dropped: droppedBetween(first, last),
    cpuCores: cpuUs / passedUs,
    sentPerSecond: (sent * 1_000_000) / passedUs,
    cpuUsPerSentPacket: sent === 0 ? null : cpuUs / sent,
  };
}

function credentialsOf({ key, secret }: Options): Credentials {
  return key !== undefined && secret !== undefined ? { kind: "key", key, secret } : { kind: "development" };
}

function settingsOf(options: Options): ClientSettings {
  return {
    serverHost: new URL(options.url).hostname,
    video: options.video,
    audio: options.audio === "on",
    bitratesBps: options.video === "none" ? [] : bitratesBpsOf(options),
    framesPerSecond: options.fps,
    profiles: profilesOf(options),
  };
}
