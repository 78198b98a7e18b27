/** The scheduling priority of a media thread. */
import { getPriority, setPriority } from "node:os";

/**
 * Sets the nice value of the calling thread, if that is permitted, and returns the one that it has. In Linux `setpriority(2)`
 * of process 0 is for the calling thread alone; elsewhere it would be for all threads, so there it is left.
 *
 * On a busy machine a thread waits for a core while its packets wait in the socket. The portable tier does not know when these
 * came, so publishers take the wait for a queue on their path: Firefox sent its third encoding after half a minute instead of
 * five seconds.
 */
export function setThreadNice(nice: number): number {
  if (process.platform === "linux") {
    try {
      setPriority(0, nice);
    } catch {
      // Not permitted.
    }
  }
  return getPriority(0);
}
