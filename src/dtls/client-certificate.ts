/** Checks the client's certificate: is it the one that was signalled, and does the client hold its private key? */
import { createHash, type KeyObject, timingSafeEqual, verify, X509Certificate } from "node:crypto";
import { readU16, readU24 } from "../base/bytes.ts";
import type { Fingerprint } from "../contract/media.ts";

/** The two algorithms that our CertificateRequest names (RFC 5246 §7.4.8 allows no other in the answer). */
const RSA_PKCS1_SHA256 = 0x0401;
const ECDSA_SHA256 = 0x0403;

/** Browsers and RFC 8827 use 2,048; a larger minimum gains nothing here, and verification takes quadratically longer. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 4096;

/** The first certificate (DER) of a Certificate message; undefined when malformed or empty (RFC 5246 §7.4.2). */
export function firstCertificate(body: Uint8Array): Uint8Array | undefined {
  if (body.length < 6 || readU24(body, 0) !== body.length - 3) return undefined;
  const end = 6 + readU24(body, 3);
  return end > body.length || end === 6 ? undefined : body.subarray(6, end);
}

/** Whether the certificate has one of the signalled fingerprints (RFC 8122 §5). No fingerprint, no match. */
export function matchesFingerprint(der: Uint8Array, fingerprints: readonly Fingerprint[]): boolean {
  let matches = false;
  for (const { algorithm, value } of fingerprints) {
    const actual = createHash(algorithm.replace("-", "")).update(der).digest();
    const promised = Buffer.from(value.replaceAll(":", ""), "hex");
    if (promised.length === actual.length && timingSafeEqual(promised, actual)) matches = true;
  }
  return matches;
}

/** `a=fingerprint` value of a certificate. */
export function fingerprintOf(der: Uint8Array): Fingerprint {
  const hex = createHash("sha256").update(der).digest("hex").toUpperCase();
  return { algorithm: "sha-256", value: hex.match(/../g)!.join(":") };
}

/**
 * Whether a CertificateVerify message signs the transcript with the certificate's key (RFC 5246 §7.4.8):
 * algorithm (2 bytes), then the signature as a 16-bit vector.
 */
export function verifiesTranscript(der: Uint8Array, body: Uint8Array, transcript: Uint8Array): boolean {
  if (body.length < 4 || readU16(body, 2) !== body.length - 4) return false;
  try {
    const key = new X509Certificate(der).publicKey;
    return isUsable(key, readU16(body, 0)) && verify("sha256", transcript, key, body.subarray(4));
  } catch {
    // OpenSSL throws on certificates and keys that it cannot read: the peer's fault, not ours.
    return false;
  }
}

function isUsable(key: KeyObject, algorithm: number): boolean {
  if (algorithm === ECDSA_SHA256) return key.asymmetricKeyType === "ec";
  if (algorithm !== RSA_PKCS1_SHA256 || key.asymmetricKeyType !== "rsa") return false;
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
}
