/** Goal: a handshake survives the loss of any datagram, by our clock, and no record number is ever used twice. */
import { describe, expect, test } from "vitest";
import { parseFragments } from "../../src/dtls/handshake-reassembly.ts";
import { HANDSHAKE, parseRecords } from "../../src/dtls/record-layer.ts";
import { Attacker } from "./attacker.ts";

const SECOND_US = 1_000_000;

/** Passes all but the first `count` datagrams that satisfy `isLost`. */
const losing = (count: number, isLost: (datagram: Uint8Array) => boolean) => {
  let left = count;
  return (datagram: Uint8Array): Uint8Array[] => {
    if (left === 0 || !isLost(datagram)) return [datagram];
    left -= 1;
    return [];
  };
};

const firstType = (datagram: Uint8Array): number | undefined => {
  const record = parseRecords(datagram)[0]!;
  return record.contentType === HANDSHAKE ? parseFragments(record.payload)?.[0]?.type : record.contentType;
};
const isServerHello = (datagram: Uint8Array): boolean => firstType(datagram) === 2;
const isChangeCipherSpec = (datagram: Uint8Array): boolean => firstType(datagram) === 20;

function expectDistinctNumbers(datagrams: readonly Uint8Array[]): void {
  const numbers = datagrams.flatMap(parseRecords).map((record) => `${record.epoch}:${record.sequence}`);
  expect(new Set(numbers).size).toBe(numbers.length);
}

describe("our flight 4", () => {
  test("comes again after half a second, then after one, then after two", async () => {
    const attacker = new Attacker({ toClient: losing(4, isServerHello) });
    await attacker.connect();
    const flightsAt: number[] = [];
    let flights = 1;
    for (let i = 0; i < 60; i++) {
      await attacker.advance(100_000);
      const now = attacker.endpoint.sent.filter(isServerHello).length;
      if (now > flights) flightsAt.push(attacker.nowUs / SECOND_US);
      flights = now;
    }
    expect(flightsAt).toEqual([0.5, 1.5, 3.5, 5.5]);
    expect(attacker.endpoint.keys).toBeDefined();
    expectDistinctNumbers(attacker.endpoint.sent);
  });

  test("comes again when the client repeats its hello", async () => {
    const attacker = new Attacker({ toClient: losing(1, isServerHello) });
    await attacker.connect();
    attacker.nowUs += 200_000;
    await attacker.inject(attacker.sent[1]!);
    expect(attacker.endpoint.keys).toBeDefined();
    expectDistinctNumbers(attacker.endpoint.sent);
  });
});

test("our hello verify request comes again when the client repeats its first hello", async () => {
  const attacker = new Attacker({ toClient: losing(1, () => true) });
  await attacker.connect();
  await attacker.inject(attacker.sent[0]!);
  expect(attacker.endpoint.keys).toBeDefined();
});

test("our Finished comes again when the client repeats its own", async () => {
  const attacker = new Attacker({ toClient: losing(1, isChangeCipherSpec) });
  await attacker.connect();
  expect(attacker.client.connected).toBe(false);
  attacker.nowUs += SECOND_US;
  const finished = attacker.client.dtls.lastFlight[0]!.toFragment().serialize();
  await attacker.inject(attacker.seal(HANDSHAKE, 50, finished));
  expect(attacker.client.connected).toBe(true);
  expectDistinctNumbers(attacker.endpoint.sent);
});

test("the client's flight may arrive backwards and twice", async () => {
  const flight: Uint8Array[] = [];
  const attacker = new Attacker({
    toServer: (datagram) => {
      if (firstType(datagram) === 1) return [datagram];
      flight.unshift(datagram, datagram);
      // Finished, alone in epoch 1, is werift's last.
      return parseRecords(datagram)[0]!.epoch === 1 ? flight : [];
    },
  });
  await attacker.connect();
  expect(attacker.endpoint.keys).toBeDefined();
});

test("a client that falls silent is given up after thirty seconds", async () => {
  const attacker = new Attacker({ toServer: (datagram) => (firstType(datagram) === 1 ? [datagram] : []) });
  await attacker.connect();
  await attacker.advance(29 * SECOND_US);
  expect(attacker.endpoint.outcome).toBeUndefined();
  await attacker.advance(SECOND_US);
  expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "timeout" });
});

describe("a server that is too busy", () => {
  test("takes the client at a later repetition of its hello", async () => {
    let free = false;
    const attacker = new Attacker({ admit: () => free });
    await attacker.connect();
    expect(attacker.endpoint.sent).toHaveLength(1);
    free = true;
    await attacker.inject(attacker.sent[1]!);
    expect(attacker.endpoint.keys).toBeDefined();
  });

  test("says so when its turn never comes", async () => {
    const attacker = new Attacker({ admit: () => false });
    await attacker.connect();
    await attacker.advance(31 * SECOND_US);
    expect(attacker.endpoint.outcome).toBe("too_busy");
  });
});
