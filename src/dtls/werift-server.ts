/**
 * werift's `DtlsServer`, used as a calculator of flights: whole messages go in, whole messages come out.
 *
 * It has no socket. We deliver verified messages through `onHandleHandshakes` and catch what it would send; records,
 * retransmission, order, verification and encryption are ours. These members of werift are not part of its public API, and
 * `test/dtls/werift-server.test.ts` fails if one changes: `onHandleHandshakes`, `dtls.cookie`, `dtls.flight`,
 * `cipher.masterSecret`, and what it writes to its transport.
 */
import { DtlsServer } from "werift";
import type { SrtpProfile } from "../contract/dtls.ts";
import { type Agreement, encodeAgreedHello } from "./client-hello.ts";
import { type DtlsCertificate, ECDSA_SHA256_KEY } from "./dtls-certificate.ts";
import { encodeMessage, type HandshakeMessage, parseFragments } from "./handshake-reassembly.ts";
import { type DtlsRecord, HANDSHAKE, parseRecords } from "./record-layer.ts";

const HELLO_VERIFY_REQUEST = 3;

/**
 * Value of `dtls.flight` that ends werift's retransmission of flight 4 (it repeats while that is below 6) without telling it
 * that flight 6 has been sent (which 6 would).
 */
const NO_RETRANSMISSION = 7;

/** The four members of werift's `FragmentedHandshake`, a class it does not export, that its server reads. */
interface WeriftMessage {
  readonly msg_type: number;
  readonly message_seq: number;
  /** What werift decodes. */
  readonly fragment: Buffer;
  /** What werift hashes into its transcript. */
  serialize(): Buffer;
}

type DeliveredToWerift = Parameters<DtlsServer["onHandleHandshakes"]>[0];

export class WeriftServer {
  readonly #server: DtlsServer;
  readonly #onSealedRecord: (record: DtlsRecord) => void;
  readonly #onError: (error: unknown) => void;
  #sent: HandshakeMessage[] = [];

  /**
   * `onSealedRecord` is called with our encrypted Finished, after the client's was delivered; `onError` with the reason when
   * werift rejects.
   */
  constructor(
    certificate: DtlsCertificate,
    profile: SrtpProfile,
    onSealedRecord: (record: DtlsRecord) => void,
    onError: (error: unknown) => void,
  ) {
    this.#onSealedRecord = onSealedRecord;
    this.#onError = onError;
    this.#server = new DtlsServer({
      cert: certificate.certPem,
      key: certificate.keyPem,
      signatureHash: ECDSA_SHA256_KEY,
      srtpProfiles: [profile],
      extendedMasterSecret: true,
      certificateRequest: true,
      transport: {
        type: "memory",
        address: { address: "", family: "", port: 0 },
        closed: false,
        onData: () => {},
        send: (bytes) => {
          this.#catch(bytes);
          return Promise.resolve();
        },
        close: () => Promise.resolve(),
      },
    });
  }

  /**
   * Our flight 4 (ServerHello to ServerHelloDone) in answer to `hello`, the message as it came from the wire.
   *
   * werift negotiates from a first hello without cookie and responds to the second, so it is given both at once. It decodes
   * the hello that we wrote, and hashes the client's.
   */
  answerHello(agreement: Agreement, hello: HandshakeMessage): readonly HandshakeMessage[] {
    const cookie = Buffer.of(1);
    this.#server.dtls.cookie = cookie;
    this.#deliver(
      weriftMessage(hello, encodeAgreedHello(agreement, Buffer.alloc(0))),
      weriftMessage(hello, encodeAgreedHello(agreement, cookie)),
    );
    this.#server.dtls.flight = NO_RETRANSMISSION;
    return this.#sent.filter((message) => message.type !== HELLO_VERIFY_REQUEST);
  }

  /** To be called with Certificate, ClientKeyExchange, CertificateVerify and Finished, in this order, each checked. */
  deliver(message: HandshakeMessage): void {
    this.#deliver(weriftMessage(message, message.body));
  }

  /** Undefined until a ClientKeyExchange has been accepted. */
  get masterSecret(): Uint8Array | undefined {
    return this.#server.cipher.masterSecret;
  }

  /** Exporter of RFC 5705, after the handshake. Returns a copy, not a view into Node's buffer pool. */
  exportKeyingMaterial(label: string, bytes: number): Uint8Array {
    return new Uint8Array(this.#server.exportKeyingMaterial(label, bytes));
  }

  #deliver(...messages: WeriftMessage[]): void {
    const delivered = messages as unknown as DeliveredToWerift;
    this.#server.onHandleHandshakes(delivered).catch(this.#onError);
  }

  #catch(bytes: Uint8Array): void {
    for (const record of parseRecords(bytes)) {
      if (record.contentType !== HANDSHAKE) continue;
      if (record.epoch > 0) this.#onSealedRecord(record);
      else this.#sent.push(...(parseFragments(record.payload) ?? []));
    }
  }
}

function weriftMessage(message: HandshakeMessage, decoded: Uint8Array): WeriftMessage {
  const wire = encodeMessage(message);
  return {
    msg_type: message.type,
    message_seq: message.messageSeq,
    fragment: Buffer.from(decoded),
    serialize: () => Buffer.from(wire),
  };
}
