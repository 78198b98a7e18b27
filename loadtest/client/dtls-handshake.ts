/** The client's side of a DTLS handshake, by werift, only for the SRTP keys. */
import { DtlsClient } from "werift";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpMasterKey,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { type DtlsCertificate, ECDSA_SHA256_KEY } from "../../src/dtls/dtls-certificate.ts";

/** Named from the client's point of view. */
export interface ClientKeys {
  readonly profile: SrtpProfile;
  readonly send: SrtpMasterKey;
  readonly receive: SrtpMasterKey;
  /** The server's certificate (DER). */
  readonly certificate: Uint8Array;
}

export interface DtlsHandshake {
  onDatagram(datagram: Buffer): void;
  /** Sends close_notify. */
  close(): void;
}

const KEY_BYTES = 16;
const SALT_BYTES: Readonly<Record<SrtpProfile, number>> = {
  [SRTP_AEAD_AES_128_GCM]: 12,
  [SRTP_AES128_CM_HMAC_SHA1_80]: 14,
};

export interface HandshakeHandlers {
  send(datagram: Uint8Array): void;
  onKeys(keys: ClientKeys): void;
  onError(error: Error): void;
}

/** `profiles`: those offered, best first. */
export function startHandshake(
  certificate: DtlsCertificate,
  profiles: readonly SrtpProfile[],
  { send, onKeys, onError }: HandshakeHandlers,
): DtlsHandshake {
  const transport = {
    type: "load client",
    address: { address: "", family: "", port: 0 },
    closed: false,
    onData: (_datagram: Buffer): void => {},
    send: async (datagram: Buffer) => send(datagram),
    close: async () => {},
  };
  const client = new DtlsClient({
    cert: certificate.certPem,
    key: certificate.keyPem,
    signatureHash: ECDSA_SHA256_KEY,
    srtpProfiles: [...profiles],
    extendedMasterSecret: true,
    transport,
  });
  // The event fires again for every repeated Finished.
  client.onConnect.once(() => {
    const profile = client.srtp.srtpProfile as SrtpProfile | undefined;
    if (profile === undefined) return onError(new Error("no SRTP profile in common"));
    const keys = client.extractSessionKeys(KEY_BYTES, SALT_BYTES[profile]);
    onKeys({
      profile,
      send: { key: keys.localKey, salt: keys.localSalt },
      receive: { key: keys.remoteKey, salt: keys.remoteSalt },
      certificate: client.remoteCertificate!,
    });
  });
  client.connect().catch((error: unknown) => onError(error as Error));
  return {
    // werift throws on what it cannot parse: a client treats that as loss.
    onDatagram: (datagram) => {
      try {
        transport.onData(datagram);
      } catch (error) {
        onError(error as Error);
      }
    },
    close: () => client.close(),
  };
}
