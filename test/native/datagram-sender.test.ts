/**
 * Goal: whatever the kernel takes of a turn, in one go, in parts or not at all, each datagram arrives whole and in its
 * receiver's order, or is counted.
 * Method: real sockets and system calls over loopback; between sender and kernel stands a function that counts, takes
 * less at a time, or refuses in the kernel's name.
 */
import { platform } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PathTable } from "../../src/base/path-table.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import type { SendMessages } from "../../src/native/datagram-sender.ts";
import { Party } from "../worker/socket-conformance.ts";

const isLinux = platform() === "linux";
const native = isLinux
  ? {
      ...(await import("../../src/native/datagram-sender.ts")),
      ...(await import("../../src/native/libc.ts")),
      ...(await import("../../src/native/native-socket.ts")),
      ...(await import("../../src/native/socket-addresses.ts")),
      ...(await import("../../src/native/udp-handle.ts")),
    }
  : (undefined as never);

const V4 = "127.0.0.1";
const BUFFER_BYTES = 1024 * 1024;
/** SO_NO_CHECK: without checksums the kernel refuses to segment, and nothing else. */
const SO_NO_CHECK = 11;
const ENETUNREACH = 101;

describe.skipIf(!isLinux)("a native sender", () => {
  const paths = new PathTable(64);
  const ring = new TransmitRing(512);
  const receivers: Party[] = [];
  /** What the sender handed over: how many messages each call offered, and what was answered. */
  let calls: { offered: number; answer: number }[] = [];
  let handle: Awaited<ReturnType<typeof native.openUdpHandle>>;
  let kernel: SendMessages;

  beforeEach(async () => {
    calls = [];
    handle = await native.openUdpHandle({ address: V4, port: 0, bufferBytes: BUFFER_BYTES });
    handle.watch(() => {});
    kernel = (messages, count) => native.sendMessages(handle.fd, messages, count);
    for (let i = 0; i < 3; i++) {
      receivers.push(await new Party().open(native.createNativeSocket, V4, 0, BUFFER_BYTES));
    }
  });
  afterEach(async () => {
    await Promise.all([handle.close(), ...receivers.splice(0).map(({ socket }) => socket.close())]);
  });

  const senderOver = (send: SendMessages, canSegment = true): InstanceType<typeof native.DatagramSender> =>
    new native.DatagramSender(new native.SocketAddresses(paths, false), canSegment, (messages, count) => {
      const answer = send(messages, count);
      calls.push({ offered: count, answer });
      return answer;
    });

  /** The text of one datagram: told apart by number, receiver and size. */
  const textOf = (packet: number, receiver: number, bytes: number): string =>
    `${packet} to ${receiver} `.padEnd(bytes, "x");

  /** Writes packets of these sizes to all receivers, packet by packet, as a router does. */
  const fill = (sizes: readonly number[], receiverCount = receivers.length): void => {
    ring.clear();
    for (const [packet, bytes] of sizes.entries()) {
      for (let i = 0; i < receiverCount; i++) {
        const at = ring.reserve();
        Buffer.from(ring.slab.buffer).write(textOf(packet, i, bytes), at, "latin1");
        ring.commitRaw(bytes, paths.intern(V4, receivers[i]!.socket.port));
      }
    }
  };

  const expectAll = async (sizes: readonly number[]): Promise<void> => {
    for (const [i, receiver] of receivers.entries()) {
      await receiver.until(() => receiver.texts.length >= sizes.length);
      expect(receiver.texts).toEqual(sizes.map((bytes, packet) => textOf(packet, i, bytes)));
    }
  };

  /** Waits for so many datagrams at all receivers together. */
  const expectHeard = async (count: number): Promise<void> => {
    const heard = (): number => receivers.reduce((sum, { texts }) => sum + texts.length, 0);
    while (heard() < count) await nextTurn();
    expect(heard()).toBe(count);
  };

  const repeated = (bytes: number, count: number): number[] => new Array<number>(count).fill(bytes);

  test.each([
    { what: "one packet is one message", sizes: [500], messages: 1 },
    { what: "equal sizes go together", sizes: repeated(1100, 8), messages: 1 },
    { what: "a shorter one ends the run", sizes: [900, 900, 300, 900, 900], messages: 2 },
    { what: "a longer one begins the next", sizes: [300, 900, 900], messages: 2 },
    { what: "falling sizes go in pairs", sizes: [900, 800, 700, 600], messages: 2 },
    { what: "at most 64 segments", sizes: repeated(100, 100), messages: 2 },
    { what: "at most 65,507 bytes", sizes: repeated(1400, 50), messages: 2 },
  ])("$what: $messages per receiver", async ({ sizes, messages }) => {
    fill(sizes);
    expect(senderOver(kernel).send(ring)).toBe(0);
    expect(calls).toEqual([{ offered: 3 * messages, answer: 3 * messages }]);
    await expectAll(sizes);
  });

  test("without segmentation every packet is a message, in batches", async () => {
    const sizes = repeated(200, 50);
    fill(sizes);
    expect(senderOver(kernel, false).send(ring)).toBe(0);
    expect(calls.map(({ answer }) => answer)).toEqual([64, 64, 22]);
    await expectAll(sizes);
  });

  test("goes on where the kernel took a part", async () => {
    const sizes = [800, 800, 900, 100, 900, 1000];
    fill(sizes);
    const sender = senderOver((messages, count) => kernel(messages, Math.min(count, 2)));
    expect(sender.send(ring)).toBe(0);
    expect(calls.length).toBeGreaterThan(3);
    await expectAll(sizes);
  });

  test("tries again when a signal came between", async () => {
    fill([100, 100]);
    let isFirst = true;
    const sender = senderOver((messages, count) => {
      if (!isFirst) return kernel(messages, count);
      isFirst = false;
      return -native.EINTR;
    });
    expect(sender.send(ring)).toBe(0);
    await expectAll([100, 100]);
  });

  test.each(["EAGAIN", "ENOBUFS"] as const)("%s at any call drops and counts the rest", async (name) => {
    const sizes = [800, 800, 900, 100, 900, 1000];
    // Four messages for each of three receivers, one a call.
    for (let failing = 0; failing < 12; failing++) {
      let call = 0;
      const sender = senderOver((messages) => (call++ === failing ? -native[name] : kernel(messages, 1)));
      fill(sizes);
      const dropped = sender.send(ring);
      expect(dropped).toBeGreaterThan(0);
      expect(call).toBe(failing + 1);
      await expectHeard(sizes.length * receivers.length - dropped);
      for (const [i, { texts }] of receivers.entries()) {
        expect(texts).toEqual(sizes.slice(0, texts.length).map((bytes, packet) => textOf(packet, i, bytes)));
      }
      // The next turn is none the worse.
      for (const receiver of receivers) receiver.heard.length = 0;
      fill(sizes);
      expect(sender.send(ring)).toBe(0);
      await expectAll(sizes);
      for (const receiver of receivers) receiver.heard.length = 0;
    }
  });

  test("an error of one message drops that message alone", async () => {
    const sizes = repeated(700, 5);
    fill(sizes);
    let call = 0;
    const sender = senderOver((messages) => (call++ === 1 ? -ENETUNREACH : kernel(messages, 1)));
    expect(sender.send(ring)).toBe(5);
    await expectHeard(10);
    expect(receivers.map(({ texts }) => texts.length)).toEqual([5, 0, 5]);
  });

  test("sends singly what the kernel will not segment, and asks no second time", async () => {
    native.setOption(handle.fd, native.SOL_SOCKET, SO_NO_CHECK, 1);
    const sizes = [1000, 1000, 1000, 400];
    const sender = senderOver(kernel);
    fill(sizes);
    expect(sender.send(ring)).toBe(0);
    expect(calls.filter(({ answer }) => answer === -native.EINVAL)).toHaveLength(3);
    await expectAll(sizes);

    calls = [];
    fill(repeated(1000, 4));
    expect(sender.send(ring)).toBe(0);
    expect(calls).toEqual([{ offered: 12, answer: 12 }]);
    await expectHeard(24);
  });

  test.each([
    ["in a run", 1],
    ["singly, because the kernel will not segment", 0],
  ])("sends from the address of the path, %s", async (_how, checksums) => {
    native.setOption(handle.fd, native.SOL_SOCKET, SO_NO_CHECK, 1 - checksums);
    const addresses = new native.SocketAddresses(paths, false, native.packetInfo(false));
    const sender = new native.DatagramSender(addresses, true, kernel);
    const ours = new Uint32Array(new Uint8Array([127, 0, 0, 2]).buffer);
    ring.clear();
    for (const { socket } of receivers) {
      const name = new Uint8Array(native.SOCKADDR_STRIDE);
      name.set([2, 0, socket.port >> 8, socket.port & 0xff, 127, 0, 0, 1]);
      const path = addresses.find(new Uint32Array(name.buffer), 0, ours, 0);
      for (let i = 0; i < 3; i++) {
        ring.reserve();
        ring.commitRaw(1000, path);
      }
    }
    expect(sender.send(ring)).toBe(0);
    await expectHeard(9);
    for (const { from, paths: known } of receivers)
      expect(from.map((path) => known.address(path))).toEqual(new Array(3).fill("127.0.0.2"));
  });
});
