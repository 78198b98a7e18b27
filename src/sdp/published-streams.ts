/**
 * What a publisher sends in one section: one RTP stream, or several by simulcast (RFC 8853, RFC 8851). Decides which of them an
 * answer accepts, and orders them from the lowest to the highest.
 *
 * SDP does not say which stream has the lower resolution, but the RIDs that applications choose do, by two conventions:
 * q < h < f (quarter, half, full) and l < m < h (low, medium, high). With other RIDs the order of `a=simulcast` counts, lowest
 * first, which is what browsers write for encodings given from the lowest up (W3C webrtc-pc §5.4.1). That is a guess: OBS calls its
 * highest 0.
 */
import { formatParameters } from "./codecs.ts";
import type { MediaSection, Rid, SimulcastRid, SsrcPair } from "./session-description.ts";

export interface PublishedStreams {
  /** In the offer's order, for `a=simulcast:recv`; empty without simulcast. */
  readonly simulcast: readonly SimulcastRid[];
  /** The same streams, for `a=rid`. */
  readonly rids: readonly Rid[];
  /** Their RIDs from the lowest to the highest: index = spatial layer. */
  readonly lowestFirst: readonly string[];
  /** Whether the RIDs do not tell that order, so that it is the offer's. */
  readonly isOrderGuessed: boolean;
  /** In the order of `lowestFirst`, or of the single stream; empty when they cannot be matched to RIDs. */
  readonly ssrcs: readonly SsrcPair[];
}

const CONVENTIONS: readonly (readonly string[])[] = [
  ["q", "h", "f"],
  ["l", "m", "h"],
];

/** Accepts the first possible alternative of each stream. `payloadTypes`: those of the answer. */
export function acceptStreams(offered: MediaSection, payloadTypes: ReadonlySet<number>): PublishedStreams {
  // Each is reduced once, however often it is named: an offer may have sixteen alternatives for each of sixteen streams.
  const possible = new Map(
    offered.rids
      .filter(({ direction }) => direction === "send")
      .map((rid) => [rid.id, keepPayloadTypes(rid, payloadTypes)]),
  );
  const rids = new Map<string, Rid>();
  const simulcast: SimulcastRid[] = [];
  for (const alternatives of offered.simulcast) {
    for (const stream of alternatives) {
      const kept = possible.get(stream.rid);
      if (kept === undefined || rids.has(kept.id)) continue;
      rids.set(kept.id, kept);
      simulcast.push(stream);
      break;
    }
  }
  const names = [...rids.keys()];
  const convention = CONVENTIONS.find((known) => names.every((name) => known.includes(name)));
  const lowestFirst = convention?.filter((name) => names.includes(name)) ?? names;
  return {
    simulcast,
    rids: [...rids.values()],
    lowestFirst,
    isOrderGuessed: convention === undefined,
    ssrcs: ssrcsOf(offered, names, lowestFirst),
  };
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

/** Browsers that announce SSRCs beside RIDs do so in the order of the streams. A single stream has the first SSRC. */
function ssrcsOf(
  offered: MediaSection,
  names: readonly string[],
  lowestFirst: readonly string[],
): readonly SsrcPair[] {
  if (names.length === 0) return offered.ssrcs.slice(0, 1);
  if (names.length !== offered.simulcast.length || names.length !== offered.ssrcs.length) return [];
  return lowestFirst.map((name) => offered.ssrcs[names.indexOf(name)]!);
}
