/**
 * Goal: a peer that floods with DTLS fills neither memory nor the DTLS thread, and takes nothing from another.
 * Method: a DTLS thread that takes nothing, until a test says so.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { MAX_WAITING_DATAGRAMS, TAKEN_DATAGRAMS } from "../../src/contract/dtls.ts";
import { Conference } from "../sim/conference.ts";

function scene() {
  const people = [
    { name: "ada", sends: "nothing" },
    { name: "bo", sends: "nothing" },
  ] as const;
  const conference = new Conference({ people, seed: 1 });
  const { core } = conference;
  for (const { name } of people) {
    const { path, peer } = conference.seat(name);
    conference.receive(peer.ice.request(), path);
  }
  /** How many of so many datagrams from somebody went to the DTLS thread. */
  const passed = (name: "ada" | "bo", datagrams: number): number => {
    const { path } = conference.seat(name);
    for (let i = 0; i < datagrams; i++) core.receive(0, Uint8Array.of(23, 254, 253), 3, path, 0);
    return core.letters.splice(0).filter(({ kind }) => kind === "datagram").length;
  };
  return { conference, core, passed };
}

test("datagrams beyond what may wait are dropped and counted, of the peer that sends them alone", () => {
  const { core, passed } = scene();
  expect(passed("ada", MAX_WAITING_DATAGRAMS + 100)).toBe(MAX_WAITING_DATAGRAMS);
  expect(core.counters[SLOT.upDropped_dtls_backlog]).toBe(100);
  expect(passed("bo", 10)).toBe(10);
});

test("as many as were taken may come again", () => {
  const { conference, core, passed } = scene();
  passed("ada", MAX_WAITING_DATAGRAMS);
  const { transportId } = conference.seat("ada").peer;
  core.receiveLetter(conference.nowUs, { kind: "taken", transportId, datagrams: TAKEN_DATAGRAMS });
  expect(passed("ada", 2 * TAKEN_DATAGRAMS)).toBe(TAKEN_DATAGRAMS);
});

test("nothing waits for a DTLS thread that is no more", () => {
  const { core, passed } = scene();
  passed("ada", MAX_WAITING_DATAGRAMS);
  core.onDtlsReplaced();
  expect(passed("ada", MAX_WAITING_DATAGRAMS + 1)).toBe(MAX_WAITING_DATAGRAMS);
});
