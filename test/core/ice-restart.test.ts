/**
 * Goal: a client that has lost its network comes back by an ICE restart, in the same call (RFC 8445 §2.4).
 * Method: a call in which one falls silent until its transport has failed; it checks again with the new credentials.
 */
import { expect, test } from "vitest";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import type { TransportState } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";

const SECOND_US = 1_000_000;

test("after an ICE restart media flow again, with the numbers and keys from before", () => {
  const call = new Conference({
    people: [
      { name: "ada", sends: "audio", watches: [] },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed: 1,
  });
  const { peer, path } = call.seat("bo");
  const { transportId, ice } = peer;
  const { numbers } = peer.view("audio", "ada").viewer;
  const states: TransportState[] = [];
  call.told = (event) => {
    if (event.kind === "transport.state" && event.transportId === transportId) states.push(event.state);
  };
  call.run(2 * SECOND_US);
  peer.isSilent = true;
  call.run(60 * SECOND_US);
  expect(states.at(-1)).toBe("failed");
  const before = numbers.count;

  const localIce = { ufrag: "anew", pwd: "another-password-of-the-server" };
  call.core.command(call.nowUs, {
    kind: "transport.restart-ice",
    transportId,
    localIce,
    remoteIce: ice.peer,
  });
  const transactionId = new Uint8Array(12).fill(7);
  const { ufrag, pwd } = localIce;
  const check = bindingRequest({
    localUfrag: ice.peer.ufrag,
    remoteUfrag: ufrag,
    remotePwd: pwd,
    transactionId,
  });
  call.receive(check, path);
  call.run(2 * SECOND_US);
  expect(states.at(-1)).toBe("connected");
  expect(numbers.count - before).toBe(100);
  expect(numbers.gaps).toBe(0);
  expect(peer.replayed).toBe(0);
});
