/** Before each test file of functions: a browser or a server under test beside it comes first. */
import { existsSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

const { PRIORITY_LOW } = constants.priority;
/** Where Linux shares time among sessions first (sched(7)): browsers have sessions of their own. */
const AUTOGROUP = "/proc/self/autogroup";

setPriority(PRIORITY_LOW);
if (existsSync(AUTOGROUP)) await leaveSession();

/** Does nothing where an earlier file of this process has. */
async function leaveSession(): Promise<void> {
  const { dlopen } = await import("node:ffi");
  const { functions } = dlopen(null, { setsid: { arguments: [], return: "i32" } });
  if (functions.setsid() >= 0) writeFileSync(AUTOGROUP, String(PRIORITY_LOW));
}
