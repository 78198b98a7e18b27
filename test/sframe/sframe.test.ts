/**
 * Goal: SFrame with AES_128_GCM_SHA256_128 as RFC 9605 has it, and nothing opens that its sealer did not make.
 * Method: the RFC's vector in both directions; properties over frames, flipped bits and orders.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SframeOpener, SframeSealer } from "../../src/http/test-call/sframe.ts";
import { decodeSframeHeader, encodeSframeHeader } from "../../src/http/test-call/sframe-header.ts";
import { hex, toHex, VECTORS } from "./vectors.ts";

const BASE_KEY = hex("000102030405060708090a0b0c0d0e0f");
const NOTHING = new Uint8Array(0);
const bytes = fc.uint8Array({ maxLength: 300 });

const open = (opener: SframeOpener, sframe: Uint8Array, metadata: Uint8Array = NOTHING) =>
  opener.open(decodeSframeHeader(sframe)!, sframe, metadata);

describe("RFC 9605 appendix C.3, AES_128_GCM_SHA256_128", () => {
  const { kid, ctr, base_key, metadata, pt, ct } = VECTORS.aes128Gcm;

  test("seals to the vector's ciphertext", async () => {
    const sealer = await SframeSealer.create(BigInt(kid), hex(base_key));
    // A sealer counts by itself, from 0.
    const before: Promise<Uint8Array>[] = [];
    for (let at = 0; at < Number(ctr); at++) before.push(sealer.seal(NOTHING, NOTHING));
    await Promise.all(before);
    expect(toHex(await sealer.seal(hex(pt), hex(metadata)))).toBe(ct);
  });

  test("opens the vector's ciphertext", async () => {
    const opener = await SframeOpener.create(BigInt(kid), hex(base_key));
    expect(await open(opener, hex(ct), hex(metadata))).toEqual(hex(pt));
  });
});

test("every frame comes back", async () => {
  const kid = (1n << 64n) - 1n;
  const sealer = await SframeSealer.create(kid, BASE_KEY);
  const opener = await SframeOpener.create(kid, BASE_KEY);
  await fc.assert(
    fc.asyncProperty(bytes, bytes, async (frame, metadata) => {
      const sframe = await sealer.seal(frame, metadata);
      expect(await open(opener, sframe, metadata)).toEqual(Uint8Array.from(frame));
    }),
  );
});

test("a flipped bit anywhere, also in the metadata, and the frame does not open", async () => {
  const kid = 0x1234n;
  const sealer = await SframeSealer.create(kid, BASE_KEY);
  await fc.assert(
    fc.asyncProperty(bytes, bytes, fc.nat(), async (frame, metadata, flip) => {
      const opener = await SframeOpener.create(kid, BASE_KEY);
      const sframe = await sealer.seal(frame, metadata);
      const { headerBytes } = decodeSframeHeader(sframe)!;
      const both = Uint8Array.of(...sframe, ...metadata);
      const bit = flip % (both.length * 8);
      both[bit >> 3]! ^= 1 << (bit & 7);
      const header = decodeSframeHeader(both.subarray(0, headerBytes));
      // A header that names another key or is none goes to another opener or to none.
      if (header?.kid !== kid || header.headerBytes !== headerBytes) return;
      const opened = await opener.open(header, both.subarray(0, sframe.length), both.subarray(sframe.length));
      expect(opened).toBe("forged");
    }),
  );
});

test("every truncation of a frame is refused", async () => {
  const sealer = await SframeSealer.create(1n, BASE_KEY);
  const opener = await SframeOpener.create(1n, BASE_KEY);
  const sframe = await sealer.seal(Uint8Array.of(1, 2, 3), NOTHING);
  for (let length = 1; length < sframe.length; length++) {
    expect(await open(opener, sframe.subarray(0, length))).toBe("forged");
  }
  expect(await open(opener, sframe)).toEqual(Uint8Array.of(1, 2, 3));
});

test("a frame opens once, and in any order within the window", async () => {
  const sealer = await SframeSealer.create(1n, BASE_KEY);
  const opener = await SframeOpener.create(1n, BASE_KEY);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < 4; at++) frames.push(await sealer.seal(Uint8Array.of(at), NOTHING));
  for (const at of [0, 2, 1, 3]) expect(await open(opener, frames[at]!)).toEqual(Uint8Array.of(at));
  for (const at of [0, 1, 2, 3]) expect(await open(opener, frames[at]!)).toBe("replayed");
});

test("of two copies opened at the same time, one opens", async () => {
  const sealer = await SframeSealer.create(1n, BASE_KEY);
  const opener = await SframeOpener.create(1n, BASE_KEY);
  const sframe = await sealer.seal(Uint8Array.of(7), NOTHING);
  const outcomes = await Promise.all([open(opener, sframe), open(opener, sframe)]);
  expect(outcomes.filter((one) => one === "replayed").length).toBe(1);
});

test("a forged counter does not push true frames out of the window", async () => {
  const sealer = await SframeSealer.create(1n, BASE_KEY);
  const opener = await SframeOpener.create(1n, BASE_KEY);
  const forged = Uint8Array.of(...encodeSframeHeader(1n, 1n << 60n), ...new Uint8Array(20));
  expect(await open(opener, forged)).toBe("forged");
  expect(await open(opener, await sealer.seal(Uint8Array.of(7), NOTHING))).toEqual(Uint8Array.of(7));
});

test("no two frames of a sealer share a counter, also when sealed at the same time", async () => {
  const sealer = await SframeSealer.create(1n, BASE_KEY);
  const frames = await Promise.all(Array.from({ length: 100 }, () => sealer.seal(NOTHING, NOTHING)));
  expect(new Set(frames.map((frame) => decodeSframeHeader(frame)!.ctr)).size).toBe(100);
});
