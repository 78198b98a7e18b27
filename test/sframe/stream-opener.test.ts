/** Goal: a stream opens for who has the passphrase, as the sender and the kind that it was sealed as, and for no other. */
import { describe, expect, test } from "vitest";
import {
  deriveBaseKey,
  deriveRoomKey,
  generateKid,
  generatePassphrase,
  type StreamName,
} from "../../src/http/test-call/room-keys.ts";
import { SframeSealer } from "../../src/http/test-call/sframe.ts";
import { StreamOpener } from "../../src/http/test-call/stream-opener.ts";

const NOTHING = new Uint8Array(0);
const FRAME = Uint8Array.of(1, 2, 3);
const ALICE: StreamName = { identity: "alice", kind: "video" };
const roomKey = await deriveRoomKey("correct horse", "hall");

async function sealerOf(stream: StreamName, kid: bigint): Promise<SframeSealer> {
  return SframeSealer.create(kid, await deriveBaseKey(roomKey, stream, kid));
}

describe("a frame of alice's video", async () => {
  const sealed = await (await sealerOf(ALICE, 77n)).seal(FRAME, NOTHING);

  test("opens as that", async () => {
    expect(await new StreamOpener(roomKey, ALICE).open(sealed, NOTHING)).toEqual(FRAME);
  });

  test.each<[string, string, string, StreamName]>([
    ["with another passphrase", "wrong horse", "hall", ALICE],
    ["in another room", "correct horse", "attic", ALICE],
    ["as bob's", "correct horse", "hall", { identity: "bob", kind: "video" }],
    ["as her audio", "correct horse", "hall", { identity: "alice", kind: "audio" }],
  ])("does not open %s", async (_what, passphrase, room, stream) => {
    const opener = new StreamOpener(await deriveRoomKey(passphrase, room), stream);
    expect(await opener.open(sealed, NOTHING)).toBe("forged");
  });
});

test("bytes that are no SFrame are told from those that do not open", async () => {
  const opener = new StreamOpener(roomKey, ALICE);
  expect(await opener.open(NOTHING, NOTHING)).toBe("not_sframe");
  expect(await opener.open(Uint8Array.of(0xff, 1), NOTHING)).toBe("not_sframe");
});

test("a sender that came back has a new key, and frames of its earlier stay are still refused", async () => {
  const opener = new StreamOpener(roomKey, ALICE);
  const first = await (await sealerOf(ALICE, 1000n)).seal(FRAME, NOTHING);
  const second = await (await sealerOf(ALICE, 2000n)).seal(FRAME, NOTHING);
  expect(await opener.open(first, NOTHING)).toEqual(FRAME);
  expect(await opener.open(second, NOTHING)).toEqual(FRAME);
  expect(await opener.open(first, NOTHING)).toBe("replayed");
});

test("keys that open nothing take no place, those that do have a limit", async () => {
  const opener = new StreamOpener(roomKey, ALICE);
  for (let kid = 1n; kid <= 100n; kid++) {
    const foreign = await SframeSealer.create(kid, new Uint8Array(32));
    expect(await opener.open(await foreign.seal(FRAME, NOTHING), NOTHING)).toBe("forged");
  }
  const outcomes: unknown[] = [];
  for (let kid = 1n; kid <= 65n; kid++) {
    outcomes.push(await opener.open(await (await sealerOf(ALICE, kid)).seal(FRAME, NOTHING), NOTHING));
  }
  expect(outcomes.slice(0, 64)).toEqual(Array(64).fill(FRAME));
  expect(outcomes[64]).toBe("too_many_keys");
});

test("generated passphrases and key ids are long and never the same", () => {
  const passphrases = Array.from({ length: 100 }, generatePassphrase);
  for (const one of passphrases) expect(one).toMatch(/^([0-9a-hjkmnp-tv-z]{5}-){3}[0-9a-hjkmnp-tv-z]{5}$/);
  expect(new Set(passphrases).size).toBe(100);
  const kids = Array.from({ length: 100 }, generateKid);
  for (const kid of kids) expect(kid >> 48n).toBe(0n);
  expect(new Set(kids).size).toBe(100);
  expect(kids.some((kid) => kid >> 40n > 0n)).toBe(true);
});
