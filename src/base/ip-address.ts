/** Parses IP addresses into network byte order: dotted IPv4, and IPv6 as in RFC 4291 §2.2. */
const GROUPS = 8;
const IPV4_BYTES = 4;
const IPV6_NETWORK_BYTES = 8;

/** How a dual-stack socket writes IPv4 addresses: IPv4-mapped (RFC 4291 §2.5.5.2). */
export const MAPPED_PREFIX = "::ffff:";

/** The same remote address reads the same whether an IPv4 or a dual-stack socket received from it. */
export function withoutMappedPrefix(address: string): string {
  return address.startsWith(MAPPED_PREFIX) && address.includes(".")
    ? address.slice(MAPPED_PREFIX.length)
    : address;
}

/** Writes the address to `out` (room for 16 bytes). Returns its size, 4 or 16, or 0 when the text is no address. */
export function parseIpAddress(text: string, out: Uint8Array): number {
  if (!text.includes(":")) return parseIpv4(text, out, 0) ? 4 : 0;
  const zoneAt = text.indexOf("%");
  return parseIpv6(zoneAt === -1 ? text : text.slice(0, zoneAt), out) ? 16 : 0;
}

/** How many leading bytes of an address identify its holder: an IPv6 host has a /64 to itself. */
export function networkBytes(addressBytes: number): number {
  return addressBytes === IPV4_BYTES ? IPV4_BYTES : IPV6_NETWORK_BYTES;
}

function parseIpv4(text: string, out: Uint8Array, at: number): boolean {
  const parts = text.split(".");
  if (parts.length !== 4) return false;
  for (const [i, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return false;
    out[at + i] = Number(part);
  }
  return true;
}

function parseIpv6(text: string, out: Uint8Array): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === undefined || tail === undefined) return false;
  const zeros = GROUPS - head.length - tail.length;
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return false;
  for (const [i, group] of [...head, ...new Array<number>(zeros).fill(0), ...tail].entries()) {
    out[2 * i] = group >>> 8;
    out[2 * i + 1] = group;
  }
  return true;
}

/** 16-bit groups between colons; the last part may be a dotted IPv4 address, which makes two groups. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const v4 = new Uint8Array(4);
    if (i !== parts.length - 1 || !parseIpv4(part, v4, 0)) return undefined;
    groups.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
  }
  return groups;
}
