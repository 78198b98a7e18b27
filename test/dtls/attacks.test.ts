/**
 * Goal: whatever a peer or a stranger sends, keys come out only for the client whose certificate was signalled, and
 * an association that lives goes on living.
 * Method: werift's client, which trusts as little as its server verifies, lies in one place per test.
 */
import { describe, expect, test } from "vitest";
import { encodeMessage, type HandshakeMessage, parseFragments } from "../../src/dtls/handshake-reassembly.ts";
import {
  ALERT,
  APPLICATION_DATA,
  encodeRecord,
  HANDSHAKE,
  parseRecords,
} from "../../src/dtls/record-layer.ts";
import { Attacker, attackerCertificate, derOf, fingerprintBy, victimCertificate } from "./attacker.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const SECOND_US = 1_000_000;

const plain = (message: HandshakeMessage, sequence = 100): Uint8Array =>
  encodeRecord({ contentType: HANDSHAKE, epoch: 0, sequence, payload: encodeMessage(message) });

/** Rewrites handshake messages of one type on their way to the server. */
const rewriting =
  (type: number, change: (body: Uint8Array) => void) =>
  (datagram: Uint8Array): Uint8Array[] => {
    const copy = Uint8Array.from(datagram);
    for (const record of parseRecords(copy)) {
      if (record.contentType !== HANDSHAKE || record.epoch !== 0) continue;
      for (const fragment of parseFragments(record.payload) ?? []) {
        if (fragment.type === type) change(fragment.body);
      }
    }
    return [copy];
  };

const messageTypes = (datagram: Uint8Array): number[] =>
  parseRecords(datagram)
    .filter((record) => record.contentType === HANDSHAKE && record.epoch === 0)
    .flatMap((record) => parseFragments(record.payload) ?? [])
    .map((fragment) => fragment.type);

async function connected(): Promise<Attacker> {
  const attacker = new Attacker();
  await attacker.connect();
  expect(attacker.endpoint.keys).toBeDefined();
  expect(attacker.endpoint.outcome).toBeUndefined();
  return attacker;
}

/** The association still speaks with its peer: it hears an authenticated close_notify. */
async function expectAlive(attacker: Attacker): Promise<void> {
  expect(attacker.endpoint.outcome).toBeUndefined();
  await attacker.inject(attacker.seal(ALERT, 1000, hex("0100")));
  expect(attacker.endpoint.outcome).toBe("closed");
}

describe("an honest client", () => {
  test("gets the same keys as the server", async () => {
    const attacker = await connected();
    const { localKey, localSalt, remoteKey, remoteSalt } = attacker.client.extractSessionKeys(16, 12);
    const { receive, send, profile } = attacker.endpoint.keys!;
    expect(profile).toBe(7);
    expect([receive.key, receive.salt].map((b) => Buffer.from(b))).toEqual([localKey, localSalt]);
    expect([send.key, send.salt].map((b) => Buffer.from(b))).toEqual([remoteKey, remoteSalt]);
    await expectAlive(attacker);
  });

  test.each(["sha-384", "sha-512"] as const)(
    "is recognised by a %s fingerprint among others",
    async (algorithm) => {
      const fingerprint = fingerprintBy(algorithm, attackerCertificate);
      const attacker = new Attacker({ fingerprints: [victimCertificate.fingerprint, fingerprint] });
      await attacker.connect();
      expect(attacker.endpoint.keys).toBeDefined();
    },
  );
});

