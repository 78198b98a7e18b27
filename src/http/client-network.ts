/** Key of the rate limit: an IPv4 address, or the network that an IPv6 host usually has for itself. */
import { networkBytes, parseIpAddress, withoutMappedPrefix } from "../base/ip-address.ts";

const bytes = new Uint8Array(16);

/** `address`: of the connection, or as a trusted proxy reports it. Text that is not an address is returned as it is. */
export function clientNetwork(address: string): string {
  const size = parseIpAddress(withoutMappedPrefix(withoutPort(address)), bytes);
  return size === 0 ? address : Buffer.from(bytes.subarray(0, networkBytes(size))).toString("hex");
}

/** Some proxies add the client's port, which differs for each connection: `192.0.2.7:50123`, `[2001:db8::7]:50123`. */
function withoutPort(address: string): string {
  const [, v6, v4] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? [];
  return v6 ?? v4 ?? address;
}
