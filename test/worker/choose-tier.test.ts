/**
 * Goal: a tier that does not do what it should is never chosen by itself.
 * Method: the real tiers, and tiers with one part exchanged for a broken one.
 */
import { platform } from "node:os";
import { describe, expect, test } from "vitest";
import type { SrtpCipher } from "../../src/srtp/srtp-cipher.ts";
import { chooseTier, selfTest } from "../../src/worker/choose-tier.ts";
import { loadTier, type Tier } from "../../src/worker/tiers.ts";

const portable = await loadTier("portable");

/** A portable tier whose ciphers are changed by `change`. */
function withCiphers(change: (cipher: SrtpCipher) => Partial<SrtpCipher>): Tier {
  return {
    ...portable,
    ciphers: {
      ...portable.ciphers,
      create(profile, master) {
        const cipher = portable.ciphers.create(profile, master);
        const bound = Object.fromEntries(
          (["sealRtp", "beginSealRtp", "openRtp", "sealRtcp", "openRtcp", "free"] as const).map((name) => [
            name,
            (cipher[name] as (...args: unknown[]) => unknown).bind(cipher),
          ]),
        );
        return { ...bound, ...change(cipher) } as SrtpCipher;
      },
    },
  };
}

describe("the self-test", () => {
  test("finds nothing wrong with the portable tier", async () => {
    expect(await selfTest(portable)).toBeNull();
  });

  test.each<[string, Tier, RegExp]>([
    ["seals nothing", withCiphers(() => ({ sealRtp: (_b, _at, _h, bytes) => bytes + 16 })), /profile 7/],
    ["opens everything", withCiphers(() => ({ openRtp: (_b, _at, _h, bytes) => bytes - 16 })), /profile 7/],
    [
      "loses datagrams",
      {
        ...portable,
        createSocket: async (options) => {
          const socket = await portable.createSocket(options);
          const { port, receiveBufferBytes, sendBufferBytes } = socket;
          return {
            port,
            receiveBufferBytes,
            sendBufferBytes,
            segments: false,
            send: () => 0,
            receiveDrops: () => undefined,
            close: () => socket.close(),
          };
        },
      },
      /came as $/,
    ],
  ])("refuses a tier that %s", async (_name, tier, reason) => {
    expect(await selfTest(tier)).toMatch(reason);
  });
});

describe("the choice", () => {
  test("portable is taken at its word", async () => {
    expect(await chooseTier("portable")).toEqual({ tier: "portable", reason: "as configured" });
  });

  test.skipIf(platform() !== "linux")("on Linux auto is native, and native works", async () => {
    const chosen = { tier: "native", reason: "passed its self-test" };
    expect(await chooseTier("auto")).toEqual(chosen);
    expect(await chooseTier("native")).toEqual(chosen);
  });
});
