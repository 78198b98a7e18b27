/** The addresses under which a socket of this machine can be reached from here and from the networks it is in. */
import { isIPv4, isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";

type Interfaces = NodeJS.Dict<readonly Pick<NetworkInterfaceInfo, "address" | "internal">[]>;

/**
 * `host` itself, or what it stands for when it is a wildcard: those of real networks first, loopback last. A browser
 * pairs addresses of one kind only: Firefox uses loopback where there is nothing else, Chromium never by default.
 */
export function localAddresses(host: string, interfaces: Interfaces = networkInterfaces()): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host];
  const found = Object.values(interfaces).flatMap((addresses = []) => addresses);
  const usable = found.filter(({ address }) => {
    return isIPv4(address) || (host === "::" && isIPv6(address) && !address.startsWith("fe80:"));
  });
  return usable.toSorted((a, b) => Number(a.internal) - Number(b.internal)).map(({ address }) => address);
}
