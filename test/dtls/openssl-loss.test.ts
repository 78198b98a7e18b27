/**
 * Goal: openssl connects over a path that loses a quarter of all datagrams and reorders another part, within the time
 * that a person would wait.
 * Method: six seeded paths at once. openssl's own timers run in real time (1, 2, 4 s), so the test does; of every
 * four datagrams exactly one is lost, at a place that the seed draws, so that no seed waits for the end of a streak.
 */
import { expect, test } from "vitest";
import { makeClientCertificate, openSession, type Path } from "./openssl-client.ts";
import { seededRandom } from "./random.ts";

const BLOCK = 4;
const REORDERED = 0.3;
const HELD_MS = 30;
const CONNECT_MS = 25_000;

const EC = makeClientCertificate("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
const RSA = makeClientCertificate("rsa", ["rsa:2048"]);

function lossyPath(seed: number): Path {
  const next = seededRandom(seed);
  let count = 0;
  let lost = 0;
  return (datagram, deliver) => {
    if (count % BLOCK === 0) lost = count + Math.floor(next() * BLOCK);
    if (count++ === lost) return;
    if (next() < REORDERED) setTimeout(() => deliver(Uint8Array.from(datagram)), HELD_MS);
    else deliver(datagram);
  };
}

test.concurrent.each([1, 2, 3, 4, 5, 6])("connects over a bad path, seed %d", async (seed) => {
  const identity = seed % 2 === 0 ? EC : RSA;
  const args = ["-cert", identity.certFile, "-key", identity.keyFile, "-use_srtp", "SRTP_AEAD_AES_128_GCM"];
  const paths = [lossyPath(seed), lossyPath(seed + 1000)] as const;
  const session = await openSession([identity.fingerprint], args, ...paths);
  try {
    await session.until(() => session.output().includes("SRTP Extension negotiated"), CONNECT_MS);
    expect(session.endpoint.keys).toBeDefined();
  } finally {
    await session.end();
  }
});
