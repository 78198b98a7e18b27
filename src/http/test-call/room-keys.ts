/**
 * From the passphrase in the link to the key of one stream.
 *
 *   passphrase ── PBKDF2(room name) ──▶ room key ── HKDF(identity, kind, KID) ──▶ base_key of RFC 9605 ──▶ AES key
 *
 * - The passphrase lives in the URL's fragment, which browsers never send, and in nothing that is stored.
 * - The sender's identity and the kind are bound into the key. A server that shows Bob's picture in Alice's place, or
 *   sends one stream as another, makes frames that do not open.
 * - The KID is random for each stream of each stay, so that a page that is loaded again never repeats a nonce. 48
 *   bits: two stays of one identity would share a key after millions of them, and 6 bytes a frame is what it costs.
 *   All encodings of a simulcast share one KID and one counter.
 * - It is a shared secret: who knows it can speak as anybody, and it has no forward secrecy. Good enough for a test
 *   call; MLS (RFC 9420) is what gives both.
 */
import type { MediaKind } from "../../base/codec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface StreamName {
  /** Who sends it. */
  readonly identity: string;
  readonly kind: MediaKind;
}

/**
 * OWASP's advice for PBKDF2 with SHA-256. Larger: joining takes longer than some tenths of a second. Smaller: a weak
 * passphrase of a user's own is guessed sooner; a generated one has 100 bits and would need none of it.
 */
const PBKDF2_ITERATIONS = 600_000;

const KID_BYTES = 6;

/** Crockford's base 32: no letter that is taken for another. 20 characters hold 100 bits. */
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
  // Only the identity may hold any character, and it comes last: no two streams have the same text.
  const info = utf8(`Blindfold stream ${stream.kind} ${kid} ${stream.identity}`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf, roomKey, 256));
}

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);
