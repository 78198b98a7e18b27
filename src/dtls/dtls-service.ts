/**
 * All associations of the DTLS thread, with one message port per media thread. A letter about an unknown transport is
 * ignored: it may have ended while the letter was under way. Whatever goes wrong inside one association ends that
 * association and nothing else.
 */
import type { TransportId } from "../base/ids.ts";
import {
  type DtlsFailure,
  type DtlsThreadEvent,
  type FromDtls,
  type SrtpProfile,
  TAKEN_DATAGRAMS,
  type ToDtls,
} from "../contract/dtls.ts";
import type { Fingerprint } from "../contract/media.ts";
import type { DtlsCertificate } from "./dtls-certificate.ts";
import { TokenBucket } from "./token-bucket.ts";
import { VerifiedDtlsServer } from "./verified-dtls-server.ts";

/** About 4 KB each when secure. More than a machine's media threads can carry; fewer would turn people away. */
const MAX_ASSOCIATIONS = 20_000;

/**
 * Handshakes under way at once, from the first hello with a cookie to the keys: at 4 to 12 ms of computing each, two to
 * six seconds of work, about a client's patience. Those beyond wait at the client, which repeats its hello. Fewer would
 * let peers that stall hold up the others; more would make everyone time out together when all reconnect at once.
 */
const MAX_HANDSHAKES = 512;

/**
 * Datagrams that are processed of an association before it is secure. A handshake takes five to fifteen and each of its
 * retransmissions as many; a peer that sends more is broken or hostile, and every datagram delays the others.
 */
const INSECURE_DATAGRAMS = { burst: 100, perSecond: 20 };

const US_PER_SECOND = 1_000_000;

/** Where the application data of secure associations goes. */
export interface DataLink {
  onSecure(transportId: TransportId, send: (payload: Uint8Array) => void): void;
  onData(transportId: TransportId, payload: Uint8Array): void;
  onClosed(transportId: TransportId): void;
}

export interface DtlsServiceSettings {
  readonly certificate: DtlsCertificate;
  /** The first is preferred. */
  readonly srtpProfiles: readonly SrtpProfile[];
  readonly data: DataLink;
  readonly nowUs: () => number;
  readonly report: (event: DtlsThreadEvent) => void;
  readonly maxAssociations?: number;
  readonly maxHandshakes?: number;
  /** Called when `needsClock` becomes true: `tick` must then be called while it is. */
  readonly onPending?: () => void;
}

interface Association {
  readonly server: VerifiedDtlsServer;
  readonly budget: TokenBucket;
  /** When the first datagram arrived; undefined before that. */
  startedUs: number | undefined;
  /** Datagrams taken that the media thread has not been told of. */
  taken: number;
  isAdmitted: boolean;
  isSecure: boolean;
}

type Letterbox = Pick<MessagePort, "postMessage">;

/** The state of one media thread's port. */
interface Mailbox {
  readonly associations: Map<TransportId, Association>;
  /** Letters to send at the end of this turn. */
  outgoing: FromDtls[];
}

export class DtlsService {
  readonly #settings: Required<DtlsServiceSettings>;
  readonly #byPort = new Map<Letterbox, Mailbox>();
  /** Associations that have had a datagram and are not secure yet: only these need the clock. */
  readonly #pending = new Set<Association>();
  #associations = 0;
  #handshakes = 0;

