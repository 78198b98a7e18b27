/**
 * Goal: a client that retransmits as RFC 6347 §4.2.4 says gets its keys over a path that loses a quarter of all
 * datagrams, delays and reorders them; and no record number of ours is ever used twice.
 * Method: werift computes the client's flights; a record layer of the test sends and repeats them in simulated time,
 * on eighty seeded paths.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { encodeMessage, HandshakeReassembler, parseFragments } from "../../src/dtls/handshake-reassembly.ts";
import { encodeRecord, HANDSHAKE, parseRecords } from "../../src/dtls/record-layer.ts";
import { Attacker } from "./attacker.ts";
import { seededRandom } from "./random.ts";

const MS = 1000;
const STEP_US = 10 * MS;
const LOSS = 0.25;
const DELAY_US = 20 * MS;
const JITTER_US = 40 * MS;
const GIVE_UP_US = 60_000 * MS;

/** WebRTC's BoringSSL starts with less, openssl with a second. */
const CLIENT_WAIT_US = 400 * MS;

class LossyLink {
  readonly #random: () => number;
  #underWay: { readonly atUs: number; readonly datagram: Uint8Array }[] = [];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  send(nowUs: number, datagram: Uint8Array): void {
    const [luck, jitter] = [this.#random(), this.#random()];
    if (luck < LOSS) return;
    this.#underWay.push({ atUs: nowUs + DELAY_US + jitter * JITTER_US, datagram });
  }

  arrivals(nowUs: number): Uint8Array[] {
    const arrived = this.#underWay.filter(({ atUs }) => atUs <= nowUs).sort((a, b) => a.atUs - b.atUs);
    this.#underWay = this.#underWay.filter(({ atUs }) => atUs > nowUs);
    return arrived.map(({ datagram }) => datagram);
  }
}

/** The record layer of a correct client around werift's: order, duplicates, numbers, retransmission. */
class RetransmittingClient {
  readonly attacker: Attacker;
  readonly #link: LossyLink;
  #reassembler = new HandshakeReassembler(0);
  #flight: Uint8Array[] = [];
  #sequence = 0;
  #resendAtUs = CLIENT_WAIT_US;
  #waitUs = CLIENT_WAIT_US;

  constructor(seed: number) {
    this.attacker = new Attacker({ toServer: () => [], toClient: () => [] });
    this.#link = new LossyLink(seed);
  }

  arrivals(nowUs: number): Uint8Array[] {
    return this.#link.arrivals(nowUs);
  }

  async receive(nowUs: number, datagram: Uint8Array): Promise<void> {
    for (const record of parseRecords(datagram)) {
      if (record.epoch === 1) {
        if (this.#flight.length > 1) await this.#deliver(nowUs, encodeRecord(record));
        continue;
      }
      if (record.contentType !== HANDSHAKE) continue;
      for (const fragment of parseFragments(record.payload) ?? []) this.#reassembler.add(fragment);
      for (let message = this.#reassembler.next(); message; message = this.#reassembler.next()) {
        await this.#deliver(nowUs, encodeRecord({ ...record, payload: encodeMessage(message) }));
      }
    }
  }

  /** Sends what werift made since the last call: a new flight, the first time. */
  send(nowUs: number): void {
    const made = this.attacker.sent.splice(0).flatMap((datagram) => parseRecords(datagram).map(encodeRecord));
    if (made.length === 0) return;
    this.#flight = made;
    this.#waitUs = CLIENT_WAIT_US;
    this.#transmit(nowUs);
  }

  tick(nowUs: number): void {
    if (nowUs < this.#resendAtUs || this.attacker.client.connected) return;
    this.#waitUs *= 2;
    this.#transmit(nowUs);
  }

  async #deliver(nowUs: number, record: Uint8Array): Promise<void> {
    this.attacker.deliverToClient(record);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    this.send(nowUs);
  }

  #transmit(nowUs: number): void {
    this.#resendAtUs = nowUs + this.#waitUs;
    for (const datagram of this.#flight) this.#link.send(nowUs, this.#renumbered(datagram));
  }

  /** Each record with a number never used before, as a client's must have: Finished is sealed anew. */
  #renumbered(datagram: Uint8Array): Uint8Array {
    const record = parseRecords(datagram)[0]!;
    const sequence = this.#sequence++;
    if (record.epoch === 0) return encodeRecord({ ...record, sequence });
    const finished = this.attacker.client.dtls.lastFlight[0]!.toFragment().serialize();
    return this.attacker.seal(HANDSHAKE, sequence, finished);
  }
}

const seeds = Array.from({ length: 80 }, (_, i) => i + 1);

test.each(seeds)("connects over a lossy path, seed %d", async (seed) => {
  const client = new RetransmittingClient(seed);
  const { endpoint } = client.attacker;
  const down = new LossyLink(seed + 1000);
  let answered = 0;
  client.attacker.client.connect().catch(() => {});
  client.send(0);

  let nowUs = 0;
  for (; nowUs < GIVE_UP_US && !client.attacker.client.connected; nowUs += STEP_US) {
    for (const datagram of client.arrivals(nowUs)) {
      endpoint.server.receive(nowUs, datagram);
      await nextTurn();
    }
    endpoint.server.tick(nowUs);
    for (; answered < endpoint.sent.length; answered++) down.send(nowUs, endpoint.sent[answered]!);
    for (const datagram of down.arrivals(nowUs)) await client.receive(nowUs, datagram);
    client.tick(nowUs);
  }

  expect(nowUs).toBeLessThan(GIVE_UP_US);
  expect(endpoint.keys).toBeDefined();
  const numbers = endpoint.sent.flatMap(parseRecords).map((record) => `${record.epoch}:${record.sequence}`);
  expect(new Set(numbers).size).toBe(numbers.length);
});
