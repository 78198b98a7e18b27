/**
 * Before each test file with a browser or paced traffic: waits until no other of this run is under way. Two cores are better
 * used by one browser, and a call by all of them.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const LOOK_AGAIN_MS = 50;

/** An abstract socket (unix(7)): it goes with the process of the file. Elsewhere than on Linux there is none. */
async function take(name: string): Promise<void> {
  for (;;) {
    const held = createServer().listen(`\0${name}`).unref();
    try {
      await once(held, "listening");
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}

if (process.platform === "linux") await take(`blindfold-systems-${process.ppid}`);
