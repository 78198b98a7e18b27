/**
 * Goal: what a client asks to happen to it, for tests, happens as if by itself.
 * Method: real sessions over real control, with a media thread that records and a clock that is turned by hand.
 */
import {
  CandidateProtocol,
  ClientConfigSetting,
  LeaveRequest_Action,
  SessionDescription,
  SignalTarget,
  SimulateScenario,
} from "@livekit/protocol";
import { describe, expect, test } from "vitest";
import type { ServerCandidate } from "../../src/control/media-threads.ts";
import { connect } from "../control/conference.ts";
import { relayedHall, SignalClient, type SignalHall, signalHall } from "./client.ts";

const UDP: ServerCandidate = { protocol: "udp", address: "192.0.2.1", port: 7882 };
const TCP: ServerCandidate = { protocol: "tcp", address: "192.0.2.1", port: 7882 };

function hallWith(...candidates: ServerCandidate[]): SignalHall {
  const hall = signalHall();
  hall.thread.candidates.splice(0, 1, ...candidates);
  return hall;
}

function simulate(client: SignalClient, scenario: SimulateScenario["scenario"]): void {
  client.send({ case: "simulate", value: new SimulateScenario({ scenario }) });
}

/** Protocols of the candidates in a description. */
const protocols = (sdp: string): string[] =>
  [...sdp.matchAll(/^a=candidate:\S+ 1 (\w+)/gm)].map(([, name]) => name!);

describe("where media can be sent to", () => {
  test("is told in the answer, and once more one by one", () => {
    const ada = new SignalClient(hallWith(UDP, TCP), "ada");
    ada.offer("chromium-publish-simulcast");
    expect(protocols(ada.take("answer").sdp)).toEqual(["udp", "tcp"]);
    const [first, second] = [ada.take("trickle"), ada.take("trickle")];
    expect([first.target, first.final, second.final]).toEqual([SignalTarget.PUBLISHER, false, true]);
    expect(JSON.parse(second.candidateInit)).toEqual({
      candidate: "candidate:2 1 tcp 2124414975 192.0.2.1 7882 typ host tcptype passive",
      sdpMid: "0",
      sdpMLineIndex: 0,
    });
    ada.offer("chromium-publish-simulcast", 2);
    ada.take("answer");
    expect(ada.kinds()).not.toContain("trickle");
  });

  test("is told with the first offer for the connection on which a client receives", () => {
    const ada = new SignalClient(hallWith(UDP, TCP), "ada", { singleConnection: false });
    expect(protocols(ada.take("offer").sdp)).toEqual(["udp", "tcp"]);
    expect([ada.take("trickle").target, ada.take("trickle").target]).toEqual([1, 1]);
    ada.vanish();
  });
});

describe("another path", () => {
  function rejoins(hall: SignalHall, protocol: CandidateProtocol): SignalClient {
    const first = new SignalClient(hall, "ada");
    simulate(first, { case: "switchCandidateProtocol", value: protocol });
    first.offer("chromium-publish-simulcast");
    expect(protocols(first.take("answer").sdp)).toContain("udp");
    return new SignalClient(hall, "ada");
  }

  test.each([true, false])("TCP is all that is told in the next session, single: %s", (singleConnection) => {
    const hall = hallWith(UDP, TCP);
    rejoins(hall, CandidateProtocol.TCP);
    const again = new SignalClient(hall, "ada", { singleConnection });
    again.offer("chromium-publish-simulcast");
    expect(protocols(again.take("answer").sdp)).toEqual(["tcp"]);
    if (!singleConnection) expect(protocols(again.take("offer").sdp)).toEqual(["tcp"]);
    const bo = new SignalClient(hall, "bo");
    bo.offer("chromium-publish-simulcast");
    expect(protocols(bo.take("answer").sdp)).toEqual(["udp", "tcp"]);
  });

  test("is forgotten after a minute, and when UDP is asked for", () => {
    for (const forget of [
      (hall: SignalHall) => hall.clock.pass(60_000),
      (hall: SignalHall) => {
        hall.clock.set(-3_600_000);
        hall.clock.pass(60_000);
      },
      (_hall: SignalHall, client: SignalClient) =>
        simulate(client, { case: "switchCandidateProtocol", value: CandidateProtocol.UDP }),
    ]) {
      const hall = hallWith(UDP, TCP);
      // Who keeps the room.
      connect(hall.rooms, "stage");
      forget(hall, rejoins(hall, CandidateProtocol.TCP));
      const again = new SignalClient(hall, "ada");
      again.offer("chromium-publish-simulcast");
      expect(protocols(again.take("answer").sdp)).toEqual(["udp", "tcp"]);
    }
  });

  test("without TCP is not to be had", () => {
    const again = rejoins(hallWith(UDP), CandidateProtocol.TCP);
    again.offer("chromium-publish-simulcast");
    expect(protocols(again.take("answer").sdp)).toEqual(["udp"]);
  });

  test("TLS goes on to be through TURN after a resume", () => {
    const hall = relayedHall(["turn:t.example:3478", "turns:t.example:443?transport=tcp"]);
    const { sid: resumes } = rejoins(hall, CandidateProtocol.TLS).take("join").participant!;
    const { clientConfiguration, iceServers } = new SignalClient(hall, "ada", { resumes }).take("reconnect");
    expect(clientConfiguration?.forceRelay).toBe(ClientConfigSetting.ENABLED);
    expect(iceServers.flatMap(({ urls }) => urls)).toEqual(["turns:t.example:443?transport=tcp"]);
  });

  test("TLS is through TURN, where there is any", () => {
    const turn = ["turn:t.example:3478", "turns:t.example:443?transport=tcp"];
    const relayed = rejoins(relayedHall(turn), CandidateProtocol.TLS).take("join");
    expect(relayed.clientConfiguration?.forceRelay).toBe(ClientConfigSetting.ENABLED);
    expect(relayed.iceServers.flatMap(({ urls }) => urls)).toEqual([turn[1]]);
    const plain = rejoins(relayedHall([turn[0]!]), CandidateProtocol.TLS).take("join");
    expect(plain.clientConfiguration?.forceRelay).toBe(ClientConfigSetting.ENABLED);
    const none = rejoins(signalHall(), CandidateProtocol.TLS).take("join");
    expect(none.clientConfiguration).toBeUndefined();
  });
});

