/** Janus as a process of its own. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNobody, type ServerProcess, started } from "../server-process.ts";

const NAME = "Janus (of Debian: apt-get install janus)";

/**
 * Janus with only VideoRoom and HTTP, one room, and without what costs and is not compared: no bitrate limits, no
 * recording, no logs. ICE-lite, like our server.
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
  await expectNobody(`${url}/info`, NAME);
  // A core dump would be written to this folder.
  const child = spawn("janus", ["-F", folder], { cwd: folder, stdio: "ignore" });
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return started(child, url, `${url}/info`, NAME);
}
