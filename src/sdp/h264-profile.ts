/**
 * Profiles of H264 (RFC 6184 §8.1): which one a description means, and which decoder can decode which.
 *
 * In the standard they nest only in part: baseline allows arbitrary slice order, which high does not; high allows B pictures
 * and interlacing, which constrained high does not. Encoders for WebRTC use none of that, so that their baseline is constrained
 * baseline and their high is constrained high. Of what is really sent, a decoder of each step can decode all steps below:
 *
 *   (constrained) baseline ──▶ main ──▶ (constrained) high ──▶ high 4:4:4 predictive
 *
 * Levels do not matter to a router; decoders of browsers go by the stream's own parameter sets.
 */
import type { FormatParameters } from "./codecs.ts";

/** Step of high 4:4:4 predictive, which most decoders do not support. */
export const RARE_STEP = 3;

/**
 * Profiles by `profile_idc` and the constraint bits that distinguish them (table 5). Several spellings mean constrained
 * baseline; `name` is the usual one.
 */
const PROFILES: readonly {
  readonly idc: number;
  readonly mask: number;
  readonly bits: number;
  readonly name: string;
  readonly step: number;
}[] = [
  { idc: 0x42, mask: 0x4f, bits: 0x40, name: "42e0", step: 0 },
  { idc: 0x4d, mask: 0x8f, bits: 0x80, name: "42e0", step: 0 },
  { idc: 0x58, mask: 0xcf, bits: 0xc0, name: "42e0", step: 0 },
  { idc: 0x42, mask: 0x4f, bits: 0x00, name: "4200", step: 0 },
  { idc: 0x58, mask: 0xcf, bits: 0x80, name: "4200", step: 0 },
  { idc: 0x4d, mask: 0xaf, bits: 0x00, name: "4d00", step: 1 },
  { idc: 0x64, mask: 0xff, bits: 0x00, name: "6400", step: 2 },
  { idc: 0x64, mask: 0xff, bits: 0x0c, name: "640c", step: 2 },
  { idc: 0xf4, mask: 0xff, bits: 0x00, name: "f400", step: RARE_STEP },
];

/** The value of `PayloadParams.profile`. */
const written = (mode: number | string, name: string): string => `packetization-mode=${mode};profile=${name}`;

/** By the value of `PayloadParams.profile`. */
const FORMS: ReadonlyMap<string, { readonly mode: number; readonly step: number }> = new Map(
  PROFILES.flatMap(({ name, step }) => [0, 1].map((mode) => [written(mode, name), { mode, step }] as const)),
);

/** The profile of a description. `profile-level-id` defaults to baseline, `packetization-mode` to 0. */
export function h264Profile(parameters: FormatParameters): string | undefined {
  const mode = parameters.get("packetization-mode") ?? "0";
  if (mode !== "0" && mode !== "1") return undefined;
  const match = /^([0-9a-f]{2})([0-9a-f]{2})[0-9a-f]{2}$/i.exec(
    parameters.get("profile-level-id") ?? "42000a",
  );
  if (match === null) return undefined;
  const idc = Number.parseInt(match[1]!, 16);
  const constraints = Number.parseInt(match[2]!, 16);
  const profile = PROFILES.find((one) => one.idc === idc && (constraints & one.mask) === one.bits);
  return profile && written(mode, profile.name);
}

/** The smaller, the more decoders support it; undefined for what is no profile of H264. */
export function h264Step(profile: string): number | undefined {
  return FORMS.get(profile)?.step;
}

/**
 * How far a decoder of `known` is from what is sent: 0 for the same profile, undefined where it cannot decode it. A receiver of
 * mode 1 (fragments) can also receive mode 0 (RFC 6184 §6.3).
 */
export function h264Distance(sent: string, known: string): number | undefined {
  if (sent === known) return 0;
  const [from, to] = [FORMS.get(sent), FORMS.get(known)];
  if (from === undefined || to === undefined || to.step < from.step || to.mode < from.mode) return undefined;
  return 1 + 2 * (to.step - from.step) + (to.mode - from.mode);
}
