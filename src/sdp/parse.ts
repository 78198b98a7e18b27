/**
 * Parses the session descriptions of WebRTC peers (RFC 8866; RFC 9429 §5.8) strictly and in linear time.
 *
 * Unknown attributes are ignored. A known one that is malformed fails the whole description, with the line's number, so that
 * the author of a client gets an error instead of a call without sound.
 */
import { MediaSectionDraft } from "./media-section-draft.ts";
import { type SdpLine, splitLines } from "./sdp-lines.ts";
import type { SessionDescription } from "./session-description.ts";
import { TRANSPORT_READERS, TransportAttributes } from "./transport-attributes.ts";

export type ParsedDescription =
  | { readonly ok: true; readonly description: SessionDescription }
  /** `error`: a sentence for the author of the client; it repeats nothing that may be secret. */
  | { readonly ok: false; readonly error: string };

/** Sections of one transport. Larger: more state for one request. Smaller: a client cannot see all of a large room. */
export const MAX_SECTIONS = 256;

/** The first lines of a description, in this order (RFC 8866 §5). */
const FIRST_TYPES = ["v", "o", "s"];
const TYPES = /^[vosiuepcbtrzkam]$/;

/** Takes any text; never throws. */
export function parseDescription(text: string): ParsedDescription {
  const split = splitLines(text);
  if (!split.ok) return split;
  const reader = new DescriptionReader();
  for (const line of split.lines) {
    const error = reader.read(line);
    if (error !== undefined) return { ok: false, error: `line ${line.number}: ${error}` };
  }
  return reader.finish();
}

class DescriptionReader {
  readonly #session = new TransportAttributes();
  readonly #drafts: MediaSectionDraft[] = [];
  readonly #mids = new Set<string>();
  #bundle: readonly string[] | null = null;

  /** Returns what is wrong with the line, if anything. */
  read(line: SdpLine): string | undefined {
    const { number, type, value } = line;
    const expected = FIRST_TYPES[number - 1];
    if (expected !== undefined && type !== expected) return `expected ${expected}=`;
    if (!TYPES.test(type)) return "unknown type of line";
    if (type === "v" && value !== "0") return "unknown version";
    if (type === "m") return this.#readMediaLine(value);
    return type === "a" ? this.#readAttribute(line) : undefined;
  }

  finish(): ParsedDescription {
    if (this.#drafts.length === 0) return { ok: false, error: "there is no media section" };
    const sections = this.#drafts.map((draft) => draft.finish(this.#session));
    return { ok: true, description: { sections, bundle: this.#bundle ?? [] } };
  }

  #readMediaLine(value: string): string | undefined {
    const draft = MediaSectionDraft.fromMediaLine(value);
    if (draft === undefined) return "malformed m=";
    if (this.#drafts.push(draft) > MAX_SECTIONS) return `more than ${MAX_SECTIONS} media sections`;
    return undefined;
  }

  #readAttribute({ name, value }: SdpLine): string | undefined {
    const good = this.#drafts.at(-1)?.read(name, value) ?? this.#readSessionAttribute(name, value);
    if (!good) return `malformed a=${name}, or one too many`;
    if (name !== "mid") return undefined;
    if (this.#mids.has(value)) return "two sections have the same a=mid";
    this.#mids.add(value);
    return undefined;
  }

  /** `a=group:BUNDLE <mid> …` (RFC 9143 §7). A section that is named twice would be accepted twice. */
  #readSessionAttribute(name: string, value: string): boolean {
    if (name !== "group") return TRANSPORT_READERS.get(name)?.(this.#session, value) ?? true;
    const [semantics, ...mids] = value.split(" ", MAX_SECTIONS + 2);
    if (semantics === "BUNDLE") this.#bundle ??= mids;
    return mids.length <= MAX_SECTIONS && new Set(mids).size === mids.length;
  }
}