describe("a lying client gets no keys", () => {
  test("garbage as CertificateVerify", async () => {
    const attacker = new Attacker();
    attacker.client.cipher.signatureData = () => Buffer.alloc(70, 7);
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "bad_certificate_verify" });
  });

  test("the victim's certificate with another key", async () => {
    const attacker = new Attacker({ fingerprints: [victimCertificate.fingerprint] });
    attacker.client.cipher.localCert = derOf(victimCertificate);
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "bad_certificate_verify" });
  });

  test("a certificate that was not signalled", async () => {
    const attacker = new Attacker({ fingerprints: [victimCertificate.fingerprint] });
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "fingerprint_mismatch" });
  });

  test("any certificate when none was signalled", async () => {
    const attacker = new Attacker({ fingerprints: [] });
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "fingerprint_mismatch" });
  });

  test("a signalled fingerprint that is a prefix of the right one", async () => {
    const { algorithm, value } = attackerCertificate.fingerprint;
    const attacker = new Attacker({ fingerprints: [{ algorithm, value: value.slice(0, 47) }] });
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "fingerprint_mismatch" });
  });

  test("no certificate message at all", async () => {
    const attacker = new Attacker();
    Object.defineProperty(attacker.client.dtls, "requestedCertificateTypes", {
      get: () => [],
      set: () => {},
    });
    await attacker.connect();
    await attacker.advance(31 * SECOND_US);
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "timeout" });
  });

  test("a wrong Finished", async () => {
    const attacker = new Attacker();
    attacker.client.cipher.verifyData = () => Buffer.alloc(12, 0x41);
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "bad_finished" });
  });

  test("a Finished of another length", async () => {
    const attacker = new Attacker();
    attacker.client.cipher.verifyData = () => Buffer.alloc(0);
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "bad_finished" });
  });

  test("a right Finished in plaintext, which also does not keep the true one out", async () => {
    let withheld: Uint8Array | undefined;
    const attacker = new Attacker({
      toServer: (datagram) => {
        if (parseRecords(datagram)[0]!.epoch === 0) return [datagram];
        withheld = datagram;
        return [];
      },
    });
    const { cipher } = attacker.client;
    const verifyData = cipher.verifyData.bind(cipher);
    let right = Buffer.alloc(0);
    cipher.verifyData = (transcript) => {
      right = verifyData(transcript);
      return right;
    };
    await attacker.connect();
    await attacker.inject(plain({ type: 20, messageSeq: 5, body: right }));
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: undefined });
    await attacker.inject(withheld!);
    expect(attacker.endpoint.keys).toBeDefined();
  });

  test("a public key of small order", async () => {
    const attacker = new Attacker({ toServer: rewriting(16, (body) => body.fill(0, 1)) });
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "protocol_error" });
  });

  test("a public key of the wrong length", async () => {
    const attacker = new Attacker({ toServer: rewriting(16, (body) => body.fill(31, 0, 1)) });
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "protocol_error" });
  });

  test("no extended master secret", async () => {
    const attacker = new Attacker({ extendedMasterSecret: false });
    await attacker.connect();
    expect(attacker.endpoint).toMatchObject({ keys: undefined, outcome: "no_extended_master_secret" });
  });

  test("a handshake that someone changed on the way", async () => {
    // One byte of ServerHello's random: the ends derive different keys.
    const attacker = new Attacker({ toClient: rewriting(2, (body) => body.fill(0, 10, 11)) });
    await attacker.connect();
    expect(attacker.endpoint.keys).toBeUndefined();
  });
});

const STRAY = [
  ["a plaintext close_notify", "15fefd000000000000000100020100"],
  ["a plaintext fatal alert", "15fefd000000000000000100020228"],
  ["an unknown record type", "1afefd00000000000000010001ff"],
  ["one byte", "16"],
  ["part of a header", "16fefd00"],
  ["plaintext application data", "17fefd000000000000000100020102"],
  ["a sealed record that is not authentic", `15fefd00010000000000070020${"ab".repeat(32)}`],
  ["a sealed record too short for a tag", "15fefd000100000000000700020100"],
  ["a sealed record of epoch 2", `15fefd00020000000000070020${"ab".repeat(32)}`],
  ["a plaintext message after the last", "16fefd0000000000000001000c000000000006000000000000"],
  ["a plaintext message of another type", "16fefd0000000000000001000c0e0000000002000000000000"],
] as const;

describe.each(STRAY)("%s from a stranger", (_name, text) => {
  test("does not stop a handshake, whenever it comes", async () => {
    const attacker = new Attacker({ toServer: (datagram) => [hex(text), datagram, hex(text)] });
    await attacker.inject(hex(text));
    await attacker.connect();
    expect(attacker.endpoint.keys).toBeDefined();
    await expectAlive(attacker);
  });

  test("does not touch an association, and is not answered", async () => {
    const attacker = await connected();
    const answers = attacker.endpoint.sent.length;
    await attacker.inject(hex(text));
    expect(attacker.endpoint.sent).toHaveLength(answers);
    await expectAlive(attacker);
  });
});

describe("replay", () => {
  test("of every datagram of the handshake changes nothing afterwards", async () => {
    const attacker = await connected();
    const answers = attacker.endpoint.sent.length;
    for (const datagram of attacker.sent) {
      attacker.nowUs += SECOND_US;
      await attacker.inject(datagram);
    }
    expect(attacker.endpoint.sent).toHaveLength(answers);
    await expectAlive(attacker);
  });

  test("of an authentic record is ignored, a new one with its content is not", async () => {
    const attacker = await connected();
    const finished = attacker.client.dtls.lastFlight[0]!.toFragment().serialize();
    const sent = attacker.endpoint.sent;
    const before = sent.length;
    attacker.nowUs += SECOND_US;
    const record = attacker.seal(HANDSHAKE, 50, finished);
    await attacker.inject(record);
    expect(sent).toHaveLength(before + 1);
    attacker.nowUs += SECOND_US;
    await attacker.inject(record);
    expect(sent).toHaveLength(before + 1);
  });
});

