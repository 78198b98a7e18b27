/**
 * Goal: an association has one set of keys. With a second one, or the same again, SRTP would begin its indices anew, and with
 * them its nonces.
 * Method: a call goes on, although the DTLS thread says once more that the handshake is over.
 */
import { expect, test } from "vitest";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import { Conference } from "../sim/conference.ts";
import { simCipherFactory } from "../sim/sim-cipher.ts";
import { SimPeer } from "../sim/sim-peer.ts";

const SECOND_US = 1_000_000;

test("keys that come after the first are not taken", () => {
  const people = [
    { name: "ada", sends: "audio" as const },
    { name: "bo", sends: "audio" as const },
  ];
  const call = new Conference({ people, seed: 1 });
  call.run(2 * SECOND_US);
  const [ada, bo] = call.people as [SimPeer, SimPeer];
  const stranger = new SimPeer(9, { name: "", sends: "nothing", seed: 2, ciphers: simCipherFactory });
  const { transportId } = bo;
  const keys = stranger.serverKeys(SRTP_AEAD_AES_128_GCM);
  call.core.receiveLetter(call.nowUs, { kind: "secure", transportId, keys });
  const heard = (peer: SimPeer, other: SimPeer): number =>
    peer.view("audio", other.name).viewer.numbers.count;
  const [byAda, byBo] = [heard(ada, bo), heard(bo, ada)];
  call.run(2 * SECOND_US);
  expect(heard(ada, bo) - byAda).toBe(100);
  expect(heard(bo, ada) - byBo).toBe(100);
  expect([ada.replayed, bo.replayed]).toEqual([0, 0]);
});
