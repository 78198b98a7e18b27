/** A media thread's end of the letterbox, with werift's client behind one transport: what the service is tested with. */
import { DtlsClient } from "werift";
import type { TransportId } from "../../src/base/ids.ts";
import type { FromDtls, ToDtls } from "../../src/contract/dtls.ts";
import { ECDSA_SHA256_KEY } from "../../src/dtls/dtls-certificate.ts";
import { attackerCertificate } from "./attacker.ts";

export class Letterbox {
  readonly port: MessagePort;
  /** Everything the DTLS thread wrote, in order. */
  readonly letters: FromDtls[] = [];
  /** Everything the clients sent, in order. */
  readonly sent: ToDtls[] = [];
  readonly #clients = new Map<TransportId, (datagram: Buffer) => void>();

  constructor(port: MessagePort) {
    this.port = port;
    port.onmessage = (event: MessageEvent) => {
      for (const letter of event.data as readonly FromDtls[]) {
        this.letters.push(letter);
        if (letter.kind === "datagram") this.#clients.get(letter.transportId)?.(Buffer.from(letter.bytes));
      }
    };
  }

  post(letter: ToDtls): void {
    this.port.postMessage([letter]);
  }

  open(transportId: TransportId): void {
    this.post({ kind: "open", transportId, fingerprints: [attackerCertificate.fingerprint] });
  }

  /** Starts a client whose datagrams go through this letterbox. */
  startClient(transportId: TransportId): DtlsClient {
    const transport = {
      type: "letterbox",
      address: { address: "", family: "", port: 0 },
      closed: false,
      onData: (_datagram: Buffer): void => {},
      send: async (datagram: Buffer) => {
        const letter: ToDtls = { kind: "datagram", transportId, bytes: new Uint8Array(datagram) };
        this.sent.push(letter);
        this.post(letter);
      },
      close: async () => {},
    };
    const client = new DtlsClient({
      cert: attackerCertificate.certPem,
      key: attackerCertificate.keyPem,
      signatureHash: ECDSA_SHA256_KEY,
      srtpProfiles: [7, 1],
      extendedMasterSecret: true,
      transport,
    });
    this.#clients.set(transportId, (datagram) => transport.onData(datagram));
    // It rejects when werift gives up, long after the test.
    client.connect().catch(() => {});
    return client;
  }

  /** Letters about one transport, datagrams aside. */
  about(transportId: TransportId): FromDtls[] {
    return this.letters.filter((letter) => letter.transportId === transportId && letter.kind !== "datagram");
  }
}
