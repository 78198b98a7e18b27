/**
 * Goal: the thread starts warm, serves a media thread's letterbox, carries data channels between a client and main, tells
 * main what it does, and ends when told.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TransportId } from "../../src/base/ids.ts";
import type { DataCommand, DataEvent } from "../../src/contract/data.ts";
import type { DtlsThreadEvent } from "../../src/contract/dtls.ts";
import { fingerprintOf } from "../../src/dtls/client-certificate.ts";
import { type DtlsThread, spawnDtlsThread } from "../../src/dtls/spawn-dtls-thread.ts";
import { SRTP_PROFILES } from "../../src/worker/tiers.ts";
import { Letterbox } from "./letterbox.ts";
import { RELIABLE, SctpClient, STRING } from "./sctp/sctp-client.ts";

const A = "TP_a" as TransportId;
const B = "TP_b" as TransportId;

let thread: DtlsThread;
let box: Letterbox;
const events: DtlsThreadEvent[] = [];

beforeAll(async () => {
  thread = await spawnDtlsThread({ srtpProfiles: SRTP_PROFILES.native });
  thread.onEvent((event) => events.push(event));
  const { port1, port2 } = new MessageChannel();
  thread.connect(port2);
  box = new Letterbox(port1);
});

afterAll(async () => {
  box.port.close();
  await thread.close();
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a client gets its keys, and the certificate whose fingerprint main was told", async () => {
  box.open(A);
  const client = box.startClient(A);
  await until(() => client.connected);
  const letter = box.about(A)[0];
  expect(letter?.kind).toBe("secure");
  if (letter?.kind !== "secure") return;
  expect(Buffer.from(letter.keys.receive.key)).toEqual(client.extractSessionKeys(16, 12).localKey);
  expect(fingerprintOf(client.remoteCertificate!)).toEqual(thread.certificate.fingerprint);
});

test("a client's data channel reaches main, and main reaches the client", async () => {
  const said: DataEvent[] = [];
  let heard = "";
  thread.onEvent((event) => {
    if (event.kind !== "data") return;
    said.push(...event.letters);
    for (const letter of event.letters) {
      if (letter.kind !== "message.received") continue;
      heard += Buffer.from(event.bytes.subarray(letter.at, letter.at + letter.length)).toString();
    }
  });
  const command = (letter: DataCommand, text = ""): void =>
    thread.postData({ letters: [letter], bytes: Uint8Array.from(Buffer.from(text)) });
  command({ kind: "data.open", transportId: B, remotePort: 5000, channels: [] });
  box.open(B);
  const dtls = box.startClient(B);
  const client = new SctpClient((packet) => void dtls.send(Buffer.from(packet)));
  dtls.onData.subscribe((packet) => client.receive(packet));
  await until(() => dtls.connected);
  client.connect();
  client.open(0, RELIABLE);
  client.send(0, STRING, Buffer.from("hello main"));
  await until(() => heard === "hello main");
  expect(said.slice(0, 2)).toEqual([
    { kind: "data.begun", transportId: B },
    { kind: "channel.opened", transportId: B, channelId: 0, params: RELIABLE },
  ]);

  const slice = { at: 0, length: 5 };
  command({ kind: "message.send", transportId: B, channelId: 0, isText: true, ...slice }, "hello");
  await until(() => client.received.some(({ payload }) => Buffer.from(payload).toString() === "hello"));

  box.post({ kind: "close", transportId: B });
  await until(() => said.at(-1)?.kind === "data.ended");
  client.stop();
});

test("main hears of handshakes and of the thread's load", async () => {
  await until(() => events.some((event) => event.kind === "load" && event.associations === 1));
  expect(events).toContainEqual({ kind: "handshake", outcome: "ok", seconds: expect.any(Number) });
  const load = events.find((event) => event.kind === "load")!;
  expect(load.cpuUs).toBeGreaterThan(0);
  expect(load.eventLoopDelayMaxUs).toBeGreaterThanOrEqual(load.eventLoopDelayP50Us);
});

test("a thread that is given the certificate of another presents the same", async () => {
  const second = await spawnDtlsThread({
    certificate: thread.certificate,
    srtpProfiles: SRTP_PROFILES.native,
  });
  const { port1, port2 } = new MessageChannel();
  second.connect(port2);
  const other = new Letterbox(port1);
  other.open(A);
  const client = other.startClient(A);
  await until(() => client.connected);
  expect(fingerprintOf(client.remoteCertificate!)).toEqual(thread.certificate.fingerprint);
  expect(second.certificate).toEqual(thread.certificate);
  port1.close();
  await second.close();
});

test("main hears of its end", async () => {
  const second = await spawnDtlsThread({ srtpProfiles: SRTP_PROFILES.native });
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  second.onExit(resolve);
  await second.close();
  expect(await promise).toBeUndefined();
});
