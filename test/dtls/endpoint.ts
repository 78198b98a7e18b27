/** A `VerifiedDtlsServer` with a notebook: what the tests of this folder speak to. */
import type { DtlsFailure, SrtpKeys } from "../../src/contract/dtls.ts";
import type { Fingerprint } from "../../src/contract/media.ts";
import { createDtlsCertificate, type DtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import { VerifiedDtlsServer } from "../../src/dtls/verified-dtls-server.ts";
import { SRTP_PROFILES } from "../../src/worker/tiers.ts";

/** Makes P-256 certificates only once per test file: each costs tens of milliseconds. */
export const serverCertificate: DtlsCertificate = await createDtlsCertificate();

export interface Endpoint {
  readonly server: VerifiedDtlsServer;
  /** Every datagram that the server sent, in order. */
  readonly sent: Uint8Array[];
  /** Every payload of application data, in order. */
  readonly data: Uint8Array[];
  keys: SrtpKeys | undefined;
  outcome: DtlsFailure | "closed" | undefined;
}

export function createEndpoint(
  fingerprints: readonly Fingerprint[],
  send: (datagram: Uint8Array) => void,
  admit = () => true,
): Endpoint {
  const sent: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  const server = new VerifiedDtlsServer(
    { certificate: serverCertificate, fingerprints, srtpProfiles: SRTP_PROFILES.native, admit },
    {
      send: (datagram) => {
        sent.push(datagram);
        send(datagram);
      },
      secure: (keys) => {
        endpoint.keys = keys;
      },
      data: (payload) => data.push(payload),
      failed: (reason) => {
        endpoint.outcome = reason;
      },
      closed: () => {
        endpoint.outcome = "closed";
      },
    },
  );
  const endpoint: Endpoint = { server, sent, data, keys: undefined, outcome: undefined };
  return endpoint;
}