test("a bandwidth limits what the client is sent, on all its connections, until it is set to 0", () => {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada", { singleConnection: false });
  const limit = (bps: bigint): void => simulate(ada, { case: "subscriberBandwidth", value: bps });
  ada.offer("chromium-publish-simulcast");
  // Before its answer to our offer, which may take its time: only the last one is kept.
  for (let bps = 100_000n; bps <= 300_000n; bps += 1_000n) limit(bps);
  const { sdp, id } = ada.take("offer");
  const answer = sdp.replace("setup:actpass", "setup:active");
  ada.send({ case: "answer", value: new SessionDescription({ type: "answer", sdp: answer, id }) });
  limit(0n);
  const limits = hall.thread.sent("transport.limit");
  const [publisher, subscriber] = hall.thread.sent("transport.open").map(({ transportId }) => transportId);
  const of = (id: string | undefined): (number | null)[] =>
    limits.flatMap(({ transportId, limitBps }) => (transportId === id ? [limitBps] : []));
  expect(of(publisher).slice(-2)).toEqual([300_000, null]);
  expect(of(subscriber)).toEqual([300_000, null]);
});

test("speech is told to who asked, and ends", () => {
  const hall = signalHall();
  const [ada, bo] = [new SignalClient(hall, "ada"), new SignalClient(hall, "bo")];
  const { sid } = ada.take("join").participant!;
  simulate(ada, { case: "speakerUpdate", value: 3 });
  expect(ada.take("speakersChanged").speakers).toMatchObject([{ sid, active: true }]);
  hall.clock.pass(2_900);
  expect(ada.kinds()).not.toContain("speakersChanged");
  hall.clock.pass(100);
  expect(ada.take("speakersChanged").speakers).toMatchObject([{ sid, active: false, level: 0 }]);
  expect(bo.kinds()).not.toContain("speakersChanged");
});

test.each(["disconnectSignalOnResume", "disconnectSignalOnResumeNoMessages"] as const)(
  "%s: the next resume is cut, the one after it is not, and the participant stays",
  (scenario) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const { sid: resumes } = ada.take("join").participant!;
    simulate(ada, { case: scenario, value: true });
    ada.vanish();
    const cut = new SignalClient(hall, "ada", { resumes });
    hall.clock.pass(0);
    expect(cut.closed).not.toBeNull();
    expect(cut.kinds().includes("reconnect")).toBe(scenario === "disconnectSignalOnResume");
    hall.clock.pass(10_000);
    const back = new SignalClient(hall, "ada", { resumes });
    hall.clock.pass(5_000);
    expect([back.closed, back.kinds().includes("reconnect")]).toEqual([null, true]);
    back.vanish();
    hall.clock.pass(20_000);
    expect(hall.rooms.get("hall")!.participant("ada")).toBeUndefined();
  },
);

test("a resume that was cut before an answer does not hold the participant for ever", () => {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  const { sid: resumes } = ada.take("join").participant!;
  simulate(ada, { case: "disconnectSignalOnResumeNoMessages", value: true });
  ada.vanish();
  new SignalClient(hall, "ada", { resumes });
  hall.clock.pass(20_000);
  expect(hall.rooms.get("hall")!.participant("ada")).toBeUndefined();
});

test.each([
  ["nodeFailure", LeaveRequest_Action.RECONNECT],
  ["migration", LeaveRequest_Action.RECONNECT],
  ["serverLeave", LeaveRequest_Action.RECONNECT],
  ["leaveRequestFullReconnect", LeaveRequest_Action.RECONNECT],
] as const)("%s sends the client to come back as somebody new", (scenario, action) => {
  const ada = new SignalClient(signalHall(), "ada");
  simulate(ada, { case: scenario, value: true });
  const isCut = scenario === "nodeFailure" || scenario === "migration";
  expect(ada.closed !== null || ada.kinds().includes("leave")).toBe(true);
  if (!isCut) expect(ada.take("leave").action).toBe(action);
});
