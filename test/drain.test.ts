/** Goal: a server that is told to end does so in time, whatever the machine's clock says meanwhile. */
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { NO_STORE } from "../loadtest/no-store.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { startServer } from "../src/server.ts";

afterEach(() => void vi.restoreAllMocks());

test("the deadline comes although the clock is set back", async () => {
  const loaded = loadConfig([], {
    ...NO_STORE,
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "1",
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "1",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  const server = await startServer(loaded.config, pino({ level: "silent" }));
  const { counts } = server.rooms;
  const startMs = performance.now();
  const passedMs = (): number => performance.now() - startMs;
  // Somebody who does not leave; but a server that waits for ever would wait for the next test too.
  vi.spyOn(server.rooms, "counts", "get").mockImplementation(() => ({
    ...counts,
    participants: passedMs() < 20_000 ? 1 : 0,
  }));
  const nowMs = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => nowMs - (passedMs() > 500 ? 3_600_000 : 0));
  await server.drain();
  expect(passedMs()).toBeGreaterThan(900);
  expect(passedMs()).toBeLessThan(10_000);
});