describe("floods", () => {
  test("fragments without end neither use memory without end nor stop a handshake", async () => {
    const attacker = new Attacker();
    for (let i = 0; i < 20_000; i++) {
      const messageSeq = 2 + (i % 4);
      const body = new Uint8Array(20 + (i % 50));
      attacker.endpoint.server.receive(0, plain({ type: 40, messageSeq: messageSeq + 6, body }, i));
    }
    await attacker.connect();
    expect(attacker.endpoint.keys).toBeDefined();
  });

  test("hellos with a wrong cookie are not admitted and not answered", async () => {
    let asked = 0;
    const admit = (): boolean => {
      asked += 1;
      return true;
    };
    const forged = rewriting(1, (body) => {
      if (body[35]! > 0) body[36]! ^= 1;
    });
    const attacker = new Attacker({ admit, toServer: forged });
    await attacker.connect();
    expect(asked).toBe(0);
    expect(attacker.endpoint.sent).toHaveLength(1);
    expect(attacker.endpoint.outcome).toBeUndefined();
  });

  test("repeated hellos draw at most ten flights a second", async () => {
    const attacker = new Attacker({
      toClient: (datagram) => (messageTypes(datagram)[0] === 3 ? [datagram] : []),
    });
    await attacker.connect();
    const hello = attacker.sent[1]!;
    const before = attacker.endpoint.sent.length;
    for (let i = 0; i < 1000; i++) {
      attacker.nowUs += 1000;
      attacker.endpoint.server.receive(attacker.nowUs, hello);
    }
    const flights = attacker.endpoint.sent.length - before;
    expect(flights).toBeGreaterThan(0);
    expect(flights).toBeLessThanOrEqual(10);
  });
});

test("an authentic fatal alert ends the association", async () => {
  const attacker = await connected();
  await attacker.inject(attacker.seal(ALERT, 9, hex("0250")));
  expect(attacker.endpoint.outcome).toBe("alert");
});

describe("application data", () => {
  test("is passed on once, however often it comes, and answered to the client alone", async () => {
    const attacker = await connected();
    const record = attacker.seal(APPLICATION_DATA, 9, hex("c0ffee"));
    await attacker.inject(record);
    await attacker.inject(record);
    expect(attacker.endpoint.data.map((payload) => Buffer.from(payload).toString("hex"))).toEqual(["c0ffee"]);

    const heard: string[] = [];
    attacker.client.onData.subscribe((payload) => heard.push(payload.toString("hex")));
    attacker.endpoint.server.send(hex("c0ffee"));
    attacker.endpoint.server.send(hex("facade"));
    await attacker.settle();
    expect(heard).toEqual(["c0ffee", "facade"]);
    await expectAlive(attacker);
  });

  test("behind a record that is not authentic is not looked at: nobody but a liar sends such a datagram", async () => {
    const attacker = await connected();
    const [good, bad] = [9, 10].map((sequence) => attacker.seal(APPLICATION_DATA, sequence, hex("c0ffee")));
    bad![bad!.length - 1]! ^= 1;
    await attacker.inject(Buffer.concat([bad!, good!]));
    expect(attacker.endpoint.data).toEqual([]);
    await attacker.inject(Buffer.concat([good!, bad!]));
    expect(attacker.endpoint.data).toHaveLength(1);
  });

  test("of a peer that has not said Finished is dropped, and does not keep its Finished out", async () => {
    let finished: Uint8Array | undefined;
    const attacker = new Attacker({
      toServer: (datagram) => {
        if (datagram[0] !== HANDSHAKE || parseRecords(datagram)[0]!.epoch === 0) return [datagram];
        finished = datagram;
        return [];
      },
    });
    await attacker.connect();
    await attacker.inject(attacker.seal(APPLICATION_DATA, 9, hex("c0ffee")));
    expect(attacker.endpoint.keys).toBeUndefined();
    await attacker.inject(finished!);
    expect(attacker.endpoint.keys).toBeDefined();
    expect(attacker.endpoint.data).toEqual([]);
  });

  test("is neither sent before the handshake nor after the end", async () => {
    const attacker = new Attacker();
    attacker.endpoint.server.send(hex("00"));
    expect(attacker.endpoint.sent).toEqual([]);
    await attacker.connect();
    attacker.endpoint.server.close();
    const sent = attacker.endpoint.sent.length;
    attacker.endpoint.server.send(hex("00"));
    await attacker.inject(attacker.seal(APPLICATION_DATA, 9, hex("c0ffee")));
    expect(attacker.endpoint.sent).toHaveLength(sent);
    expect(attacker.endpoint.data).toEqual([]);
  });
});
