/**
 * Goal: what is sent under an SSRC of an ended section nobody can open, so no later section may have it.
 * Method: sections that come and go on one transport, while chance is not on our side.
 */
import { expect, test, vi } from "vitest";
import { asSsrc } from "../../src/base/ids.ts";
import { Ssrcs } from "../../src/control/ssrcs.ts";
import { conference, connect, must, OPUS } from "./conference.ts";

const SSRC_BYTES = 4;
let drawn = 7;

vi.mock("node:crypto", async (importOriginal) => {
  const crypto = await importOriginal<typeof import("node:crypto")>();
  const drawnSsrc = (): Buffer => {
    const bytes = Buffer.alloc(SSRC_BYTES);
    bytes.writeUInt32BE(drawn);
    return bytes;
  };
  return {
    ...crypto,
    randomBytes: (bytes: number) => (bytes === SSRC_BYTES ? drawnSsrc() : crypto.randomBytes(bytes)),
  };
});

test("the SSRCs of a section that has ended are given to no other", () => {
  drawn = 7;
  const viewer = connect(conference().rooms, "ada");
  const given = new Set<number>();
  for (let sections = 1; sections <= 100; sections++) {
    const slot = must(viewer.addSlot({ kind: "audio", mid: "0", payloads: [OPUS] }));
    expect(given.add(slot.section.ssrc).size).toBe(sections);
    viewer.removeSlot(slot);
  }
});

test("they wrap around, and keep off those that have a meaning or are the peer's", () => {
  drawn = 0xffff_fffe;
  const ssrcs = new Ssrcs();
  ssrcs.take(asSsrc(2), asSsrc(3));
  ssrcs.free(asSsrc(3));
  expect([ssrcs.next(), ssrcs.next(), ssrcs.next()]).toEqual([0xffff_ffff, 3, 4]);
});
