/**
 * Goal: a client that gets no answer is a failure with a reason, in bounded time; and it answers a server's own checks.
 * The link's clock is a number here.
 */
import { createSecretKey } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LinkFailure, type LinkOptions, MediaLink } from "../../loadtest/client/media-link.ts";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import { createDtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import { hasIntegrity, parseStunMessage, STUN_TYPE, StunMessage } from "../../src/ice/stun-message.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";

const certificate = await createDtlsCertificate();
const SECOND_US = 1_000_000;

let peer: Socket;
let nowUs: number;
let failures: LinkFailure[];
let options: LinkOptions;
let link: MediaLink;

beforeEach(async () => {
  peer = createSocket("udp4").bind(0, "127.0.0.1");
  await once(peer, "listening");
  nowUs = SECOND_US;
  failures = [];
  options = {
    address: "127.0.0.1",
    port: peer.address().port,
    localIce: { ufrag: "load", pwd: "a-password-of-the-client" },
    remoteIce: { ufrag: "serv", pwd: "a-password-of-the-server" },
    certificate,
    profiles: [SRTP_AEAD_AES_128_GCM],
    ciphers: portableCipherFactory,
    clock: () => nowUs,
  };
  link = new MediaLink(options, {
    onSecure: () => {},
    onRtp: () => {},
    onRtcp: () => {},
    onFailed: (reason) => failures.push(reason),
  });
  // Its socket is open when its first check arrives.
  const checked = once(peer, "message");
  const ticking = setInterval(() => link.tick(nowUs), 1);
  await checked;
  clearInterval(ticking);
});
afterEach(() => {
  link.close();
  peer.close();
});

test("a server that never answers", () => {
  link.tick(nowUs + 15 * SECOND_US);
  expect(failures).toEqual([]);
  link.tick(nowUs + 16 * SECOND_US);
  link.tick(nowUs + 17 * SECOND_US);
  expect(failures).toEqual(["ice_timeout"]);
});

test("a server that answers checks and says nothing more", async () => {
  const [request, from] = (await Promise.all([once(peer, "message"), link.tick(nowUs + SECOND_US)]))[0];
  const answer = Buffer.alloc(20);
  (request as Buffer).copy(answer, 0, 0, 20);
  answer.writeUInt16BE(0x0101, 0);
  answer.writeUInt16BE(0, 2);
  peer.send(answer, from.port, from.address);
  // The handshake's first flight shows that the answer was taken.
  let hello: Buffer;
  do [hello] = (await once(peer, "message")) as [Buffer];
  while (hello[0] !== 22);
  expect(link.connectedUs).toBe(nowUs);
  link.tick(nowUs + 16 * SECOND_US);
  expect(failures).toEqual(["dtls_timeout"]);
});

test("a server that checks too, as a full agent does, is answered with the client's password", async () => {
  const { localIce, remoteIce } = options;
  const check = bindingRequest({
    localUfrag: remoteIce.ufrag,
    remoteUfrag: localIce.ufrag,
    remotePwd: localIce.pwd,
    transactionId: Buffer.from("transaction1"),
  });
  peer.send(check, link.port, "127.0.0.1");
  const message = new StunMessage();
  let answer: Buffer;
  do [answer] = (await once(peer, "message")) as [Buffer];
  while (!parseStunMessage(answer, answer.length, message) || message.type !== STUN_TYPE.bindingSuccess);
  expect(answer.toString("latin1", 8, 20)).toBe("transaction1");
  expect(hasIntegrity(answer, message, createSecretKey(localIce.pwd, "utf8"))).toBe(true);
});

test("a server whose port is closed", async () => {
  peer.close();
  while (failures.length === 0) {
    nowUs += SECOND_US;
    link.tick(nowUs);
    await new Promise((resolve) => setImmediate(resolve));
    if (nowUs > 14 * SECOND_US) break;
  }
  peer = createSocket("udp4");
  expect(failures).toEqual(["socket_error"]);
});
