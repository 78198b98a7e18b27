/**
 * Goal: frames that LiveKit's clients have sealed are told from plain ones by their last bytes.
 * Method: frames by hand, and bytes by chance.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { endsSealed } from "../../src/rtp/payload/livekit-trailer.ts";
import { hex } from "./hex.ts";

const IV = "a0a1a2a3 a4a5a6a7 a8a9aaab";
const TAG = "10".repeat(16);
/** What the web SDK appends where frame ids are announced: tag 2, length 4, the id, all inverted; the length of it all. */
const FRAME_ID = `${"fdfb fffffffe"} f4 4c4b5453`;

/** The verdict on a payload behind a header of two bytes. */
function verdict(payload: string, isWholeFrame = true): boolean {
  const packet = hex(`ffff ${payload}`);
  return endsSealed(packet, 2, packet.length - 2, isWholeFrame);
}

describe("the end of a frame", () => {
  test.each([
    { name: "sealed Opus", payload: `fc 99 ${TAG} ${IV} 0c 00`, sealed: true },
    { name: "sealed with the last key of a long ring", payload: `fc ${TAG} ${IV} 0c ff`, sealed: true },
    { name: "sealed, with a packet trailer", payload: `fc 99 ${TAG} ${IV} 0c 00 ${FRAME_ID}`, sealed: true },
    { name: "plain, with a packet trailer", payload: `fc 99 ${TAG} ${IV} 00 00 ${FRAME_ID}`, sealed: false },
    {
      name: "sealed, before other bytes",
      payload: `fc 99 ${TAG} ${IV} 0c 00 fdfb fffffffe f4 4c4b5455`,
      sealed: false,
    },
    { name: "a packet trailer that claims more than there is", payload: "0c 00 00 4c4b5453", sealed: false },
    { name: "Opus silence", payload: "f8 ff fe", sealed: false },
    { name: "too short to be sealed", payload: "fc 0c 00", sealed: false },
    { name: "another length of IV", payload: `fc 99 ${TAG} ${IV} 0b 00`, sealed: false },
    { name: "nothing", payload: "", sealed: false },
  ])("$name", ({ payload, sealed }) => {
    expect(verdict(payload)).toBe(sealed);
  });

  test("in a last packet that has only some of it", () => {
    expect(verdict("abcd 0c 00", false)).toBe(true);
    expect(verdict("0c", false)).toBe(false);
  });

  test("is never looked for outside the payload", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60, size: "max" }),
        fc.nat(60),
        fc.boolean(),
        (packet, at, isWhole) => {
          const from = Math.min(at, packet.length);
          const strict = new Proxy(packet, {
            get(target, key) {
              if (typeof key === "string" && /^\d+$/.test(key))
                expect(Number(key)).toBeGreaterThanOrEqual(from);
              return Reflect.get(target, key);
            },
          });
          endsSealed(strict, from, packet.length - from, isWhole);
        },
      ),
    );
  });
});
