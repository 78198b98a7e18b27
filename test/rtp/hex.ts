/** Bytes written as hex, blanks ignored: golden packets stay readable field by field. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new Error(`not hex: ${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
