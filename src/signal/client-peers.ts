/**
 * The PeerConnections of one client: one on which it makes all offers, or two, one for each direction. What the session
 * wants of either is the same.
 */
import {
  MediaSectionsRequirement,
  SessionDescription,
  type SignalResponse,
  SignalTarget,
} from "@livekit/protocol";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";
import type { Track } from "../control/track.ts";
import type { Transport } from "../control/transport.ts";
import type { HostCandidate } from "../sdp/ice-attributes.ts";
import type { AcceptedData } from "../sdp/negotiate.ts";
import { AnsweringPeer } from "./answering-peer.ts";
import { DATA_MID, FIRST_ID, OfferingPeer, type ServerOffer } from "./offering-peer.ts";
import type { Publications } from "./publications.ts";
import type { Reception } from "./reception.ts";
import { SectionDemand } from "./section-demand.ts";
import { trickles } from "./trickle.ts";

/** What the connections need of the session around them. */
export interface PeerHost {
  readonly participant: Participant;
  readonly publications: Publications;
  readonly reception: Reception;
  readonly clock: Clock;
  /** Candidates of the thread that a transport is in. */
  candidatesOf(transport: Transport): readonly HostCandidate[];
  send(message: SignalResponse["message"]): void;
  /** Called before what the client receives is described or starts: tracks that have ended meanwhile must not be part of it. */
  catchUp(): void;
  onTransport(transport: Transport): void;
  /** The description has a section for data channels. `opensChannels`: the client waits for ours. */
  onData(transport: Transport, section: AcceptedData, opensChannels: boolean): void;
  /** The client's description cannot be processed. */
  onBroken(error: string, detail: string | undefined): void;
}

export interface ClientPeers {
  /** Whether the client waits for the connection on which it receives. */
  readonly subscriberPrimary: boolean;
  /** The client has joined. */
  start(): void;
  offered(description: SessionDescription): void;
  answered(description: SessionDescription): void;
  want(tracks: readonly Track[]): void;
  /** The signal connection was cut, and is back. */
  resume(): void;
  /** The session is over. */
  end(): void;
}

/**
 * How long a demand for sections may go unanswered. Larger: tracks wait longer when a client does not respond. Smaller: a
 * slow client is taken for one that will not.
 */
const DEMAND_LIMIT_MS = 10_000;

/**
 * How long changes are gathered before they are negotiated: a publisher's tracks come one after the other, and so do people
 * when a meeting begins. Larger: everything is seen later. Smaller: a room that fills makes each of its clients negotiate
 * for each track of each newcomer, with descriptions that grow with the room.
 */
const GATHER_MS = 50;

/**
 * How long a client that has resumed is left to restart ICE, by an offer of its own, before it is asked for one. An offer
 * that is asked for while the other is under way makes LiveKit's Rust SDK (livekit-ffi 0.12.73) hang for good: it offers
 * again in the handling of an answer, under a lock that it holds. Larger: tracks that came meanwhile wait longer where no
 * ICE is restarted. Smaller: clients with long round trips hang.
 */
const RESTART_LIMIT_MS = 5_000;

class Gathering {
  readonly #clock: Clock;
  readonly #negotiate: () => void;
  #cancel: (() => void) | null = null;
  #held = false;
  #ended = false;

  constructor(clock: Clock, negotiate: () => void) {
    this.#clock = clock;
    this.#negotiate = negotiate;
  }

  /** After the end nothing is negotiated any more. */
  soon(): void {
    if (!this.#ended) this.#cancel ??= this.#after(GATHER_MS);
  }

  /** Negotiates after RESTART_LIMIT_MS, or soon after a release. */
  hold(): void {
    this.#clear();
    this.#held = true;
    this.#cancel = this.#after(RESTART_LIMIT_MS);
  }

  release(): void {
    if (this.#held) this.#clear();
    this.soon();
  }

  end(): void {
    this.#ended = true;
    this.#clear();
  }

  #after(delayMs: number): () => void {
    return this.#clock.after(delayMs, () => {
      this.#clear();
      this.#negotiate();
    });
  }

  #clear(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#held = false;
  }
}

export class SinglePeer implements ClientPeers {
  readonly subscriberPrimary = false;
  readonly #host: PeerHost;
  readonly #peer: AnsweringPeer;
  readonly #demand = new SectionDemand();
  readonly #gathering: Gathering;
  #cancelDemandLimit: () => void = () => {};

  constructor(host: PeerHost) {
    this.#host = host;
    this.#gathering = new Gathering(host.clock, () => this.#ask());
    this.#peer = new AnsweringPeer(host, host.reception);
  }

  start(): void {}

