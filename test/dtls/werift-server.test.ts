/**
 * The contract with werift: `WeriftServer` uses members of werift that werift never promised. When one of these tests
 * fails after an update of werift, read `src/dtls/werift-server.ts` before anything else.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  verify,
  X509Certificate,
} from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { DtlsServer } from "werift";
import { firstCertificate } from "../../src/dtls/client-certificate.ts";
import { ECDSA_SHA256_KEY } from "../../src/dtls/dtls-certificate.ts";
import { encodeMessage, type HandshakeMessage, parseFragments } from "../../src/dtls/handshake-reassembly.ts";
import { extendedMasterSecret, prf, sha256 } from "../../src/dtls/prf.ts";
import { deriveRecordCiphers } from "../../src/dtls/record-cipher.ts";
import type { DtlsRecord } from "../../src/dtls/record-layer.ts";
import { WeriftServer } from "../../src/dtls/werift-server.ts";
import { serverCertificate } from "./endpoint.ts";

const RANDOM = new Uint8Array(32).fill(0x5a);
const AGREEMENT = { random: RANDOM, group: 29, profile: 7 } as const;

/** As it came from the wire: werift must hash it, and not read it. */
const HELLO: HandshakeMessage = { type: 1, messageSeq: 1, body: Buffer.from("hashed, never decoded") };

const message = (type: number, messageSeq: number, ...body: Uint8Array[]): HandshakeMessage => ({
  type,
  messageSeq,
  body: Buffer.concat(body),
});

function rawX25519(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "jwk" }).x!, "base64url");
}

function serverKeyOf(serverKeyExchange: Uint8Array): KeyObject {
  const x = Buffer.from(serverKeyExchange.subarray(4, 36)).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
}

function start(): {
  werift: WeriftServer;
  flight: readonly HandshakeMessage[];
  sealed: DtlsRecord[];
  errors: unknown[];
} {
  const sealed: DtlsRecord[] = [];
  const errors: unknown[] = [];
  const werift = new WeriftServer(
    serverCertificate,
    7,
    (record) => sealed.push(record),
    (error) => errors.push(error),
  );
  return { werift, flight: werift.answerHello(AGREEMENT, HELLO), sealed, errors };
}

test("werift's server has the members that we use", () => {
  const server = new DtlsServer({
    cert: serverCertificate.certPem,
    key: serverCertificate.keyPem,
    signatureHash: ECDSA_SHA256_KEY,
    transport: {
      type: "none",
      address: { address: "", family: "", port: 0 },
      closed: false,
      onData: () => {},
      send: async () => {},
      close: async () => {},
    },
  });
  expect(server.onHandleHandshakes).toBeTypeOf("function");
  expect(server.exportKeyingMaterial).toBeTypeOf("function");
  expect(server.dtls).toMatchObject({ flight: 0, cookie: undefined });
  expect(server.cipher).toHaveProperty("masterSecret", undefined);
});

test("its flight 4 comes at once, whole and numbered from 1", () => {
  const { flight } = start();
  expect(flight.map(({ type, messageSeq }) => [type, messageSeq])).toEqual([
    [2, 1],
    [11, 2],
    [12, 3],
    [13, 4],
    [14, 5],
  ]);
});

test("its flight 4 says what was agreed and presents our certificate", () => {
  const [hello, certificate] = start().flight;
  const text = Buffer.from(hello!.body).toString("hex");
  expect(text).toContain("c02b00");
  // use_srtp with profile 7 and no MKI; extended_master_secret.
  expect(text).toContain("000e00050002000700");
  expect(text).toContain("00170000");
  const der = Buffer.from(firstCertificate(certificate!.body)!);
  expect(der).toEqual(new X509Certificate(serverCertificate.certPem).raw);
});

test("its ServerKeyExchange is signed over both randoms", () => {
  const [hello, , exchange] = start().flight;
  const params = exchange!.body.subarray(0, 36);
  const signed = Buffer.concat([RANDOM, hello!.body.subarray(2, 34), params]);
  const key = createPublicKey(createPrivateKey(serverCertificate.keyPem));
  expect([...params.subarray(0, 4)]).toEqual([3, 0, 29, 32]);
  expect(verify("sha256", signed, key, exchange!.body.subarray(40))).toBe(true);
});

test("its master secret and its Finished cover exactly the transcript that we hash", async () => {
  const { werift, flight, sealed, errors } = start();
  const pair = generateKeyPairSync("x25519");
  const certificate = message(11, 2, flight[1]!.body);
  const exchange = message(16, 3, Buffer.of(32), rawX25519(pair.publicKey));
  werift.deliver(certificate);
  werift.deliver(exchange);

  const transcript = [HELLO, ...flight, certificate, exchange].map(encodeMessage);
  const shared = diffieHellman({ privateKey: pair.privateKey, publicKey: serverKeyOf(flight[2]!.body) });
  const masterSecret = extendedMasterSecret(shared, sha256(transcript));
  expect(Buffer.from(werift.masterSecret!)).toEqual(masterSecret);

  // werift requires that these were there; it does not look inside (which is why we do).
  const rest = [message(15, 4, Buffer.from("04030000", "hex")), message(20, 5, new Uint8Array(12))];
  for (const one of rest) werift.deliver(one);
  await nextTurn();
  transcript.push(...rest.map(encodeMessage));
  expect(sealed).toHaveLength(1);
  const { server } = deriveRecordCiphers(masterSecret, RANDOM, flight[0]!.body.subarray(2, 34));
  const [finished] = parseFragments(server.open(sealed[0]!)!)!;
  expect(finished).toMatchObject({ type: 20, messageSeq: 6 });
  const expected = prf(masterSecret, "server finished", sha256(transcript), 12);
  expect(Buffer.from(finished!.body)).toEqual(expected);

  const seed = Buffer.concat([RANDOM, flight[0]!.body.subarray(2, 34)]);
  const exported = prf(masterSecret, "EXTRACTOR-dtls_srtp", seed, 56);
  expect(Buffer.from(werift.exportKeyingMaterial("EXTRACTOR-dtls_srtp", 56))).toEqual(exported);
  expect(errors).toEqual([]);
});

test("it rejects, and does not throw, when it can not compute", async () => {
  const { werift, errors } = start();
  werift.deliver(message(11, 2, Buffer.from("000000", "hex")));
  werift.deliver(message(16, 3, Buffer.of(3, 1, 2, 3)));
  await nextTurn();
  expect(errors).toHaveLength(1);
  expect(werift.masterSecret).toBeUndefined();
});
