/** Test vectors of RFC 9605: all headers of appendix C.1 and AES_128_GCM_SHA256_128 of appendix C.3. */
import { readFileSync } from "node:fs";

interface Vectors {
  /** KID and CTR as decimal text, since JSON's numbers end before 64 bits do; the header as hex. */
  readonly header: readonly (readonly [kid: string, ctr: string, encoded: string])[];
  readonly aes128Gcm: Readonly<Record<"kid" | "ctr" | "base_key" | "metadata" | "pt" | "ct", string>>;
}

export const VECTORS = JSON.parse(
  readFileSync(new URL("rfc9605-vectors.json", import.meta.url), "utf8"),
) as Vectors;

export const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
