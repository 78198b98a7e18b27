/**
 * Goal: whoever makes a cipher frees it, once, and asks nothing of it afterwards.
 * Method: the media core with native ciphers, whose contexts are counted and which throw when used after free().
 */
import { expect, test } from "vitest";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { RoomId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { liveContexts } from "../../src/native/cipher-context.ts";
import { nativeCipherFactory } from "../../src/native/native-cipher.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { Conference, meeting } from "../sim/conference.ts";
import { SimPeer } from "../sim/sim-peer.ts";

const SECOND_US = 1_000_000;
const CONTEXTS_PER_TRANSPORT = 4;
const LOSSY = { delayUs: 40_000, jitterUs: 10_000, loss: 0.05 };

test("10,000 joins and leaves leave no context behind", () => {
  const PRESENT = 10;
  const core = new MediaCore({
    counters: createSharedCounters(),
    paths: new PathTable(64),
    ringSlots: 64,
    ciphers: nativeCipherFactory,
    seed: 1,
  });
  const options = { name: "", sends: "nothing", seed: 1, ciphers: portableCipherFactory } as const;
  const peers = Array.from({ length: PRESENT + 1 }, (_, i) => new SimPeer(i, options));
  const at = (turn: number): SimPeer => peers[turn % peers.length]!;

  for (let turn = 0; turn < 10_000; turn++) {
    const nowUs = turn * 1000;
    const { transportId, ice } = at(turn);
    core.command(nowUs, {
      kind: "transport.open",
      transportId,
      roomId: `room ${turn % 3}` as RoomId,
      localIce: ice.server,
      remoteIce: ice.peer,
      fingerprints: [],
      extensions: {},
    });
    const keys = at(turn).serverKeys(turn % 2 === 0 ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80);
    // Twice: keys come once for an association, and what comes again must make nothing. Every seventh never gets any.
    for (const _ of turn % 7 === 0 ? [] : ["keys", "again"])
      core.receiveLetter(nowUs, { kind: "secure", transportId, keys });
    if (turn === PRESENT - 1) {
      expect(liveContexts()).toBe((PRESENT - 2) * CONTEXTS_PER_TRANSPORT);
      core.countObjects();
      expect(core.counters[SLOT.cipherContexts]).toBe(liveContexts());
    }
    if (turn >= PRESENT) {
      const leaving = at(turn - PRESENT).transportId;
      core.command(nowUs, { kind: "transport.close", transportId: leaving });
      core.receiveLetter(nowUs, { kind: "secure", transportId: leaving, keys });
    }
  }
  for (const { transportId } of peers) core.command(0, { kind: "transport.close", transportId });
  expect(core.idle).toBe(true);
  expect(liveContexts()).toBe(0);
});

test("those who stay go on when others leave in mid-call, and nothing touches a freed cipher", () => {
  const conference = new Conference({ people: meeting(4, LOSSY), seed: 7, ciphers: nativeCipherFactory });
  for (let left = 1; left <= 4; left++) {
    conference.run(2 * SECOND_US);
    const { transportId } = conference.people[left - 1]!;
    conference.core.command(conference.nowUs, { kind: "transport.close", transportId });
    expect(liveContexts()).toBe((4 - left) * CONTEXTS_PER_TRANSPORT);
  }
  conference.run(SECOND_US);
});
