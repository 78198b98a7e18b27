/**
 * Goal: who is in a call and signs checks with a wrong password, from however many addresses, keeps nobody else out.
 * Method: a second of such checks by ada, and then bo's first check from a new address.
 */
import { expect, test } from "vitest";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import { SLOT } from "../../src/base/counters.ts";
import type { PathId } from "../../src/base/ids.ts";
import { Conference } from "../sim/conference.ts";

const CHECKS = 2_000;

/** Paths from which ada's checks come, and from which bo's does. */
function scene(): {
  conference: Conference;
  flood: (path: (i: number) => PathId) => void;
  enters(): boolean;
} {
  const people = [
    { name: "ada", sends: "nothing" },
    { name: "bo", sends: "nothing" },
  ] as const;
  const conference = new Conference({ people, seed: 1 });
  const { paths, core } = conference;
  const { ufrag: remoteUfrag } = conference.seat("ada").peer.ice.server;
  const wrong = { localUfrag: "a", remoteUfrag, remotePwd: "wrong", transactionId: new Uint8Array(12) };
  return {
    conference,
    flood(path) {
      for (let i = 0; i < CHECKS; i++) conference.receive(bindingRequest(wrong), path(i));
    },
    enters() {
      const before = core.counters[SLOT.upDropped_stun_rate_limited]!;
      conference.receive(conference.seat("bo").peer.ice.request(), paths.intern("198.51.100.9", 4000));
      return core.counters[SLOT.upDropped_stun_rate_limited]! === before;
    },
  };
}

test("from many addresses", () => {
  const { conference, flood, enters } = scene();
  const { core, paths } = conference;
  flood((i) => paths.intern(`10.0.${i >> 8}.${i & 255}`, 4000));
  expect(core.counters[SLOT.upDropped_stun_rate_limited]).toBeGreaterThan(CHECKS * 0.9);
  expect(enters()).toBe(true);
});

test("from the address that it is known by", () => {
  const { conference, flood, enters } = scene();
  const { path, peer } = conference.seat("ada");
  conference.receive(peer.ice.request(), path);
  flood(() => path);
  expect(conference.core.counters[SLOT.upDropped_stun_bad_integrity]).toBe(CHECKS);
  expect(enters()).toBe(true);
});
