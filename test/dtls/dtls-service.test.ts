/** Goal: associations are kept apart, limits hold, and no letter of a media thread can stop the service. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TransportId } from "../../src/base/ids.ts";
import { type DtlsThreadEvent, TAKEN_DATAGRAMS } from "../../src/contract/dtls.ts";
import { type DataLink, DtlsService, type DtlsServiceSettings } from "../../src/dtls/dtls-service.ts";
import { SRTP_PROFILES } from "../../src/worker/tiers.ts";
import { serverCertificate } from "./endpoint.ts";
import { Letterbox } from "./letterbox.ts";

const A = "TP_a" as TransportId;
const B = "TP_b" as TransportId;
const SECOND_US = 1_000_000;

let nowUs = 0;
let reports: DtlsThreadEvent[] = [];
const ports: MessagePort[] = [];

beforeEach(() => {
  nowUs = 0;
  reports = [];
});
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

const NO_DATA: DataLink = { onSecure: () => {}, onData: () => {}, onClosed: () => {} };

function createService(limits: Partial<DtlsServiceSettings> = {}): DtlsService {
  const report = (event: DtlsThreadEvent): void => void reports.push(event);
  return new DtlsService({
    certificate: serverCertificate,
    srtpProfiles: SRTP_PROFILES.native,
    data: NO_DATA,
    nowUs: () => nowUs,
    report,
    ...limits,
  });
}

function join(service: DtlsService): Letterbox {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1);
  service.connect(port2);
  return new Letterbox(port1);
}

/** Enough turns for both ends of a MessageChannel to fall silent after a handshake. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await nextTurn();
}

test("two media threads may use one transport id without meeting", async () => {
  const service = createService();
  const [one, two] = [join(service), join(service)];
  one.open(A);
  two.open(A);
  one.startClient(A);
  await settle();
  expect(one.about(A).map((letter) => letter.kind)).toEqual(["secure"]);
  expect(two.letters).toEqual([]);
  expect(service.associations).toBe(2);
});

test("reports the outcome of a handshake with its duration from the first datagram", async () => {
  const service = createService();
  const box = join(service);
  box.open(A);
  await settle();
  nowUs = 5 * SECOND_US;
  box.post({ kind: "datagram", transportId: A, bytes: Uint8Array.of(22) });
  await settle();
  nowUs = 7 * SECOND_US;
  box.startClient(A);
  await settle();
  expect(reports).toEqual([{ kind: "handshake", outcome: "ok", seconds: 2 }]);
});

test("needs the clock, and says so, from the first datagram until the handshake is over", async () => {
  let said = 0;
  const service = createService({ onPending: () => said++ });
  const box = join(service);
  box.open(A);
  box.open(B);
  await settle();
  expect([said, service.needsClock]).toEqual([0, false]);
  box.post({ kind: "datagram", transportId: A, bytes: Uint8Array.of(22) });
  await settle();
  expect([said, service.needsClock]).toEqual([1, true]);
  box.startClient(B);
  await settle();
  expect([said, service.needsClock]).toEqual([2, true]);
  nowUs = 31 * SECOND_US;
  service.tick();
  expect(service.needsClock).toBe(false);
});

test("hands over keys and datagrams in arrays of their own size", async () => {
  const box = join(createService());
  box.open(A);
  box.startClient(A);
  await settle();
  for (const letter of box.letters) {
    if (letter.kind === "datagram") expect(letter.bytes.buffer.byteLength).toBe(letter.bytes.length);
    if (letter.kind === "secure") expect(letter.keys.send.key.buffer.byteLength).toBe(16);
  }
  expect(box.letters.some((letter) => letter.kind === "secure")).toBe(true);
});

test("says that the keys exist before the datagram that lets the peer use them", async () => {
  const box = join(createService());
  box.open(A);
  box.startClient(A);
  await settle();
  expect(box.letters.map((letter) => letter.kind)).toEqual(["datagram", "datagram", "secure", "datagram"]);
});

test("refuses associations beyond the limit and has room again when one ends", async () => {
  const box = join(createService({ maxAssociations: 1 }));
  box.open(A);
  box.open(B);
  await settle();
  expect(box.letters).toEqual([{ kind: "failed", transportId: B, reason: "too_busy" }]);
  expect(reports).toEqual([{ kind: "handshake", outcome: "too_busy", seconds: 0 }]);
  box.post({ kind: "close", transportId: A });
  box.open(B);
  box.startClient(B);
  await settle();
  expect(box.about(B).at(-1)).toMatchObject({ kind: "secure" });
});

test("admits no more handshakes at once than the limit; the next hello is taken when one has ended", async () => {
  const box = join(createService({ maxHandshakes: 1 }));
  const datagramsTo = (id: TransportId): number =>
    box.letters.filter((letter) => letter.transportId === id && letter.kind === "datagram").length;
  box.open(A);
  box.open(B);
  // Deaf to all but the request for a cookie, so that its handshake stays under way.
  const deaf = box.startClient(A);
  const { onHandleHandshakes } = deaf;
  deaf.onHandleHandshakes = async (messages) => {
    if (messages[0]?.msg_type === 3) await onHandleHandshakes(messages);
  };
  await settle();
  expect(datagramsTo(A)).toBe(2);

  box.startClient(B);
  await settle();
  expect(datagramsTo(B)).toBe(1);

  box.post({ kind: "close", transportId: A });
  box.post(box.sent.at(-1)!);
  await settle();
  expect(box.about(B).map((letter) => letter.kind)).toEqual(["secure"]);
});

test("a fault while one association is served ends that one alone", async () => {
  const service = createService();
  const box = join(service);
  box.open(A);
  box.open(B);
  box.startClient(B);
  box.post({ kind: "datagram", transportId: A, bytes: null as never });
  await settle();
  expect(box.about(A)).toEqual([{ kind: "failed", transportId: A, reason: "protocol_error" }]);
  expect(box.about(B).map((letter) => letter.kind)).toEqual(["secure"]);
  expect(service.associations).toBe(1);
});

test("drops the datagrams of a peer that floods, and hears it again later", async () => {
  const box = join(createService());
  box.open(A);
  for (let i = 0; i < 500; i++) box.post({ kind: "datagram", transportId: A, bytes: Uint8Array.of(22, i) });
  box.startClient(A);
  await settle();
  expect(new Set(box.letters.map(({ kind }) => kind))).toEqual(new Set(["taken"]));
  nowUs = 2 * SECOND_US;
  box.startClient(A);
  await settle();
  expect(box.about(A).map((letter) => letter.kind)).toContain("secure");
});

test("says of each peer how many of its datagrams were taken", async () => {
  const box = join(createService());
  box.open(A);
  box.open(B);
  const post = (transportId: TransportId, datagrams: number): void => {
    for (let i = 0; i < datagrams; i++)
      box.post({ kind: "datagram", transportId, bytes: Uint8Array.of(22, i) });
  };
  post(A, TAKEN_DATAGRAMS - 1);
  post(B, 3 * TAKEN_DATAGRAMS);
  await settle();
  const said = { kind: "taken", transportId: B, datagrams: TAKEN_DATAGRAMS };
  expect(box.letters).toEqual([said, said, said]);
  post(A, 1);
  await settle();
  expect(box.letters.at(-1)).toEqual({ ...said, transportId: A });
});

test("gives up a silent handshake after thirty seconds and reports it", async () => {
  const service = createService();
  const box = join(service);
  box.open(A);
  box.post({ kind: "datagram", transportId: A, bytes: Uint8Array.of(22) });
  await settle();
  nowUs = 31 * SECOND_US;
  service.tick();
  await settle();
  expect(box.letters).toEqual([{ kind: "failed", transportId: A, reason: "timeout" }]);
  expect(reports).toEqual([{ kind: "handshake", outcome: "timeout", seconds: 31 }]);
  expect(service.associations).toBe(0);
});

test("an association that waits for its first datagram has no timeout", async () => {
  const service = createService();
  const box = join(service);
  box.open(A);
  await settle();
  nowUs = 3600 * SECOND_US;
  service.tick();
  box.startClient(A);
  await settle();
  expect(box.about(A).map((letter) => letter.kind)).toEqual(["secure"]);
});

test("ignores letters about unknown transports and a second open", async () => {
  const service = createService();
  const box = join(service);
  box.post({ kind: "close", transportId: A });
  box.post({ kind: "datagram", transportId: A, bytes: Uint8Array.of(22) });
  box.open(B);
  box.open(B);
  await settle();
  expect(box.letters).toEqual([]);
  expect(service.associations).toBe(1);
});

test("says close_notify when the media thread closes", async () => {
  const box = join(createService());
  box.open(A);
  box.startClient(A);
  await settle();
  box.post({ kind: "close", transportId: A });
  await settle();
  const last = box.letters.at(-1);
  // An encrypted alert: type 21, epoch 1, nonce, two bytes and a tag.
  expect(last).toMatchObject({ kind: "datagram" });
  const bytes = last?.kind === "datagram" ? last.bytes : new Uint8Array(0);
  expect([bytes[0], bytes[4], bytes.length]).toEqual([21, 1, 13 + 8 + 2 + 16]);
});

test("the associations of a media thread end with its port", async () => {
  const service = createService();
  const [one, two] = [join(service), join(service)];
  one.open(A);
  one.open(B);
  two.open(A);
  await settle();
  expect(service.associations).toBe(3);
  one.port.close();
  await settle();
  expect(service.associations).toBe(1);
});
