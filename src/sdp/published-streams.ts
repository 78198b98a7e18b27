/**
 * What a publisher sends in one section: one RTP stream, or several by simulcast (RFC 8853, RFC 8851). Says which of
 * them an answer takes, and which is the lowest.
 *
 * SDP does not say which stream has the lower resolution. The names that browsers' users give do, in two customs:
 * q < h < f (quarter, half, full) and l < m < h (low, medium, high). With other names the order of `a=simulcast`
 * counts, lowest first, which is what browsers write for encodings given from the lowest up (W3C webrtc-pc §5.4.1).
 */
import { formatParameters } from "./codecs.ts";
import type { MediaSection, Rid, SimulcastRid, SsrcPair } from "./session-description.ts";

export interface PublishedStreams {
  /** In the offer's order, for `a=simulcast:recv`; empty without simulcast. */
  readonly simulcast: readonly SimulcastRid[];
  /** The same streams, for `a=rid`. */
  readonly rids: readonly Rid[];
  /** Their names from the lowest to the highest: index = spatial layer. */
  readonly lowestFirst: readonly string[];
  /** In the order of `lowestFirst`, or of the one stream; empty when it cannot be told which belongs to which. */
  readonly ssrcs: readonly SsrcPair[];
}

const CUSTOMS: readonly (readonly string[])[] = [
  ["q", "h", "f"],
  ["l", "m", "h"],
];

/** Takes the first alternative of each stream that the answer can have. `payloadTypes`: those that the answer keeps. */
export function acceptStreams(offered: MediaSection, payloadTypes: ReadonlySet<number>): PublishedStreams {
  const rids = new Map<string, Rid>();
  const simulcast: SimulcastRid[] = [];
  for (const alternatives of offered.simulcast) {
    for (const stream of alternatives) {
      const rid = offered.rids.find(({ id, direction }) => id === stream.rid && direction === "send");
      const kept = rid && !rids.has(rid.id) ? keepPayloadTypes(rid, payloadTypes) : undefined;
      if (kept === undefined) continue;
      rids.set(kept.id, kept);
      simulcast.push(stream);
      break;
    }
  }
  const names = [...rids.keys()];
  const lowestFirst = sortLowestFirst(names);
  return { simulcast, rids: [...rids.values()], lowestFirst, ssrcs: ssrcsOf(offered, names, lowestFirst) };
}

/** The rid with its `pt=` reduced to payload types of the answer (RFC 8851 §6.3); undefined when none is left. */
function keepPayloadTypes(rid: Rid, payloadTypes: ReadonlySet<number>): Rid | undefined {
  const formats = formatParameters(rid.restrictions.join(";")).get("pt");
  if (formats === undefined) return rid;
  const kept = formats.split(",").filter((format) => payloadTypes.has(Number(format)));
  if (kept.length === 0) return undefined;
  const others = rid.restrictions.filter((restriction) => !restriction.startsWith("pt="));
  return { ...rid, restrictions: [`pt=${kept.join(",")}`, ...others] };
}

function sortLowestFirst(names: readonly string[]): readonly string[] {
  const custom = CUSTOMS.find((known) => names.every((name) => known.includes(name)));
  return custom?.filter((name) => names.includes(name)) ?? names;
}

/** Browsers that announce SSRCs beside RIDs do it stream by stream. One stream: its SSRC is the first. */
function ssrcsOf(
  offered: MediaSection,
  names: readonly string[],
  lowestFirst: readonly string[],
): readonly SsrcPair[] {
  if (names.length === 0) return offered.ssrcs.slice(0, 1);
  if (names.length !== offered.simulcast.length || names.length !== offered.ssrcs.length) return [];
  return lowestFirst.map((name) => offered.ssrcs[names.indexOf(name)]!);
}
