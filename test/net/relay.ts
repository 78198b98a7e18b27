/**
 * The relay as a process of its own, so that its timers do not wait for anything else:
 *
 *   node relay.ts '{"serverPort":7882,"spared":1,"seed":1}'
 *
 * It writes a JSON line with its port when it listens. On standard input it takes a JSON line for each command, and ends
 * with it:
 *
 *   {"change":"down","settings":{"delayUs":25000,"loss":0.02}}     any of LinkSettings, from now on
 *   {"blackoutMs":3000}                                            nothing passes
 *   {"report":true}                                                answers with a line of RelayReport
 */
import { createInterface } from "node:readline";
import type { LinkSettings } from "../sim/link-model.ts";
import { type RelayOptions, UdpRelay, type Way } from "./udp-relay.ts";

export type RelayCommand =
  | { readonly change: Way; readonly settings: Partial<LinkSettings> }
  | { readonly blackoutMs: number }
  | { readonly report: true };

const relay = new UdpRelay(JSON.parse(process.argv[2]!) as RelayOptions);
const write = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

write({ port: await relay.listen() });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as RelayCommand;
  if ("change" in command) relay.change(command.change, command.settings);
  else if ("blackoutMs" in command) relay.blackout(command.blackoutMs);
  else write(relay.report());
}
relay.close();
