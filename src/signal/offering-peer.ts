/**
 * A PeerConnection on which a client only receives, and of which the server makes all offers (the second connection of
 * clients before single PeerConnections). One offer is under way at a time; what changes meanwhile goes into the next.
 */
import type { MediaKind } from "../base/codec.ts";
import { fail, ok, type Result } from "../control/result.ts";
import type { Transport } from "../control/transport.ts";
import { type AcceptedData, negotiate, type TransportFacts } from "../sdp/negotiate.ts";
import { MAX_SECTIONS, parseDescription } from "../sdp/parse.ts";
import { type OfferSection, writeOffer } from "../sdp/write-offer.ts";
import type { PeerHost } from "./client-peers.ts";
import { DescriptionIds } from "./description-ids.ts";
import type { Reception } from "./reception.ts";

export interface ServerOffer {
  readonly id: number;
  readonly sdp: string;
}

export type AnswerError = "stale" | "bad_description" | "changed_identity";
export type OpenError = "no_capacity" | "too_many_transports" | "left";

/** The section for data channels comes first: with it the connection can start when there is nothing to receive yet. */
export const DATA_MID = "0";

export const FIRST_ID = 1;

export class OfferingPeer {
  readonly #host: PeerHost;
  readonly #transport: Transport;
  readonly #reception: Reception;
  readonly #ids = new DescriptionIds();
  readonly #sections: { readonly kind: MediaKind; readonly mid: string }[] = [];
  /** Id of the offer that has not been answered. */
  #pendingId: number | null = null;
  #lastId = FIRST_ID - 1;

  private constructor(host: PeerHost, transport: Transport) {
    this.#host = host;
    this.#transport = transport;
    this.#reception = host.reception;
  }

  static open(host: PeerHost): Result<OfferingPeer, OpenError> {
    const { participant } = host;
    const opened = participant.openTransport(participant.profile.permission, null);
    return opened.ok ? ok(new OfferingPeer(host, opened.value)) : opened;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Whether a further section would make the answer longer than we read. */
  get #full(): boolean {
    return this.#sections.length + 1 >= MAX_SECTIONS;
  }

  /** What to offer now; null when there is nothing to say, or the last offer has not been answered. */
  next(): ServerOffer | null {
    if (this.#pendingId !== null) return null;
    const { plan } = this.#reception;
    const grows = !this.#full && plan.missing("audio") + plan.missing("video") > 0;
    return this.#lastId < FIRST_ID || plan.unsettled || grows ? this.#offer() : null;
  }

  /** The signal connection has resumed: a pending offer is lost, and the network path may be another. */
  restart(): ServerOffer {
    this.#reception.plan.forget();
    const { remote } = this.#transport;
    if (remote !== null) this.#transport.restartIce(remote.remoteIce);
    return this.#offer();
  }

  /** Returns the section for data channels, which is null when the client takes none. */
  answered(id: number, sdp: string): Result<AcceptedData | null, AnswerError> & { readonly detail?: string } {
    // Old clients do not repeat the id.
    if (this.#pendingId === null || (id !== 0 && id !== this.#pendingId)) return fail("stale");
    this.#pendingId = null;
    const parsed = parseDescription(sdp);
    if (!parsed.ok) return { ...fail("bad_description"), detail: parsed.error };
    const negotiation = negotiate(parsed.description, {
      useOf: ({ direction }) => (direction === "recvonly" || direction === "sendrecv" ? "down" : "none"),
      data: true,
    });
    if (!negotiation.ok) return { ...fail("bad_description"), detail: negotiation.error };
    const { transport, media, data } = negotiation.outcome;
    if (!this.#follow(transport)) return fail("changed_identity");
    for (const { use, kind, mid, codecs } of media) {
      if (use !== "down") continue;
      this.#reception.negotiated({ kind, mid, payloads: codecs.map(({ payload }) => payload) });
    }
    this.#reception.plan.confirm();
    this.#reception.start();
    return ok(data);
  }

  #offer(): ServerOffer {
    for (const kind of ["audio", "video"] as const) this.#grow(kind);
    const senders = this.#reception.describe();
    const media = this.#sections.map(
      ({ kind, mid }): OfferSection => ({ kind, mid, sender: senders.get(mid) }),
    );
    this.#lastId += 1;
    this.#pendingId = this.#lastId;
    const { localIce, server } = this.#transport;
    const sdp = writeOffer({
      ...this.#ids.next(),
      local: {
        ice: localIce,
        fingerprint: server.fingerprint,
        candidates: this.#host.candidatesOf(this.#transport),
      },
      sections: [{ kind: "application", mid: DATA_MID }, ...media],
    });
    return { id: this.#lastId, sdp };
  }

  #grow(kind: MediaKind): void {
    for (let missing = this.#reception.plan.missing(kind); missing > 0; missing--) {
      const section = { kind, mid: String(this.#sections.length + 1) };
      if (this.#full) return;
      // What the client takes of it is known when it has answered.
      this.#reception.addSection(this.#transport, { ...section, payloads: [] });
      this.#sections.push(section);
    }
  }

  #follow(remote: TransportFacts): boolean {
    const transport = this.#transport;
    const known = transport.remote;
    if (known === null) {
      transport.connect(remote);
      return true;
    }
    const isSamePeer = remote.fingerprints.every(({ value }) =>
      known.fingerprints.some((one) => one.value === value),
    );
    return isSamePeer && transport.addExtensions(remote.extensions);
  }
}
