/**
 * werift's `DtlsServer`, used as a calculator of flights: whole messages go in, whole messages come out.
 *
 * It has no socket. We deliver verified messages through `onHandleHandshakes` and catch what it would send; records,
 * retransmission, order, verification and encryption are ours. These members of werift are not part of its promise,
 * and `test/dtls/werift-server.test.ts` fails if one changes: `onHandleHandshakes`, `dtls.cookie`, `dtls.flight`,
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
 * Ends werift's retransmission of flight 4 (it repeats while `dtls.flight` < 6) without making it believe that
 * flight 6 was sent already (`dtls.flight` = 6).
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
   * `onSealedRecord` gets the encrypted Finished, after the client's was delivered. `onError` gets what werift
   * rejects with.
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
   * werift negotiates from a first hello without cookie and answers the second, so it is given both at once. It
   * decodes the hello that we wrote, and hashes the client's.
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

  /** Certificate, ClientKeyExchange, CertificateVerify and Finished, in this order, each already checked. */
  deliver(message: HandshakeMessage): void {
    this.#deliver(weriftMessage(message, message.body));
  }

  /** Undefined until a ClientKeyExchange was accepted. */
  get masterSecret(): Uint8Array | undefined {
    return this.#server.cipher.masterSecret;
  }

  /** RFC 5705, on the finished handshake. A copy of its own, not a view into a pool of Node's. */
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
