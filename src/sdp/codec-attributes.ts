/** The codecs of one section: `a=rtpmap`, `a=fmtp`, `a=rtcp-fb`, in any order. */
import type { OfferedCodec } from "./session-description.ts";

/**
 * Distinct feedback values of one payload type. Larger: an offer costs more memory. Smaller: an offer of a client with
 * more of them is refused; Chromium has 5.
 */
const MAX_FEEDBACK_VALUES = 16;

interface RtpMap {
  readonly name: string;
  readonly clockRate: number;
  readonly channels: number;
}

/** Filled line by line. Keys are payload types as written; `*` stands for all. */
export class CodecAttributes {
  readonly rtpMaps = new Map<string, RtpMap>();
  readonly fmtps = new Map<string, string>();
  readonly feedback = new Map<string, Set<string>>();

  /** The codecs of the formats of the `m=` line, in its order. */
  codecs(formats: readonly string[]): OfferedCodec[] {
    const codecs: OfferedCodec[] = [];
    const forAll = this.feedback.get("*") ?? new Set<string>();
    for (const format of new Set(formats)) {
      const map = this.rtpMaps.get(format);
      if (map === undefined) continue;
      const feedback = forAll.union(this.feedback.get(format) ?? new Set<string>());
      codecs.push({ payloadType: Number(format), ...map, fmtp: this.fmtps.get(format) ?? "", feedback });
    }
    return codecs;
  }
}

type Reader = (attributes: CodecAttributes, value: string) => boolean;

/** By attribute name. Each returns false when the value is malformed. */
export const CODEC_READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["rtpmap", readRtpMap],
  ["fmtp", readFmtp],
  ["rtcp-fb", readFeedback],
]);

/** `<payload type> <name>/<clock rate>[/<channels>]` (RFC 8866 §6.6). */
function readRtpMap(attributes: CodecAttributes, value: string): boolean {
  const match = /^(\d{1,3}) ([\w.-]{1,64})\/(\d{1,9})(?:\/(\d{1,2}))?$/.exec(value);
  if (match === null || Number(match[1]) > 127) return false;
  const [, payloadType, name, clockRate, channels] = match;
  attributes.rtpMaps.set(payloadType!, {
    name: name!,
    clockRate: Number(clockRate),
    channels: Number(channels ?? 1),
  });
  return true;
}

/** `<format> <parameters>`; the parameters belong to the codec (RFC 8866 §6.15). */
function readFmtp(attributes: CodecAttributes, value: string): boolean {
  const match = /^([!-~]{1,64}) (.{1,4096})$/.exec(value);
  if (match === null) return false;
  attributes.fmtps.set(match[1]!, match[2]!);
  return true;
}

/** `<payload type or *> <value>` (RFC 4585 §4.2). pion before 4.1.5 ends a value without parameter with a space. */
function readFeedback(attributes: CodecAttributes, value: string): boolean {
  const match = /^(\*|\d{1,3}) ([!-~][ -~]{0,63})$/.exec(value);
  if (match === null || Number(match[1]) > 127) return false;
  const values = attributes.feedback.get(match[1]!) ?? new Set();
  attributes.feedback.set(match[1]!, values.add(match[2]!.trimEnd()));
  return values.size <= MAX_FEEDBACK_VALUES;
}
