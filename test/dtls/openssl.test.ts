/**
 * Goal: another implementation agrees with us on every byte: the exported keys are equal, for both SRTP profiles,
 * both kinds of client certificate, both groups, and when the client's flights come in small fragments.
 */
import { afterEach, describe, expect, test } from "vitest";
import { makeClientCertificate, openSession, type Session } from "./openssl-client.ts";

const EC = makeClientCertificate("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
const RSA = makeClientCertificate("rsa", ["rsa:2048"]);
const SMALL_RSA = makeClientCertificate("small-rsa", ["rsa:1024"]);

const BOTH = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM";
const CM = "SRTP_AES128_CM_SHA1_80";
const HANDSHAKE_MS = 10_000;

const credentials = ({ certFile, keyFile }: typeof EC): string[] => ["-cert", certFile, "-key", keyFile];
const srtp = (profiles: string, exportBytes: number): string[] => [
  ...["-use_srtp", profiles, "-keymatexport", "EXTRACTOR-dtls_srtp"],
  ...["-keymatexportlen", String(exportBytes)],
];

let session: Session | undefined;
afterEach(async () => {
  await session?.end();
  session = undefined;
});

describe("openssl s_client", () => {
  test.each([
    { name: "EC certificate, GCM", identity: EC, profiles: BOTH, profile: 7, saltBytes: 12, extra: [] },
    { name: "EC certificate, CM", identity: EC, profiles: CM, profile: 1, saltBytes: 14, extra: [] },
    { name: "RSA certificate, GCM", identity: RSA, profiles: BOTH, profile: 7, saltBytes: 12, extra: [] },
    { name: "RSA certificate, CM", identity: RSA, profiles: CM, profile: 1, saltBytes: 14, extra: [] },
    { name: "P-256", identity: EC, profiles: BOTH, profile: 7, saltBytes: 12, extra: ["-groups", "P-256"] },
    { name: "small MTU", identity: RSA, profiles: BOTH, profile: 7, saltBytes: 12, extra: ["-mtu", "300"] },
  ])("exports our keys: $name", async ({ identity, profiles, profile, saltBytes, extra }) => {
    const args = [...credentials(identity), ...srtp(profiles, 2 * (16 + saltBytes)), ...extra];
    session = await openSession([identity.fingerprint], args);
    const keyLine = /Keying material: ([0-9A-F]+)/;
    await session.until(() => keyLine.test(session!.output()), HANDSHAKE_MS);

    const keys = session.endpoint.keys!;
    const parts = [keys.receive.key, keys.send.key, keys.receive.salt, keys.send.salt];
    expect(Buffer.concat(parts).toString("hex").toUpperCase()).toBe(keyLine.exec(session.output())![1]);
    expect(keys.profile).toBe(profile);
    expect(session.endpoint.outcome).toBeUndefined();
  });

  test("hears the client's close_notify", async () => {
    session = await openSession([EC.fingerprint], [...credentials(EC), ...srtp(BOTH, 56)]);
    await session.until(() => session!.output().includes("Keying material"), HANDSHAKE_MS);
    session.client.stdin.write("Q\n");
    await session.until(() => session!.endpoint.outcome === "closed", HANDSHAKE_MS);
  });

  test("tells the client when it closes", async () => {
    session = await openSession([EC.fingerprint], [...credentials(EC), ...srtp(BOTH, 56)]);
    await session.until(() => session!.output().includes("Keying material"), HANDSHAKE_MS);
    session.endpoint.server.close();
    await session.until(() => session!.client.exitCode === 0, HANDSHAKE_MS);
  });

  test.each([
    ["fingerprint_mismatch", 42, "without certificate", [], srtp(BOTH, 56)],
    ["fingerprint_mismatch", 42, "with another certificate", credentials(RSA), srtp(BOTH, 56)],
    ["no_srtp_profile", 40, "without use_srtp", credentials(EC), []],
    ["no_srtp_profile", 40, "with AES-256 only", credentials(EC), srtp("SRTP_AEAD_AES_256_GCM", 88)],
    [
      "no_common_parameters",
      40,
      "without a group of ours",
      credentials(EC),
      [...srtp(BOTH, 56), "-groups", "P-384"],
    ],
    [
      "no_common_parameters",
      40,
      "without a suite of ours",
      credentials(EC),
      [...srtp(BOTH, 56), "-cipher", "AES256-SHA"],
    ],
    [
      "unsupported_version",
      70,
      "with DTLS 1.0 only",
      credentials(EC),
      [...srtp(BOTH, 56), "-dtls1", "-cipher", "ALL:@SECLEVEL=0"],
    ],
  ] as const)("is refused, %s, alert %d: %s", async (reason, alert, _name, identity, options) => {
    session = await openSession([EC.fingerprint], [...identity, ...options]);
    // Our alert ends s_client at once: it need not wait for its timeout.
    await session.until(() => session!.client.exitCode !== null, HANDSHAKE_MS);
    expect(session.endpoint.outcome).toBe(reason);
    expect(session.output()).toContain(`SSL alert number ${alert}`);
    expect(session.endpoint.keys).toBeUndefined();
  });

  test("is refused with an RSA key too short to prove anything", async () => {
    session = await openSession(
      [SMALL_RSA.fingerprint],
      [...credentials(SMALL_RSA), ...["-cipher", "DEFAULT:@SECLEVEL=0"], ...srtp(BOTH, 56)],
    );
    await session.until(() => session!.endpoint.outcome !== undefined, HANDSHAKE_MS);
    expect(session.endpoint.outcome).toBe("bad_certificate_verify");
    expect(session.endpoint.keys).toBeUndefined();
  });
});
