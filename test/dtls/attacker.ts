/** werift's `DtlsClient` in memory against a server of ours, with hands on every datagram and a clock turned by hand. */
import { createHash, X509Certificate } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { DtlsClient } from "werift";
import type { Fingerprint } from "../../src/contract/media.ts";
import {
  createDtlsCertificate,
  type DtlsCertificate,
  ECDSA_SHA256_KEY,
} from "../../src/dtls/dtls-certificate.ts";
import { deriveRecordCiphers } from "../../src/dtls/record-cipher.ts";
import { encodeRecord } from "../../src/dtls/record-layer.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";

export const attackerCertificate = await createDtlsCertificate();
export const victimCertificate = await createDtlsCertificate();
export const derOf = (certificate: DtlsCertificate): Buffer => new X509Certificate(certificate.certPem).raw;

/** Fingerprint with another hash, as signalling might carry it. */
export function fingerprintBy(algorithm: "sha-384" | "sha-512", certificate: DtlsCertificate): Fingerprint {
  const digest = createHash(algorithm.replace("-", "")).update(derOf(certificate)).digest("hex");
  return { algorithm, value: digest.toUpperCase().match(/../g)!.join(":") };
}

interface Options {
  readonly fingerprints?: readonly Fingerprint[];
  readonly extendedMasterSecret?: boolean;
  readonly admit?: () => boolean;
  /** Replaces a datagram on its way to the server, by none or several. */
  readonly toServer?: (datagram: Uint8Array) => readonly Uint8Array[];
  readonly toClient?: (datagram: Uint8Array) => readonly Uint8Array[];
}

/** Turns of the loop without a datagram after which nothing more will come: werift answers within a few. */
const QUIET_TURNS = 10;

export class Attacker {
  readonly client: DtlsClient;
  readonly endpoint: Endpoint;
  /** Datagrams that left the client, before any tampering. */
  readonly sent: Uint8Array[] = [];
  nowUs = 0;
  readonly #towardsServer: Uint8Array[] = [];
  readonly #towardsClient: Uint8Array[] = [];
  readonly #options: Options;
  readonly #clientReceives: (datagram: Buffer) => void;

  constructor(options: Options = {}) {
    this.#options = options;
    const fingerprints = options.fingerprints ?? [attackerCertificate.fingerprint];
    this.endpoint = createEndpoint(
      fingerprints,
      (datagram) => this.#towardsClient.push(datagram),
      options.admit,
    );
    const transport = {
      type: "memory",
      address: { address: "", family: "", port: 0 },
      closed: false,
      onData: (_datagram: Buffer): void => {},
      send: async (datagram: Buffer) => {
        this.sent.push(datagram);
        this.#towardsServer.push(...(options.toServer?.(datagram) ?? [datagram]));
      },
      close: async () => {},
    };
    this.client = new DtlsClient({
      cert: attackerCertificate.certPem,
      key: attackerCertificate.keyPem,
      signatureHash: ECDSA_SHA256_KEY,
      srtpProfiles: [7, 1],
      extendedMasterSecret: options.extendedMasterSecret ?? true,
      transport,
    });
    this.#clientReceives = (datagram) => transport.onData(datagram);
  }

  /** Runs the handshake as far as it goes. */
  async connect(): Promise<void> {
    // It rejects when werift's own retransmission gives up, long after the test.
    this.client.connect().catch(() => {});
    await this.settle();
  }

  /** Delivers what is under way until nothing more comes. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      for (const datagram of this.#towardsServer.splice(0)) {
        this.endpoint.server.receive(this.nowUs, datagram);
        quiet = 0;
      }
      for (const datagram of this.#towardsClient.splice(0)) {
        for (const passed of this.#options.toClient?.(datagram) ?? [datagram]) {
          this.deliverToClient(passed);
        }
        quiet = 0;
      }
      await nextTurn();
    }
  }

  /** Puts a datagram of anyone's before the server. */
  async inject(datagram: Uint8Array): Promise<void> {
    this.endpoint.server.receive(this.nowUs, Uint8Array.from(datagram));
    await this.settle();
  }

  deliverToClient(datagram: Uint8Array): void {
    this.#clientReceives(Buffer.from(datagram));
  }

  async advance(us: number): Promise<void> {
    this.nowUs += us;
    this.endpoint.server.tick(this.nowUs);
    await this.settle();
  }

  /** A record of epoch 1 as only the client can make it. */
  seal(contentType: number, sequence: number, payload: Uint8Array): Uint8Array {
    const { masterSecret, localRandom, remoteRandom } = this.client.cipher;
    const ciphers = deriveRecordCiphers(masterSecret, localRandom.serialize(), remoteRandom.serialize());
    return encodeRecord(ciphers.client.seal({ contentType, epoch: 1, sequence, payload }));
  }
}
