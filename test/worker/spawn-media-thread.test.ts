/**
 * Goal: a media thread ends when it is told to, and also when it can not hear that any more; and it alone has the nice value
 * that is set.
 */
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import { PacketPipe } from "../../src/base/packet-pipe.ts";
import { type MediaThread, spawnMediaThread } from "../../src/worker/spawn-media-thread.ts";

/** Anybody may give a thread less time. */
const NICE = 7;

/** Of every thread of this process (proc_pid_stat(5)). */
function niceValues(): number[] {
  return readdirSync("/proc/self/task").map((thread) => {
    const [, fields = ""] = readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ");
    return Number(fields.split(" ")[16]);
  });
}

function spawn(): Promise<MediaThread> {
  return spawnMediaThread({
    index: 0,
    address: "127.0.0.1",
    port: 0,
    tcp: true,
    socketBufferBytes: 65_536,
    gatherUs: 0,
    nice: NICE,
    tier: "portable",
    counters: createSharedCounters(),
  });
}

test("a thread that is told to end says that it has", async () => {
  const thread = await spawn();
  const errors: (Error | undefined)[] = [];
  thread.onExit((error) => errors.push(error));
  await thread.stop();
  expect(errors).toEqual([undefined]);
});

test("a thread that hangs is ended all the same", async () => {
  const thread = await spawn();
  const memory = PacketPipe.allocate();
  // Four billion packets wait, says the pipe: some minutes of work.
  new Int32Array(memory)[0] = -1;
  const { port1, port2 } = new MessageChannel();
  thread.connectPipe({ thread: 1, direction: "in", memory, port: port2 });
  port1.postMessage(null);
  await thread.stop();
  port1.close();
}, 15_000);

test("any number may ask to be told of its end", async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on("warning", onWarning);
  const thread = await spawn();
  let told = 0;
  for (let i = 0; i < 50; i++) thread.onExit(() => told++);
  await thread.stop();
  process.off("warning", onWarning);
  expect(told).toBe(50);
  expect(warnings).toEqual([]);
});

test.skipIf(process.platform !== "linux")("it alone has its nice value", async () => {
  const thread = await spawn();
  expect(thread.nice).toBe(NICE);
  expect(niceValues().filter((nice) => nice === NICE)).toEqual([NICE]);
  expect(getPriority(0)).not.toBe(NICE);
  await thread.stop();
});
