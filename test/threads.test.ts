/**
 * Goal: a media thread that dies takes its own rooms only. Their sessions end, so that clients come back; the thread is
 * replaced; and a room in another thread goes on as if nothing had happened. A DTLS thread that dies takes the handshakes
 * with it that are under way: their sessions end. Sessions that begin theirs later, be they opened while there is no such
 * thread, have it with the next one; while none can be started, nobody is taken in.
 * Threads that hang are replaced like those that die.
 * Method: the server in this process, under the load of real clients in another. A command that no version of control
 * would send makes a thread throw, and work that no peer can give it keeps it busy for minutes; the watchdog looks three times
 * as often as usual. Clients of the DTLS thread are in this process, too.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { startHandshake } from "../loadtest/client/dtls-handshake.ts";
import { bindingRequest } from "../loadtest/client/stun-request.ts";
import { PacketPipe } from "../src/base/packet-pipe.ts";
import { SRTP_AEAD_AES_128_GCM } from "../src/contract/dtls.ts";
import { DataThread } from "../src/control/data-thread.ts";
import type { Room } from "../src/control/room.ts";
import type { Transport } from "../src/control/transport.ts";
import { fingerprintOf } from "../src/dtls/client-certificate.ts";
import type { DtlsThread } from "../src/dtls/spawn-dtls-thread.ts";
import { Watchdog } from "../src/watchdog.ts";
import type { MediaThread } from "../src/worker/spawn-media-thread.ts";
import { ADDRESS, connect, type Publisher, publish, start } from "./whip-publisher.ts";

const LIMIT_MS = 20_000;

/** A hang of the DTLS thread is one after twenty looks. */
const HANG_LIMIT_MS = 40_000;

/** Of looks beside the watchdog's own. Smaller: threads that are well, and give a sign each second, might be ended. */
const LOOK_INTERVAL_MS = 500;

/** First byte of a DTLS record with a handshake message. */
const HANDSHAKE = 22;

/** All that this process has started; with `failsDtls` it can start no DTLS thread. */
const spawned = vi.hoisted(() => ({
  media: [] as MediaThread[],
  dtls: [] as DtlsThread[],
  failsDtls: false,
}));
vi.mock(import("../src/worker/spawn-media-thread.ts"), async (original) => {
  const { spawnMediaThread } = await original();
  return {
    async spawnMediaThread(...args) {
      const thread = await spawnMediaThread(...args);
      spawned.media.push(thread);
      return thread;
    },
  };
});
vi.mock(import("../src/dtls/spawn-dtls-thread.ts"), async (original) => {
  const { spawnDtlsThread } = await original();
  return {
    async spawnDtlsThread(...args) {
      if (spawned.failsDtls) throw new Error("out of memory");
      const thread = await spawnDtlsThread(...args);
      spawned.dtls.push(thread);
      return thread;
    },
  };
});

async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  limitMs = LIMIT_MS,
): Promise<T> {
  for (const endMs = Date.now() + limitMs; Date.now() < endMs; await delay(50)) {
    const value = await probe();
    if (value !== undefined) return value;
  }
  throw new Error(`not ${what} in time`);
}

const transportsOf = (room: Room): Transport[] =>
  room.participants.flatMap(({ transports }) => [...transports]);

/** Packets sent to all who watch in a room; undefined until each of them is sent some. */
async function packetsSent(room: Room): Promise<number | undefined> {
  const sent = ((await room.stats())?.downTracks ?? []).filter(({ packets }) => packets > 0);
  return sent.length < 2 ? undefined : sent.reduce((sum, { packets }) => sum + packets, 0);
}

/** Sends a check and a first hello, and never reads what comes back. */
async function beginHandshake({ certificate, localIce, remoteIce, port }: Publisher): Promise<Socket> {
  const socket = createSocket("udp4");
  const send = (datagram: Uint8Array): void => socket.send(datagram, port, ADDRESS);
  const transactionId = randomBytes(12);
  send(
    bindingRequest({
      localUfrag: localIce.ufrag,
      remoteUfrag: remoteIce.ufrag,
      remotePwd: remoteIce.pwd,
      transactionId,
    }),
  );
  await once(socket, "message");
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  socket.on("message", ([first]) => {
    if (first === HANDSHAKE) resolve();
  });
  startHandshake(certificate, [SRTP_AEAD_AES_128_GCM], { send, onKeys() {}, onError() {} });
  await answered;
  return socket;
}

test("when the DTLS thread is replaced, handshakes that were under way end, and all others come to pass", async () => {
  const attach = vi.spyOn(DataThread.prototype, "attach");
  const server = await start();
  try {
    const closed: string[] = [];
    const join = async (identity: string): Promise<Publisher> => {
      const publisher = await publish(server, identity);
      publisher.transport.onClosed((reason) => closed.push(`${identity}: ${reason}`));
      return publisher;
    };
    const before = await join("before");
    const halfway = await beginHandshake(await join("halfway"));
    const [dying] = attach.mock.calls[0]!;
    const died = new Promise<void>((resolve) => dying.onExit(resolve));
    dying.post({ letters: [null as never], bytes: new Uint8Array(0) });
    await died;
    const meanwhile = await join("meanwhile");
    const early = connect(meanwhile);
    await until("replaced", () => (attach.mock.calls.length > 1 ? true : undefined));
    const after = await join("after");
    const connections = [connect(before), early, connect(after)];
    await until("connected", () => (connections.every(({ link }) => link.isSecure) ? true : undefined));
    await Promise.all(connections.map(({ secured }) => secured));
    const presented = connections.map(({ link }) => fingerprintOf(link.serverCertificate!).value);
    expect(presented).toEqual([before, meanwhile, after].map(({ fingerprint }) => fingerprint));
    expect(closed).toEqual(["halfway: connection_failed"]);
    for (const { link } of connections) link.close(true);
    halfway.close();
  } finally {
    await server.drain();
  }
});

