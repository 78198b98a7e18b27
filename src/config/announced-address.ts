/**
 * An address that is announced to clients, with a port where a NAT or a container maps it:
 *
 *   192.0.2.7   192.0.2.7:50000   2001:db8::7   [2001:db8::7]:50000
 */
import { isIP, isIPv6 } from "node:net";

export interface AnnouncedAddress {
  readonly address: string;
  /** Port of the first media thread; null for the one that its socket is bound to. */
  readonly port: number | null;
}

/** IPv6 in brackets (RFC 3986 §3.2.2), or anything without a colon; then the port. */
const WITH_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+)):(?<port>\d{1,5})$/;

/** Undefined when `text` has none of the forms above. */
export function parseAnnouncedAddress(text: string): AnnouncedAddress | undefined {
  if (isIP(text) !== 0) return { address: text, port: null };
  const { v4, v6, port } = WITH_PORT.exec(text)?.groups ?? {};
  const address = v6 ?? v4 ?? "";
  if (isIP(address) === 0 || isIPv6(address) !== (v6 !== undefined)) return undefined;
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? { address, port: number } : undefined;
}
