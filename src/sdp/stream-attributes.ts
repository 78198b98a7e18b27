/** The RTP streams of one section: `a=rid`, `a=simulcast`, `a=ssrc`, `a=ssrc-group`, `a=msid`. */
import { asSsrc, type Ssrc } from "../base/ids.ts";
import type { Msid, Rid, SimulcastRid, SsrcPair } from "./session-description.ts";

/** Encodings of one section, alternatives included. Larger: more streams for one track. Smaller: none are needed. */
const MAX_RIDS = 16;

/** SSRCs of one section: three encodings and their RTX need 6. Larger: an unknown packet takes longer to look up. */
const MAX_SSRCS = 64;

/**
 * A RID travels in each packet's header, where the one-byte form holds 16 bytes. Larger: fewer bytes for media.
 * Smaller: names that clients use today do not fit.
 */
const RID = /^[A-Za-z0-9_-]{1,32}$/;

/** Filled line by line. */
export class StreamAttributes {
  readonly rids: Rid[] = [];
  simulcast: SimulcastRid[][] = [];
  readonly ssrcs = new Set<Ssrc>();
  /** Primary SSRC to that of its retransmissions. */
  readonly rtxSsrcs = new Map<Ssrc, Ssrc>();
  msid: Msid | null = null;

  ssrcPairs(): SsrcPair[] {
    const repairs = new Set(this.rtxSsrcs.values());
    return [...this.ssrcs]
      .filter((ssrc) => !repairs.has(ssrc))
      .map((ssrc) => ({ ssrc, rtxSsrc: this.rtxSsrcs.get(ssrc) ?? asSsrc(0) }));
  }
}

type Reader = (attributes: StreamAttributes, value: string) => boolean;

/** By attribute name. Each returns false when the value is malformed. */
export const STREAM_READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["rid", readRid],
  ["simulcast", readSimulcast],
  ["ssrc", readSsrc],
  ["ssrc-group", readSsrcGroup],
  ["msid", readMsid],
]);

/** `<id> send|recv [<restrictions>]` (RFC 8851 §10). */
function readRid(attributes: StreamAttributes, value: string): boolean {
  const match = /^([\w-]{1,32}) (send|recv)(?: ([!-~]{1,512}))?$/.exec(value);
  if (match === null || attributes.rids.some(({ id }) => id === match[1])) return false;
  const restrictions = match[3]?.split(";") ?? [];
  return (
    attributes.rids.push({ id: match[1]!, direction: match[2] as Rid["direction"], restrictions }) <= MAX_RIDS
  );
}

/** `send <streams> [recv <streams>]` or the reverse; `;` between streams, `,` between alternatives (RFC 8853 §5.1). */
function readSimulcast(attributes: StreamAttributes, value: string): boolean {
  const words = value.split(" ", 5);
  if (words.length !== 2 && words.length !== 4) return false;
  for (let at = 0; at < words.length; at += 2) {
    const streams = words[at + 1]!.split(";", MAX_RIDS + 1).map(readAlternatives);
    if (streams.length > MAX_RIDS || !streams.every((stream) => stream !== undefined)) return false;
    if (words[at] === "send") attributes.simulcast = streams;
    else if (words[at] !== "recv") return false;
  }
  return true;
}

function readAlternatives(text: string): SimulcastRid[] | undefined {
  const alternatives = text.split(",", MAX_RIDS + 1).map((word) => {
    const paused = word.startsWith("~");
    return { rid: paused ? word.slice(1) : word, paused };
  });
  return alternatives.length <= MAX_RIDS && alternatives.every(({ rid }) => RID.test(rid))
    ? alternatives
    : undefined;
}

/** `<ssrc> <attribute>[:<value>]` (RFC 5576 §4.1): only the SSRC matters. */
function readSsrc(attributes: StreamAttributes, value: string): boolean {
  const ssrc = toSsrc(value.split(" ", 1)[0]!);
  return ssrc !== undefined && attributes.ssrcs.add(ssrc).size <= MAX_SSRCS;
}

/** `<semantics> <ssrc> …` (RFC 5576 §4.2). FID pairs a stream with its retransmissions (RFC 4588 §8.8). */
function readSsrcGroup(attributes: StreamAttributes, value: string): boolean {
  const [semantics, ...members] = value.split(" ", MAX_SSRCS + 2);
  const ssrcs = members.map(toSsrc);
  if (ssrcs.length > MAX_SSRCS || !ssrcs.every((ssrc) => ssrc !== undefined)) return false;
  const [primary, rtx] = ssrcs;
  if (semantics !== "FID" || primary === undefined || rtx === undefined) return true;
  attributes.rtxSsrcs.set(primary, rtx);
  return attributes.ssrcs.add(primary).size <= MAX_SSRCS;
}

function toSsrc(text: string): Ssrc | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const ssrc = Number(text);
  return ssrc > 0 && ssrc < 2 ** 32 ? asSsrc(ssrc) : undefined;
}

/** `<stream id> [<track id>]` (RFC 8830 §2). A track in several streams counts as in the first. */
function readMsid(attributes: StreamAttributes, value: string): boolean {
  const match = /^([!-~]{1,64})(?: ([!-~]{1,64}))?$/.exec(value);
  if (match === null) return false;
  attributes.msid ??= { streamId: match[1]!, trackId: match[2] ?? "" };
  return true;
}
