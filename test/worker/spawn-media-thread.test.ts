/** Goal: a media thread ends when it is told to. */
import { expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import { type MediaThread, spawnMediaThread } from "../../src/worker/spawn-media-thread.ts";

function spawn(): Promise<MediaThread> {
  return spawnMediaThread({
    index: 0,
    address: "127.0.0.1",
    port: 0,
    tcp: true,
    socketBufferBytes: 65_536,
    gatherUs: 0,
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
