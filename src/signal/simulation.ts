/** For tests of clients: simulates failures and events at their request. */
import {
  LeaveRequest,
  LeaveRequest_Action,
  type SimulateScenario,
  SpeakerInfo,
  SpeakersChanged,
} from "@livekit/protocol";
import type { ClientSession } from "./client-session.ts";

/** Larger: the client seems to speak for longer. Smaller: a tester would miss it. */
const MAX_SPEECH_SECONDS = 60;
const SPEECH_LEVEL = 0.9;

export function simulate(session: ClientSession, { scenario }: SimulateScenario): void {
  switch (scenario.case) {
    case "speakerUpdate":
      return speak(session, scenario.value);
    case "nodeFailure":
    case "migration":
      session.cut();
      return session.participant.leave("media_thread_exited");
    case "serverLeave":
      return session.participant.leave("server_shutdown");
    case "switchCandidateProtocol":
      return session.forcePath(scenario.value);
    case "disconnectSignalOnResume":
      return session.cutNextResume("answered");
    case "disconnectSignalOnResumeNoMessages":
      return session.cutNextResume("unanswered");
    case "leaveRequestFullReconnect":
      return session.send({
        case: "leave",
        value: new LeaveRequest({ action: LeaveRequest_Action.RECONNECT, canReconnect: true }),
      });
    case "subscriberBandwidth":
      return limitBandwidth(session, Number(scenario.value));
    // Of a later protocol than ours.
    case undefined:
      return;
    default:
      return scenario satisfies never;
  }
}

/** `bps`: what it is sent at most, bits per second, on the connections that it has now; 0 ends the limit. */
function limitBandwidth({ participant }: ClientSession, bps: number): void {
  for (const transport of participant.transports) transport.limit(bps > 0 ? bps : null);
}

/** Only the client itself is notified that it speaks. */
function speak(session: ClientSession, seconds: number): void {
  const { participant } = session;
  const tell = (active: boolean): void => {
    const speaker = new SpeakerInfo({ sid: participant.id, active, level: active ? SPEECH_LEVEL : 0 });
    session.send({ case: "speakersChanged", value: new SpeakersChanged({ speakers: [speaker] }) });
  };
  tell(true);
  const lasts = Math.min(Math.max(seconds, 0), MAX_SPEECH_SECONDS);
  participant.room.clock.after(lasts * 1_000, () => tell(false));
}
