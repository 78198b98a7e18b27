/** A client of the signal protocol without a network: what it says, and what it was told. */
import {
  AddTrackRequest,
  ClientInfo,
  SessionDescription,
  SignalRequest,
  SignalResponse,
  TrackSource,
  TrackType,
} from "@livekit/protocol";
import type { Claims } from "../../src/control/access-token.ts";
import { AccessTokens } from "../../src/control/access-token.ts";
import { IceServers } from "../../src/control/ice-servers.ts";
import type { JoinParams } from "../../src/signal/join-request.ts";
import type { SignalMeter } from "../../src/signal/signal-link.ts";
import { type Connection, SignalSessions } from "../../src/signal/signal-sessions.ts";
import { type Conference, claims, conference } from "../control/conference.ts";
import { type OfferName, offerText } from "../sdp/offers.ts";

const SECRET = "a secret that is long enough for HMAC";

type Message = NonNullable<SignalResponse["message"]>;
type Case = NonNullable<Message["case"]>;
type ValueOf<C extends Case> = Extract<Message, { case: C }>["value"];

export interface SignalHall extends Conference {
  readonly sessions: SignalSessions;
  readonly meter: RecordingMeter;
}

export function signalHall(...defaults: Parameters<typeof conference>): SignalHall {
  return hallOver(conference(...defaults), []);
}

/** With TURN servers. */
export function relayedHall(turnUrls: readonly string[]): SignalHall {
  return hallOver(conference(), turnUrls);
}

function hallOver(hall: Conference, turnUrls: readonly string[]): SignalHall {
  const tokens = new AccessTokens({ key: SECRET }, hall.clock);
  const settings = { stunUrls: [], turnUrls, turnSecret: SECRET, turnCredentialSeconds: 60 };
  const meter = new RecordingMeter();
  const ice = new IceServers(settings, hall.clock);
  const sessions = new SignalSessions(hall.rooms, ice, tokens, hall.clock, meter);
  return { ...hall, sessions, meter };
}

/** What was counted, as lines. */
export class RecordingMeter implements SignalMeter {
  readonly lines: string[] = [];
  onOpen = (protocol: string) => void this.lines.push(`open ${protocol}`);
  onClosed = (protocol: string, reason: string) => void this.lines.push(`closed ${protocol} ${reason}`);
  onReceived = (kind: string) => void this.lines.push(`received ${kind}`);
  onSent = (kind: string) => void this.lines.push(`sent ${kind}`);
}

const PARAMS: JoinParams = {
  singleConnection: true,
  client: new ClientInfo(),
  autoSubscribe: true,
  resumes: "",
  metadata: "",
  attributes: {},
  offer: null,
  addTracks: [],
  syncState: null,
};

export class SignalClient {
  readonly messages: Message[] = [];
  /** Code and reason, once the server has closed the connection. */
  closed: readonly [number, string] | null = null;
  bufferedBytes = 0;
  readonly connection: Connection;

  constructor({ sessions }: SignalHall, who: Claims | string, params: Partial<JoinParams> = {}) {
    const client = this;
    this.connection = sessions.connect(
      typeof who === "string" ? claims(who) : who,
      { ...PARAMS, ...params },
      {
        send: (data) => client.#onData(data),
        close: (code, reason) => {
          client.closed = [code, reason];
        },
        get bufferedBytes() {
          return client.bufferedBytes;
        },
      },
    );
  }

  /** Takes out what came first of this kind. */
  take<C extends Case>(kind: C): ValueOf<C> {
    const at = this.messages.findIndex((message) => message.case === kind);
    if (at === -1) throw new Error(`no ${kind} among ${this.kinds().join(", ")}`);
    return this.messages.splice(at, 1)[0]!.value as ValueOf<C>;
  }

  kinds(): (string | undefined)[] {
    return this.messages.map((message) => message.case);
  }

  /** The latest state of a participant that it was told. */
  seen(identity: string) {
    const infos = this.messages.flatMap((message) => {
      if (message.case === "update") return message.value.participants;
      return message.case === "join" ? message.value.otherParticipants : [];
    });
    return infos.findLast((info) => info.identity === identity);
  }

  send(message: SignalRequest["message"]): void {
    this.connection.receive(new SignalRequest({ message }).toBinary(), "binary");
  }

  offer(name: OfferName, id = 1): void {
    this.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp: offerText(name), id }) });
  }

  /** Goes away without a word. */
  vanish(): void {
    this.connection.onClosed();
  }

  #onData(data: Uint8Array | string): void {
    const response =
      typeof data === "string" ? SignalResponse.fromJsonString(data) : SignalResponse.fromBinary(data);
    if (response.message.case !== undefined) this.messages.push(response.message as Message);
  }
}

export const MICROPHONE = new AddTrackRequest({
  cid: "mic",
  name: "mic",
  type: TrackType.AUDIO,
  source: TrackSource.MICROPHONE,
});
export const CAMERA = new AddTrackRequest({
  cid: "cam",
  name: "cam",
  type: TrackType.VIDEO,
  source: TrackSource.CAMERA,
  width: 1280,
  height: 720,
});
