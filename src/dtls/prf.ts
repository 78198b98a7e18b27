/** The pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246 §5), and the values derived with it. */
import { createHash, createHmac } from "node:crypto";

export const VERIFY_DATA_BYTES = 12;
const MASTER_SECRET_BYTES = 48;

const hmac = (secret: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const mac = createHmac("sha256", secret);
  for (const part of parts) mac.update(part);
  return mac.digest();
};

export function prf(secret: Uint8Array, label: string, seed: Uint8Array, bytes: number): Buffer {
  const labelAndSeed = Buffer.concat([Buffer.from(label, "ascii"), seed]);
  const blocks: Buffer[] = [];
  let a: Uint8Array = labelAndSeed;
  for (let made = 0; made < bytes; made += 32) {
    a = hmac(secret, a);
    blocks.push(hmac(secret, a, labelAndSeed));
  }
  return Buffer.concat(blocks, bytes);
}

export function sha256(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** `verify_data` of the client's Finished (RFC 5246 §7.4.9). */
export function clientVerifyData(masterSecret: Uint8Array, transcriptHash: Uint8Array): Buffer {
  return prf(masterSecret, "client finished", transcriptHash, VERIFY_DATA_BYTES);
}

/** RFC 7627 §4; the hash covers the handshake up to and including ClientKeyExchange. */
export function extendedMasterSecret(preMasterSecret: Uint8Array, sessionHash: Uint8Array): Buffer {
  return prf(preMasterSecret, "extended master secret", sessionHash, MASTER_SECRET_BYTES);
}
