/**
 * Derives the key of one stream from the passphrase in the link.
 *
 *   passphrase ── PBKDF2(room name) ──▶ room key ── HKDF(identity, kind, KID) ──▶ base_key of RFC 9605 ──▶ AES key
 *
 * - The passphrase is in the URL's fragment, which browsers never send, and is not stored anywhere.
 * - The sender's identity and the kind are bound to the key. When a server presents Bob's video as Alice's, or one
 *   stream as another, the frames do not open.
 * - The KID is random for each stream of each session, so that a reloaded page never repeats a nonce. 48 bits: two
 *   sessions of one identity would share a key only after millions of them, at a cost of 6 bytes a frame. All encodings
 *   of a simulcast share one KID and one counter.
 * - It is a shared secret: whoever knows it can impersonate anybody, and there is no forward secrecy. Good enough for a
 *   test call; MLS (RFC 9420) provides both authentication and forward secrecy.
 */
import type { MediaKind } from "../../base/codec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface StreamName {
  /** Who sends it. */
  readonly identity: string;
  readonly kind: MediaKind;
}

/**
 * OWASP's recommendation for PBKDF2 with SHA-256. Larger: joining takes longer than some tenths of a second. Smaller: a
 * weak passphrase chosen by a user is guessed sooner; a generated one has 100 bits and needs no stretching.
 */
const PBKDF2_ITERATIONS = 600_000;

const KID_BYTES = 6;

/** Crockford's base 32: no letters that are easily confused. 20 characters hold 100 bits. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const PASSPHRASE_CHARS = 20;

export function generatePassphrase(): string {
  const random = crypto.getRandomValues(new Uint8Array(PASSPHRASE_CHARS));
  const letters = Array.from(random, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return letters.match(/.{5}/g)!.join("-");
}

export function generateKid(): bigint {
  const random = crypto.getRandomValues(new Uint8Array(KID_BYTES));
  return random.reduce((kid, byte) => (kid << 8n) | BigInt(byte), 0n);
}

/** Cannot be exported: a worker gets the key object, never its bytes. */
export async function deriveRoomKey(passphrase: string, room: string): Promise<CryptoKey> {
  const password = await crypto.subtle.importKey("raw", utf8(passphrase), "PBKDF2", false, ["deriveBits"]);
  const salt = utf8(`Blindfold room ${room}`);
  const pbkdf2 = { name: "PBKDF2", hash: "SHA-256", salt, iterations: PBKDF2_ITERATIONS };
  const bits = await crypto.subtle.deriveBits(pbkdf2, password, 256);
  return crypto.subtle.importKey("raw", bits, "HKDF", false, ["deriveBits"]);
}

export async function deriveBaseKey(roomKey: CryptoKey, stream: StreamName, kid: bigint): Promise<Bytes> {
  // Only the identity may contain any character, and it comes last: no two streams have the same text.
  const info = utf8(`Blindfold stream ${stream.kind} ${kid} ${stream.identity}`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf, roomKey, 256));
}

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);
