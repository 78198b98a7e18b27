/** The two servers under comparison, each as a process of its own: started, waited for, ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const START_LIMIT_MS = 20_000;
const POLL_MS = 100;
/** USER_HZ: what Linux counts CPU time in, towards programs. */
const TICKS_PER_SECOND = 100;

export interface ServerProcess {
  readonly url: string;
  /** Of the whole process since its start. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** This tree's server with its defaults, in development mode. */
export function startBlindfold(address: string, port: number): Promise<ServerProcess> {
  const url = `http://127.0.0.1:${port}`;
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const settings = {
    BLINDFOLD_HTTP_PORT: `${port}`,
    BLINDFOLD_MEDIA_HOST: address,
    BLINDFOLD_MEDIA_PORT: `${port + 1}`,
  };
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main], {
    env: { ...process.env, ...settings },
    stdio: "ignore",
  });
  return started(child, url, `${url}/readyz`, "Blindfold");
}

/**
 * Janus with VideoRoom and HTTP alone, one room, and none of what costs and is not compared: no limits of bitrate, no
 * recording, no logs. ICE-lite, as we are.
 */
export async function startJanus(address: string, port: number, room: number): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "janus-"));
  const files = {
    "janus.jcfg": `general: { debug_level = 1 interface = "${address}" session_timeout = 0 }
media: { rtp_port_range = "20000-29999" }
nat: { ice_enforce_list = "${address}" full_trickle = false }
transports: { disable = "libjanus_websockets.so,libjanus_pfunix.so,libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so" }
`,
    "janus.plugin.videoroom.jcfg": `room-${room}: { publishers = 6 bitrate = 0 fir_freq = 0 videocodec = "vp8" record = false }
`,
    "janus.transport.http.jcfg": `general: { json = "compact" base_path = "/janus" http = true port = ${port} ip = "127.0.0.1" https = false }
admin: { admin_http = false }
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const url = `http://127.0.0.1:${port}/janus`;
  const child = spawn("janus", ["-F", folder], { stdio: "ignore" });
  const server = await started(child, url, `${url}/info`, "Janus (of Debian: apt-get install janus)");
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
  return { ...server, stop };
}

async function started(
  child: ChildProcess,
  url: string,
  readyUrl: string,
  name: string,
): Promise<ServerProcess> {
  const ended = once(child, "exit");
  let failure: string | null = null;
  child.once("error", (error) => {
    failure = error.message;
  });
  for (const limitMs = performance.now() + START_LIMIT_MS; ; await delay(POLL_MS)) {
    if (failure !== null || child.exitCode !== null)
      throw new Error(`${name} did not start: ${failure ?? "it ended"}`);
    if (await answers(readyUrl)) break;
    if (performance.now() > limitMs) {
      child.kill();
      throw new Error(`${name} did not start in time`);
    }
  }
  return {
    url,
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** User and system time of a process, from `/proc/PID/stat` (proc(5)). */
async function cpuSecondsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
