/** The bad networks that a viewer is put behind: what real ones do, one trouble at a time. */
import type { LinkSettings } from "../sim/link-model.ts";

const MS = 1_000;
const KBPS = 1_000;
const MBPS = 1_000_000;

export interface Impairment {
  readonly name: string;
  /** From the viewer to the server, and back. */
  readonly up: Partial<LinkSettings>;
  readonly down: Partial<LinkSettings>;
  /** Nothing passes for so long, once, in the middle. */
  readonly blackoutMs?: number;
}

/** 50 ms there and back. */
const FAR: Partial<LinkSettings> = { delayUs: 25 * MS };

const bothWays = (name: string, settings: Partial<LinkSettings>): Impairment => ({
  name,
  up: { ...FAR, ...settings },
  down: { ...FAR, ...settings },
});

/** A queue of 300 ms is about what home routers have. */
const bottleneck = (name: string, rateBps: number): Impairment => ({
  name,
  up: FAR,
  down: { ...FAR, rateBps, queue: { ms: 300 } },
});

export const IMPAIRMENTS: readonly Impairment[] = [
  { name: "none", up: {}, down: {} },
  bothWays("loss 2 %", { loss: 0.02 }),
  bothWays("loss 10 %", { loss: 0.1 }),
  bothWays("100 ± 30 ms", { delayUs: 100 * MS, jitterUs: 30 * MS, jitter: "normal", jitterReorders: false }),
  bothWays("reordering", { reordering: { probability: 0.05, byUs: 30 * MS } }),
  bottleneck("300 kbit/s", 300 * KBPS),
  bottleneck("1 Mbit/s", 1 * MBPS),
  bottleneck("3 Mbit/s", 3 * MBPS),
  { name: "blackout 3 s", up: FAR, down: FAR, blackoutMs: 3_000 },
];
