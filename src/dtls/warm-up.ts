/**
 * Handshakes with ourselves, in memory, before the first client comes.
 *
 * The first handshakes of a process take 100 ms and more, because werift's arithmetic is not compiled yet: long enough for a
 * browser to repeat its hello. After some they take about ten.
 */
import { DtlsClient } from "werift";
import { SRTP_AEAD_AES_128_GCM } from "../contract/dtls.ts";
import { type DtlsCertificate, ECDSA_SHA256_KEY } from "./dtls-certificate.ts";
import { VerifiedDtlsServer } from "./verified-dtls-server.ts";

/** Measured: after 25 a browser's handshake needs no retransmission. More only delays the start, by 15 ms each. */
const HANDSHAKES = 25;

/** Rejects when a handshake with ourselves fails: the thread would be of no use. */
export async function warmUp(certificate: DtlsCertificate): Promise<void> {
  for (let i = 0; i < HANDSHAKES; i++) await handshakeWithOurselves(certificate);
}

function handshakeWithOurselves(certificate: DtlsCertificate): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { certPem, keyPem, fingerprint } = certificate;
  const transport = {
    type: "memory",
    address: { address: "", family: "", port: 0 },
    closed: false,
    onData: (_datagram: Buffer): void => {},
    // As on a network, nothing arrives before the sender has finished.
    send: async (datagram: Uint8Array) => {
      setImmediate(() => server.receive(0, datagram));
    },
    close: async () => {},
  };
  const server = new VerifiedDtlsServer(
    { certificate, fingerprints: [fingerprint], srtpProfiles: [SRTP_AEAD_AES_128_GCM], admit: () => true },
    {
      send: (datagram) => setImmediate(() => transport.onData(Buffer.from(datagram))),
      secure: () => resolve(),
      data: () => {},
      failed: (reason) => reject(new Error(`handshake with ourselves failed: ${reason}`)),
      closed: () => {},
    },
  );
  const client = new DtlsClient({
    cert: certPem,
    key: keyPem,
    signatureHash: ECDSA_SHA256_KEY,
    srtpProfiles: [SRTP_AEAD_AES_128_GCM],
    extendedMasterSecret: true,
    transport,
  });
  client.connect().catch(reject);
  return promise;
}
