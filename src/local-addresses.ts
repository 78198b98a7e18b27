/** ICE candidates of the media threads: announced addresses if there are any, else those of this machine's interfaces. */
import { isIPv4, isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { AnnouncedAddress } from "./config/announced-address.ts";
import { isWildcard } from "./config/schema.ts";
import type { ServerCandidate } from "./control/media-threads.ts";

type Interfaces = NodeJS.Dict<readonly Pick<NetworkInterfaceInfo, "address" | "internal">[]>;

interface ReachedAt {
  readonly host: string;
  readonly announcedAddresses: readonly AnnouncedAddress[];
  /** Whether the same port listens on TCP. */
  readonly tcp: boolean;
}

/** Candidates of media thread `index`, whose socket is bound to `port`: UDP first, then TCP. */
export function threadCandidates(reachedAt: ReachedAt, index: number, port: number): ServerCandidate[] {
  const places = announcedPlaces(reachedAt, index, port);
  const over = (protocol: "udp" | "tcp"): ServerCandidate[] =>
    places.map((place) => ({ protocol, ...place }));
  return reachedAt.tcp ? [...over("udp"), ...over("tcp")] : over("udp");
}

/** For people: `192.0.2.7:50000`, `[2001:db8::7]:50000`. A port that is open over both UDP and TCP is named once. */
export function placesOf(candidates: readonly ServerCandidate[]): string[] {
  const texts = candidates.map(
    ({ address, port }) => `${isIPv6(address) ? `[${address}]` : address}:${port}`,
  );
  return [...new Set(texts)];
}

/** Announced addresses of the IP version that a socket bound to `host` does not hear; `::` hears both. */
export function foreignAddresses({
  host,
  announcedAddresses,
}: Pick<ReachedAt, "host" | "announcedAddresses">): string[] {
  if (isIPv6(host) && isWildcard(host)) return [];
  return announcedAddresses
    .map(({ address }) => address)
    .filter((address) => isIPv6(address) !== isIPv6(host));
}

/** Thread n has the first announced port + n, as with bound ports. */
function announcedPlaces(
  { host, announcedAddresses }: ReachedAt,
  index: number,
  port: number,
): Pick<ServerCandidate, "address" | "port">[] {
  if (announcedAddresses.length === 0) return localAddresses(host).map((address) => ({ address, port }));
  return announcedAddresses.map(({ address, port: announced }) => ({
    address,
    port: announced === null ? port : announced + index,
  }));
}

/**
 * `host` itself, or the interface addresses that a wildcard stands for, loopback last. A browser pairs loopback with loopback
 * alone: Firefox uses it where there is nothing else, Chromium never by default.
 */
export function localAddresses(host: string, interfaces: Interfaces = networkInterfaces()): string[] {
  if (!isWildcard(host)) return [host];
  const found = Object.values(interfaces).flatMap((addresses = []) => addresses);
  const usable = found.filter(({ address }) => {
    return isIPv4(address) || (isIPv6(host) && isIPv6(address) && !address.startsWith("fe80:"));
  });
  return usable.toSorted((a, b) => Number(a.internal) - Number(b.internal)).map(({ address }) => address);
}
