/** The certificate that every association of a DTLS thread presents. */
import { X509Certificate } from "node:crypto";
import { createSelfSignedCertificate, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from "werift";
import type { Fingerprint } from "../contract/media.ts";
import { fingerprintOf } from "./client-certificate.ts";

export interface DtlsCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly fingerprint: Fingerprint;
}

/** The key's algorithms as werift names them: ECDSA with SHA-256, mandatory in RFC 8827 §6.5. */
export const ECDSA_SHA256_KEY = {
  hash: HashAlgorithm.sha256_4,
  signature: SignatureAlgorithm.ecdsa_3,
} as const;

/** Self-signed, P-256, about 400 bytes: small enough that our flight fits one datagram. */
export async function createDtlsCertificate(): Promise<DtlsCertificate> {
  const { certPem, keyPem } = await createSelfSignedCertificate(
    ECDSA_SHA256_KEY,
    NamedCurveAlgorithm.secp256r1_23,
  );
  return { certPem, keyPem, fingerprint: fingerprintOf(new X509Certificate(certPem).raw) };
}
