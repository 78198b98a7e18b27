/** The tier that a measurement uses, for its subject, its generator and its sink alike: `BENCH_TIER`. */
import { loadTier, type TierName } from "../../src/worker/tiers.ts";

export const tierName = (process.env.BENCH_TIER ?? "native") as TierName;
export const { ciphers: cipherFactory, createSocket } = await loadTier(tierName);
