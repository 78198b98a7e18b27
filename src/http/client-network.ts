/** Whose requests are counted together: those of a host, or of the network that an IPv6 host has to itself. */
import { networkBytes, parseIpAddress, withoutMappedPrefix } from "../base/ip-address.ts";

const bytes = new Uint8Array(16);

/** `address`: of the connection, or as a trusted proxy writes it. What is no address stands for itself. */
export function clientNetwork(address: string): string {
  const size = parseIpAddress(withoutMappedPrefix(withoutPort(address)), bytes);
  return size === 0 ? address : Buffer.from(bytes.subarray(0, networkBytes(size))).toString("hex");
}

/** Some proxies add the client's port, which is another for each connection: `192.0.2.7:50123`, `[2001:db8::7]:50123`. */
function withoutPort(address: string): string {
  const [, v6, v4] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? [];
  return v6 ?? v4 ?? address;
}
