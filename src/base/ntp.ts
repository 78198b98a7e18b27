/**
 * NTP timestamps as RTCP carries them (RFC 3550 §4): seconds since 1900 in the high word, fractions in the low.
 *
 * Everywhere else the tree uses microseconds since 1900 as a number: 2^53 µs reach beyond the year 2100.
 */
const FRACTIONS_PER_SECOND = 0x1_0000_0000;
const US_PER_SECOND = 1_000_000;
/** Steps of `ntpMiddle`. */
const MIDDLES_PER_SECOND = 0x1_0000;

/** The nearest microsecond with the same `ntpMiddle`: by these bits a peer recognises its report, and some compare them. */
export function ntpToUs(seconds: number, fraction: number): number {
  const us = Math.round((fraction * US_PER_SECOND) / FRACTIONS_PER_SECOND);
  const middle = fraction >>> 16;
  const first = Math.ceil((middle * US_PER_SECOND) / MIDDLES_PER_SECOND);
  const next = Math.ceil(((middle + 1) * US_PER_SECOND) / MIDDLES_PER_SECOND);
  return seconds * US_PER_SECOND + Math.min(Math.max(us, first), next - 1);
}

export function ntpSeconds(us: number): number {
  return Math.floor(us / US_PER_SECOND) >>> 0;
}

export function ntpFraction(us: number): number {
  const rest = us - Math.floor(us / US_PER_SECOND) * US_PER_SECOND;
  return Math.floor((rest * FRACTIONS_PER_SECOND) / US_PER_SECOND) >>> 0;
}

/** The middle 32 bits of an NTP timestamp, in units of 1/65536 s: the LSR field of a report block (RFC 3550 §6.4.1). */
export function ntpMiddle(us: number): number {
  return (((ntpSeconds(us) & 0xffff) << 16) | (ntpFraction(us) >>> 16)) >>> 0;
}