  offered(description: SessionDescription): void {
    const { reception } = this.#host;
    const joins = !this.#demand.begun;
    this.#host.catchUp();
    if (!answer(this.#host, this.#peer, description, () => reception.trackIds())) return;
    this.#demand.onOffer(reception.counts());
    if (joins) this.#ask();
    else this.#gathering.release();
  }

  answered(): void {}

  want(tracks: readonly Track[]): void {
    this.#host.reception.want(tracks);
    this.#gathering.soon();
  }

  resume(): void {
    this.#host.reception.plan.forget();
    this.#demand.reset();
    this.#gathering.hold();
  }

  end(): void {
    this.#gathering.end();
    this.#cancelDemandLimit();
  }

  #ask(): void {
    const counts = this.#demand.next(this.#host.reception.plan);
    if (counts === null) return;
    const { audio: numAudios, video: numVideos } = counts;
    this.#host.send({
      case: "mediaSectionsRequirement",
      value: new MediaSectionsRequirement({ numAudios, numVideos }),
    });
    this.#cancelDemandLimit();
    this.#cancelDemandLimit = this.#host.clock.after(DEMAND_LIMIT_MS, () => {
      if (this.#demand.giveUp(counts)) this.#ask();
    });
  }
}

export class DualPeers implements ClientPeers {
  readonly #host: PeerHost;
  readonly #publisher: AnsweringPeer;
  readonly #gathering: Gathering;
  #subscriber: OfferingPeer | null = null;

  constructor(host: PeerHost) {
    this.#host = host;
    this.#gathering = new Gathering(host.clock, () => this.#next());
    this.#publisher = new AnsweringPeer(host, null);
  }

  get subscriberPrimary(): boolean {
    return this.#host.participant.profile.permission.canSubscribe;
  }

  start(): void {
    // The client waits for this connection.
    if (this.subscriberPrimary) this.#open();
    this.#next();
  }

  offered(description: SessionDescription): void {
    answer(this.#host, this.#publisher, description, () => ({}));
  }

  answered({ id, sdp }: SessionDescription): void {
    const subscriber = this.#subscriber;
    this.#host.catchUp();
    const answered = subscriber?.answered(id, sdp);
    if (subscriber === null || answered === undefined) return;
    if (answered.ok) {
      if (answered.value !== null) this.#host.onData(subscriber.transport, answered.value, true);
      this.#gathering.soon();
    } else if (answered.error !== "stale") this.#host.onBroken(answered.error, answered.detail);
  }

  want(tracks: readonly Track[]): void {
    this.#host.reception.want(tracks);
    this.#gathering.soon();
  }

  resume(): void {
    this.#host.catchUp();
    if (this.#subscriber !== null) this.#send(this.#subscriber.restart());
  }

  end(): void {
    this.#gathering.end();
  }

  #open(): void {
    const opened = OfferingPeer.open(this.#host);
    if (!opened.ok) return this.#host.onBroken(opened.error, undefined);
    this.#subscriber = opened.value;
    this.#host.onTransport(opened.value.transport);
  }

  #next(): void {
    this.#host.catchUp();
    const { plan } = this.#host.reception;
    // The client was not allowed to receive anything when it joined.
    if (this.#subscriber === null && plan.missing("audio") + plan.missing("video") > 0) this.#open();
    const offer = this.#subscriber?.next() ?? null;
    if (offer !== null) this.#send(offer);
  }

  #send({ id, sdp }: ServerOffer): void {
    const midToTrackId = this.#host.reception.trackIds();
    this.#host.send({
      case: "offer",
      value: new SessionDescription({ type: "offer", sdp, id, midToTrackId }),
    });
    if (id === FIRST_ID) trickle(this.#host, this.#subscriber!.transport, DATA_MID, SignalTarget.SUBSCRIBER);
  }
}

/** Answers an offer under the id that it has: a client drops answers to any other than its latest. */
function answer(
  host: PeerHost,
  peer: AnsweringPeer,
  { id, sdp }: SessionDescription,
  trackIds: () => Record<string, string>,
): boolean {
  const answered = peer.answer(sdp);
  if (!answered.ok) {
    host.onBroken(answered.error, answered.detail);
    return false;
  }
  host.send({
    case: "answer",
    value: new SessionDescription({ type: "answer", sdp: answered.value.sdp, id, midToTrackId: trackIds() }),
  });
  host.publications.onAnswered();
  const { opened } = answered.value;
  if (opened !== null) trickle(host, opened.transport, opened.mid, SignalTarget.PUBLISHER);
  return true;
}

function trickle(host: PeerHost, transport: Transport, mid: string, target: SignalTarget): void {
  for (const value of trickles(host.candidatesOf(transport), mid, target)) {
    host.send({ case: "trickle", value });
  }
}
