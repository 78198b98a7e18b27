/** Splits descriptions and fragments into lines (RFC 8866 §5). Size limits are checked first, so that all else is bounded. */

export interface SdpLine {
  readonly type: string;
  /** What follows `=`; for an attribute, what follows `name:`. */
  readonly value: string;
  /** The attribute's name; empty for other lines. */
  readonly name: string;
  /** Counted from 1. */
  readonly number: number;
}

export type Lines =
  | { readonly ok: true; readonly lines: readonly SdpLine[] }
  | { readonly ok: false; readonly error: string };

/**
 * A section of Chromium that receives video has 5 kB and 165 lines, one for audio 1 kB: 100 of each fit. Larger: more work
 * for one description. Smaller: members of large rooms are refused.
 */
const MAX_CHARS = 655_360;
const MAX_LINES = 20_480;

/** A line is one letter, `=` and text without control characters that could end or begin another line. */
const LINE = /^([a-z])=([^\0\r\n]*)$/;

export function splitLines(text: string): Lines {
  if (text.length > MAX_CHARS) return { ok: false, error: `longer than ${MAX_CHARS} characters` };
  const rows = text.split("\n", MAX_LINES + 1);
  if (rows.at(-1) === "") rows.pop();
  if (rows.length > MAX_LINES) return { ok: false, error: `more than ${MAX_LINES} lines` };
  const lines: SdpLine[] = [];
  for (const [index, row] of rows.entries()) {
    const match = LINE.exec(row.endsWith("\r") ? row.slice(0, -1) : row);
    if (match === null) return { ok: false, error: `line ${index + 1} is not of the form <type>=<value>` };
    lines.push(toLine(match[1]!, match[2]!, index + 1));
  }
  return { ok: true, lines };
}

function toLine(type: string, text: string, number: number): SdpLine {
  if (type !== "a") return { type, name: "", value: text, number };
  const colon = text.indexOf(":");
  return colon === -1
    ? { type, name: text, value: "", number }
    : { type, name: text.slice(0, colon), value: text.slice(colon + 1), number };
}