  constructor(settings: DtlsServiceSettings) {
    this.#settings = {
      maxAssociations: MAX_ASSOCIATIONS,
      maxHandshakes: MAX_HANDSHAKES,
      onPending: () => {},
      ...settings,
    };
  }

  get associations(): number {
    return this.#associations;
  }

  get needsClock(): boolean {
    return this.#pending.size > 0;
  }

  /** Serves a media thread's port; its associations end when the port closes. */
  connect(port: MessagePort): void {
    this.#byPort.set(port, { associations: new Map(), outgoing: [] });
    port.onmessage = (event: MessageEvent) => {
      for (const letter of event.data as readonly ToDtls[]) this.#receive(port, letter);
    };
    port.addEventListener("close", () => this.#disconnect(port));
  }

  /** Runs retransmissions and timeouts. */
  tick(): void {
    const nowUs = this.#settings.nowUs();
    for (const association of this.#pending) {
      this.#guarded(association, () => association.server.tick(nowUs));
    }
  }

  #disconnect(port: Letterbox): void {
    const mailbox = this.#byPort.get(port);
    for (const transportId of mailbox?.associations.keys() ?? []) this.#close(port, transportId);
    this.#byPort.delete(port);
  }

  #receive(port: Letterbox, letter: ToDtls): void {
    if (letter.kind === "open") this.#open(port, letter.transportId, letter.fingerprints);
    else if (letter.kind === "datagram") this.#onDatagram(port, letter.transportId, letter.bytes);
    else this.#close(port, letter.transportId);
  }

  #open(port: Letterbox, transportId: TransportId, fingerprints: readonly Fingerprint[]): void {
    const associations = this.#byPort.get(port)?.associations;
    if (associations === undefined || associations.has(transportId)) return;
    if (this.#associations >= this.#settings.maxAssociations) {
      this.#post(port, { kind: "failed", transportId, reason: "too_busy" });
      this.#settings.report({ kind: "handshake", outcome: "too_busy", seconds: 0 });
      return;
    }
    const { certificate, srtpProfiles, nowUs, data } = this.#settings;
    const association: Association = {
      server: new VerifiedDtlsServer(
        { certificate, fingerprints, srtpProfiles, admit: () => this.#admit(association) },
        {
          // A copy: cloning a view would clone the whole buffer under it.
          send: (bytes) => this.#post(port, { kind: "datagram", transportId, bytes: new Uint8Array(bytes) }),
          secure: (keys) => {
            this.#post(port, { kind: "secure", transportId, keys });
            this.#onOutcome(association, "ok");
            data.onSecure(transportId, (payload) => {
              this.#guarded(association, () => association.server.send(payload));
            });
          },
          data: (payload) => data.onData(transportId, payload),
          failed: (reason) => {
            this.#post(port, { kind: "failed", transportId, reason });
            this.#onOutcome(association, reason);
            this.#remove(port, transportId);
          },
          closed: () => {
            this.#post(port, { kind: "closed", transportId });
            this.#remove(port, transportId);
          },
        },
      ),
      budget: new TokenBucket(nowUs(), INSECURE_DATAGRAMS),
      startedUs: undefined,
      taken: 0,
      isAdmitted: false,
      isSecure: false,
    };
    associations.set(transportId, association);
    this.#associations += 1;
  }

  #onDatagram(port: Letterbox, transportId: TransportId, bytes: Uint8Array): void {
    const association = this.#byPort.get(port)?.associations.get(transportId);
    if (association === undefined) return;
    association.taken += 1;
    if (association.taken === TAKEN_DATAGRAMS) {
      this.#post(port, { kind: "taken", transportId, datagrams: TAKEN_DATAGRAMS });
      association.taken = 0;
    }
    const nowUs = this.#settings.nowUs();
    if (!association.isSecure && !association.budget.spend(nowUs)) return;
    if (association.startedUs === undefined) {
      association.startedUs = nowUs;
      this.#pending.add(association);
      this.#settings.onPending();
    }
    this.#guarded(association, () => association.server.receive(nowUs, bytes));
  }

  #close(port: Letterbox, transportId: TransportId): void {
    const association = this.#byPort.get(port)?.associations.get(transportId);
    if (association === undefined) return;
    this.#guarded(association, () => association.server.close());
    this.#remove(port, transportId);
  }

  #guarded(association: Association, act: () => void): void {
    try {
      act();
    } catch {
      association.server.abort();
    }
  }

  #admit(association: Association): boolean {
    if (this.#handshakes >= this.#settings.maxHandshakes) return false;
    this.#handshakes += 1;
    association.isAdmitted = true;
    return true;
  }

  /** The handshake has succeeded or failed, or a secure association has ended. */
  #onOutcome(association: Association, outcome: "ok" | DtlsFailure): void {
    if (association.isSecure) return;
    association.isSecure = outcome === "ok";
    this.#endHandshake(association);
    const nowUs = this.#settings.nowUs();
    const seconds = (nowUs - (association.startedUs ?? nowUs)) / US_PER_SECOND;
    this.#settings.report({ kind: "handshake", outcome, seconds });
  }

  #endHandshake(association: Association): void {
    this.#pending.delete(association);
    if (association.isAdmitted) this.#handshakes -= 1;
    association.isAdmitted = false;
  }

  #remove(port: Letterbox, transportId: TransportId): void {
    const association = this.#byPort.get(port)?.associations.get(transportId);
    if (association === undefined) return;
    this.#byPort.get(port)!.associations.delete(transportId);
    this.#associations -= 1;
    this.#endHandshake(association);
    this.#settings.data.onClosed(transportId);
  }

  #post(port: Letterbox, letter: FromDtls): void {
    const mailbox = this.#byPort.get(port);
    if (mailbox === undefined) return;
    if (mailbox.outgoing.length === 0) setImmediate(() => flush(port, mailbox));
    mailbox.outgoing.push(letter);
  }
}

function flush(port: Letterbox, mailbox: Mailbox): void {
  port.postMessage(mailbox.outgoing);
  mailbox.outgoing = [];
}
