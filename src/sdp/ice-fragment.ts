/**
 * `application/trickle-ice-sdpfrag` (RFC 8840 §9): the ICE part of a description, sent alone.
 *
 * A peer trickles candidates or restarts ICE with it. A lite agent learns addresses from connectivity checks (RFC 8445
 * §7.3.1.3), so the syntax of candidates is checked and they are discarded.
 */
import type { IceCredentials } from "../contract/media.ts";
import { type HostCandidate, isCandidate, isPwd, isUfrag, writeCandidates } from "./ice-attributes.ts";
import type { NegotiationOutcome } from "./negotiate.ts";
import { splitLines } from "./sdp-lines.ts";
import { ICE_LITE_LINES, toText, writeAcceptedLine, writeGroup } from "./write-section.ts";

export type ParsedFragment =
  /** `ice` is null when the fragment names no credentials. */
  | { readonly ok: true; readonly ice: IceCredentials | null }
  /** `error`: a sentence for the author of the client. */
  | { readonly ok: false; readonly error: string };

/** A fragment has only attributes and pseudo media sections. */
const TYPES = /^[am]$/;

/** Validators by attribute name. Credentials must also be the same in every section. */
const CREDENTIALS: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ["ice-ufrag", isUfrag],
  ["ice-pwd", isPwd],
]);

/** Takes any text; never throws. */
export function parseFragment(text: string): ParsedFragment {
  const split = splitLines(text);
  if (!split.ok) return split;
  const seen = new Map<string, string>();
  for (const { type, name, value, number } of split.lines) {
    const fail = (error: string): ParsedFragment => ({ ok: false, error: `line ${number}: ${error}` });
    if (!TYPES.test(type)) return fail("only a= and m= may stand in a fragment");
    if (name === "candidate" && !isCandidate(value)) return fail("malformed a=candidate");
    const isValid = CREDENTIALS.get(name);
    if (isValid === undefined) continue;
    if (!isValid(value)) return fail(`malformed a=${name}`);
    if ((seen.get(name) ?? value) !== value)
      return fail(`another a=${name}; one transport carries all sections`);
    seen.set(name, value);
  }
  const ufrag = seen.get("ice-ufrag");
  const pwd = seen.get("ice-pwd");
  if (ufrag === undefined && pwd === undefined) return { ok: true, ice: null };
  if (ufrag === undefined || pwd === undefined)
    return { ok: false, error: "a=ice-ufrag and a=ice-pwd go together" };
  return { ok: true, ice: { ufrag, pwd } };
}

/** The answer to an ICE restart (RFC 9725 §4.3.3). `bundle`, `group`: those of the session's negotiation. */
export function writeFragment(
  ice: IceCredentials,
  candidates: readonly HostCandidate[],
  { bundle, group }: Pick<NegotiationOutcome, "bundle" | "group">,
): string {
  const [tagged] = bundle;
  return toText([
    ...ICE_LITE_LINES,
    ...writeGroup(group),
    writeAcceptedLine(tagged),
    `a=mid:${tagged.mid}`,
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    ...writeCandidates(candidates),
  ]);
}