test("while no DTLS thread can be started, the server is not ready", async () => {
  spawned.dtls.length = 0;
  const server = await start();
  const becomes = (status: number): Promise<true> =>
    until(`${status}`, async () =>
      (await fetch(`${server.url}/readyz`)).status === status ? true : undefined,
    );
  try {
    spawned.failsDtls = true;
    spawned.dtls[0]!.kill();
    await becomes(503);
    spawned.failsDtls = false;
    await becomes(200);
    const { link, secured } = connect(await publish(server, "after"));
    await secured;
    link.close(true);
  } finally {
    spawned.failsDtls = false;
    await server.drain();
  }
});

test("a thread that dies under load is replaced, and the other thread's room goes on", async () => {
  const server = await start(2);
  const { rooms, mediaThreads } = server;
  const options = `--url ${server.url} --rooms 2 --publishers 1 --subscribers 1 --seconds 60`.split(" ");
  const load = spawn(process.execPath, ["loadtest/main.ts", ...options], { stdio: "ignore" });
  try {
    const [doomed, spared] = await until("two rooms with media", async () => {
      const list = rooms.list;
      const sent = await Promise.all(list.map(packetsSent));
      return list.length === 2 && sent.every((count) => count !== undefined) ? list : undefined;
    });
    const [dying] = transportsOf(doomed!).map(({ thread }) => thread);
    expect(transportsOf(spared!).every(({ thread }) => thread !== dying)).toBe(true);
    const staying = transportsOf(spared!);
    const ended = transportsOf(doomed!).map(
      (transport) => new Promise<string>((resolve) => transport.onClosed(resolve)),
    );

    dying!.post({ kind: "transport.open" } as never);
    expect(new Set(await Promise.all(ended))).toEqual(new Set(["media_thread_exited"]));
    expect(mediaThreads.count).toBe(1);

    const before = (await packetsSent(spared!))!;
    await until("replaced", () => (mediaThreads.count === 2 ? true : undefined));
    await until("going on", async () => ((await packetsSent(spared!))! > before + 200 ? true : undefined));
    expect(transportsOf(spared!)).toEqual(staying);
    expect(staying.map(({ state }) => state)).toEqual(
      staying.map(() => ({ kind: "open", connection: "connected" })),
    );
  } finally {
    load.kill("SIGKILL");
    await once(load, "close");
    await server.drain();
  }
});

/** Four billion packets wait, says the pipe. */
function hangMedia(thread: MediaThread): MessagePort {
  const memory = PacketPipe.allocate();
  new Int32Array(memory)[0] = -1;
  const { port1, port2 } = new MessageChannel();
  thread.connectPipe({ thread: 9, direction: "in", memory, port: port2 });
  port1.postMessage(null);
  return port1;
}

/** Two hundred billion letters, about nothing. */
function hangDtls(thread: DtlsThread): MessagePort {
  const letters = new Uint8Array(new SharedArrayBuffer(2 ** 31));
  const { port1, port2 } = new MessageChannel();
  thread.connect(port2);
  for (let i = 0; i < 100; i++) port1.postMessage(letters);
  return port1;
}

test("threads that hang are replaced, and the others stay", async () => {
  spawned.media.length = 0;
  spawned.dtls.length = 0;
  const starts = vi.spyOn(Watchdog.prototype, "start");
  const server = await start(2);
  const [watchdog] = starts.mock.contexts as [Watchdog];
  const looks = setInterval(() => watchdog.look(), LOOK_INTERVAL_MS);
  const ports: MessagePort[] = [];
  try {
    const ended: number[] = [];
    spawned.media.forEach((thread, index) => void thread.onExit(() => ended.push(index)));
    ports.push(hangMedia(spawned.media[0]!), hangDtls(spawned.dtls[0]!));
    const areReplaced = (): true | undefined =>
      spawned.media.length === 3 && spawned.dtls.length === 2 ? true : undefined;
    await until("replaced", areReplaced, HANG_LIMIT_MS);
    await until("all there", () => (server.mediaThreads.count === 2 ? true : undefined));
    expect(ended).toEqual([0]);
    expect(spawned.media[2]!.index).toBe(spawned.media[0]!.index);
    const { link, secured } = connect(await publish(server, "after"));
    await secured;
    link.close(true);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('blindfold_thread_losses_total{reason="hung"} 2');
    expect(metrics).toContain('blindfold_thread_losses_total{reason="died"} 0');
  } finally {
    clearInterval(looks);
    starts.mockRestore();
    for (const port of ports) port.close();
    await server.drain();
  }
});
