/** `a=ice-ufrag`, `a=ice-pwd` and `a=candidate` (RFC 8839 §5), read and written. */

/** An address that this server listens on. */
export interface HostCandidate {
  readonly protocol: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/**
 * RFC 8839 §5.4 knows letters, digits, `+` and `/`. ex_ice writes base64 with its padding, and libwebrtc lets
 * applications have `-`, `#`, `_` and `=` (crbug.com/1053756).
 */
export const isUfrag = (value: string): boolean => /^[A-Za-z0-9+/=_#-]{4,256}$/.test(value);
export const isPwd = (value: string): boolean => /^[A-Za-z0-9+/=_#-]{22,256}$/.test(value);

/** foundation, component, transport, priority, address, port, `typ`, type, then extensions (RFC 8839 §5.1). */
const CANDIDATE =
  /^[A-Za-z0-9+/]{1,32} \d{1,5} [\w!%'*+.`{|}~-]{1,32} (\d{1,10}) ([\w.:%-]{1,253}) (\d{1,5}) typ [\w-]{1,32}(?: |$)/;

export function isCandidate(value: string): boolean {
  const match = CANDIDATE.exec(value);
  return match !== null && Number(match[1]) < 2 ** 32 && Number(match[3]) < 2 ** 16;
}

/** Type preference of host candidates (RFC 8445 §5.1.2.2), the same over TCP (RFC 6544 §4.2). */
const HOST_PREFERENCE = 126;
const RTP_COMPONENT = 1;

/** Local preference over UDP, the largest, and of a passive candidate over TCP (RFC 6544 §4.2). */
const UDP_PREFERENCE = 65_535;
const TCP_PASSIVE_PREFERENCE = 4 * 2 ** 13 + 8_191;

/** Candidate lines of a lite agent, best first, and `a=end-of-candidates` (RFC 8838 §8.2). */
export function writeCandidates(candidates: readonly HostCandidate[]): string[] {
  return [...candidateValues(candidates).map((value) => `a=candidate:${value}`), "a=end-of-candidates"];
}

/** Values of `a=candidate`. */
export function candidateValues(candidates: readonly HostCandidate[]): string[] {
  return candidates.map(({ protocol, address, port }, index) => {
    const better = candidates.slice(0, index).filter((other) => other.protocol === protocol).length;
    const local = (protocol === "udp" ? UDP_PREFERENCE : TCP_PASSIVE_PREFERENCE) - better;
    const priority = HOST_PREFERENCE * 2 ** 24 + local * 2 ** 8 + (256 - RTP_COMPONENT);
    const tcpType = protocol === "udp" ? "" : " tcptype passive";
    return `${index + 1} ${RTP_COMPONENT} ${protocol} ${priority} ${address} ${port} typ host${tcpType}`;
  });
}
