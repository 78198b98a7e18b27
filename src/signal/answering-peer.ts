/**
 * A PeerConnection on which the client makes all offers: for what it publishes and, where the client has only this one,
 * what it receives. Every offer is negotiated as a whole and answered at once, so that no state can get out of step.
 */
import { fail, ok, type Result } from "../control/result.ts";
import type { RemoteSide, Transport } from "../control/transport.ts";
import { type AcceptedMedia, type NegotiationOutcome, negotiate } from "../sdp/negotiate.ts";
import type { Use } from "../sdp/negotiate-media.ts";
import { parseDescription } from "../sdp/parse.ts";
import type { MediaSection } from "../sdp/session-description.ts";
import { writeAnswer } from "../sdp/write-answer.ts";
import type { PeerHost } from "./client-peers.ts";
import { DescriptionIds } from "./description-ids.ts";
import type { Reception } from "./reception.ts";

export type OfferError =
  | "bad_description"
  | "changed_identity"
  | "no_capacity"
  | "too_many_transports"
  | "left";

export interface Answered {
  readonly sdp: string;
  /** With the first answer: the transport, and the MID of the section that carries it. */
  readonly opened: { readonly transport: Transport; readonly mid: string } | null;
}

export class AnsweringPeer {
  readonly #host: PeerHost;
  readonly #reception: Reception | null;
  readonly #ids = new DescriptionIds();
  #transport: Transport | null = null;

  /** `reception`: null where the client receives on another connection. */
  constructor(host: PeerHost, reception: Reception | null) {
    this.#host = host;
    this.#reception = reception;
  }

  /** `detail` is for the author of the client. */
  answer(offer: string): Result<Answered, OfferError> & { readonly detail?: string } {
    const parsed = parseDescription(offer);
    if (!parsed.ok) return { ...fail("bad_description"), detail: parsed.error };
    const { sections } = parsed.description;
    // A section with port 0 may have no direction, which defaults to sendrecv.
    const sending = sections.filter((section) => !section.rejected && this.#useOf(section) === "up");
    this.#host.publications.match(sending);
    const negotiation = negotiate(parsed.description, {
      useOf: (section) => this.#useOf(section),
      data: true,
      preferenceFor: (section) => this.#host.publications.preferenceFor(section),
    });
    if (!negotiation.ok) return { ...fail("bad_description"), detail: negotiation.error };
    const { outcome } = negotiation;
    const isFirst = this.#transport === null;
    const followed = this.#follow(outcome.transport);
    if (!followed.ok) return followed;
    const sdp = this.#describe(followed.value, outcome);
    return ok({ sdp, opened: isFirst ? { transport: followed.value, mid: outcome.bundle[0].mid } : null });
  }

  #useOf({ direction }: MediaSection): Use {
    if (direction === "inactive") return "none";
    if (direction === "recvonly") return this.#reception === null ? "none" : "down";
    return "up";
  }

  /** Opens the transport, or updates it with what the client's new offer says. */
  #follow(remote: RemoteSide): Result<Transport, OfferError> {
    const transport = this.#transport;
    if (transport === null) return this.#open(remote);
    const { fingerprints, remoteIce } = transport.remote!;
    const isSamePeer = remote.fingerprints.every(({ value }) =>
      fingerprints.some((known) => known.value === value),
    );
    if (!isSamePeer || !transport.addExtensions(remote.extensions)) return fail("changed_identity");
    if (remote.remoteIce.ufrag !== remoteIce.ufrag || remote.remoteIce.pwd !== remoteIce.pwd) {
      transport.restartIce(remote.remoteIce);
    }
    return ok(transport);
  }

  #open(remote: RemoteSide): Result<Transport, OfferError> {
    const { participant } = this.#host;
    const opened = participant.openTransport(participant.profile.permission, remote);
    if (!opened.ok) return opened;
    this.#transport = opened.value;
    this.#host.onTransport(opened.value);
    return opened;
  }

  #describe(transport: Transport, outcome: NegotiationOutcome): string {
    const sectionsFor = (use: Use): AcceptedMedia[] => outcome.media.filter((section) => section.use === use);
    this.#host.publications.onOffer(transport, sectionsFor("up"));
    if (outcome.data !== null) this.#host.onData(transport, outcome.data, false);
    const reception = this.#reception;
    if (reception !== null) {
      reception.plan.confirm();
      reception.setSections(
        transport,
        sectionsFor("down").map(({ kind, mid, codecs }) => ({
          kind,
          mid,
          payloads: codecs.map(({ payload }) => payload),
        })),
      );
    }
    const senders = reception?.describe() ?? new Map();
    const answer = writeAnswer({
      ...this.#ids.next(),
      local: {
        ice: transport.localIce,
        fingerprint: transport.server.fingerprint,
        candidates: this.#host.candidatesOf(transport),
      },
      outcome,
      senders,
    });
    reception?.start();
    return answer;
  }
}
