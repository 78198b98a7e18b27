/**
 * One client from its first request to its end. Every failure becomes a counted reason, never a hang.
 *
 *   waiting ──join()──▶ joining ──secure (publisher), first media (subscriber)──▶ joined
 *                          └───────────────────────▶ failed ◀──────────────────────┘
 */
import { randomBytes } from "node:crypto";
import type { SrtpProfile } from "../../src/contract/dtls.ts";
import type { IceCredentials } from "../../src/contract/media.ts";
import type { DtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import type { Meter } from "../measure/meter.ts";
import { MediaLink } from "./media-link.ts";
import { Publisher, type PublisherReport } from "./publisher.ts";
import { type Answer, readAnswer } from "./session-answer.ts";
import { publishOffer, type VideoMode, watchOffer } from "./session-offer.ts";
import { RequestFailed, type Signalling } from "./signalling.ts";
import { Subscriber, type SubscriberReport } from "./subscriber.ts";

/** Longer than two retries of a key frame. */
const MEDIA_LIMIT_US = 10_000_000;

export interface ClientSpec {
  /** Index in the whole run, by which stamps identify the publisher. */
  readonly index: number;
  readonly room: string;
  readonly identity: string;
  readonly role:
    | { readonly kind: "publisher" }
    /** How many tracks it has sections for, and which kind is to be expected. */
    | {
        readonly kind: "subscriber";
        readonly audios: number;
        readonly videos: number;
        /** Whether it sends transport-wide feedback. */
        readonly feedback: boolean;
        readonly expects: "audio" | "video" | "nothing";
      };
  /** After the run's start. */
  readonly startMs: number;
}

export interface ClientSettings {
  readonly serverHost: string;
  readonly video: VideoMode;
  readonly audio: boolean;
  readonly bitratesBps: readonly number[];
  readonly framesPerSecond: number;
  readonly profiles: readonly SrtpProfile[];
}

export interface ClientTools {
  readonly settings: ClientSettings;
  readonly signalling: Signalling;
  readonly certificate: DtlsCertificate;
  readonly ciphers: SrtpCipherFactory;
  readonly meter: Meter;
  readonly clock: () => number;
}

export interface ClientFailure {
  readonly reason: string;
  readonly detail: string;
  readonly afterJoin: boolean;
}

/** Milliseconds since the client's own start; null for steps that did not happen. */
export interface JoinTimes {
  readonly answeredMs: number | null;
  readonly connectedMs: number | null;
  readonly secureMs: number | null;
  readonly firstMediaMs: number | null;
}

export interface ClientReport {
  readonly spec: ClientSpec;
  readonly failure: ClientFailure | null;
  readonly join: JoinTimes;
  readonly published: PublisherReport | null;
  readonly watched: SubscriberReport | null;
  readonly refused: number;
  readonly replayed: number;
}

type State = "waiting" | "joining" | "joined" | "failed";

export class LoadClient {
  readonly spec: ClientSpec;
  readonly #tools: ClientTools;
  #state: State = "waiting";
  #failure: ClientFailure | null = null;
  #startedUs = 0;
  #answeredUs = 0;
  #secureUs = 0;
  #token = "";
  #location = "";
  #link: MediaLink | null = null;
  #publisher: Publisher | null = null;
  #subscriber: Subscriber | null = null;
  #isQuiet = false;

  constructor(spec: ClientSpec, tools: ClientTools) {
    this.spec = spec;
    this.#tools = tools;
  }

  get state(): State {
    return this.#state;
  }

  /** Local UDP port; 0 without one. */
  get port(): number {
    return this.#link?.port ?? 0;
  }

  /** Never rejects. */
  async join(): Promise<void> {
    const { clock, settings } = this.#tools;
    this.#state = "joining";
    this.#startedUs = clock();
    try {
      const ice: IceCredentials = { ufrag: random(6), pwd: random(24) };
      const text = await this.#openSession(ice);
      this.#answeredUs = clock();
      this.#openLink(ice, readAnswer(text, settings.serverHost));
    } catch (error) {
      const reason = error instanceof RequestFailed ? error.reason : "bad_answer";
      this.#fail(reason, (error as Error).message);
    }
  }

  tick(nowUs: number): void {
    if (this.#state !== "joining" && this.#state !== "joined") return;
    this.#link?.tick(nowUs);
    if (this.#secureUs === 0) return;
    if (!this.#isQuiet) this.#publisher?.tick(nowUs);
    this.#subscriber?.tick(nowUs);
    if (this.#state === "joining") this.#awaitMedia(nowUs);
  }

  /** Stops publishing; packets under way may still be repaired. */
  quiet(): void {
    this.#isQuiet = true;
  }

  report(): ClientReport {
    const sinceStartMs = (us: number): number | null => (us === 0 ? null : (us - this.#startedUs) / 1000);
    return {
      spec: this.spec,
      failure:
        this.#failure ??
        (this.#state === "joined" ? null : { reason: `still_${this.#state}`, detail: "", afterJoin: false }),
      join: {
        answeredMs: sinceStartMs(this.#answeredUs),
        connectedMs: sinceStartMs(this.#link?.connectedUs ?? 0),
        secureMs: sinceStartMs(this.#secureUs),
        firstMediaMs: sinceStartMs(this.#firstMediaUs),
      },
      published: this.#publisher?.report() ?? null,
      watched: this.#subscriber?.report() ?? null,
      refused: this.#link?.refused ?? 0,
      replayed: this.#link?.replayed ?? 0,
    };
  }

  async leave(): Promise<void> {
    this.#link?.close();
    if (this.#location !== "") await this.#tools.signalling.end(this.#location, this.#token);
  }

  /** Disappears without closing the session. */
  vanish(): void {
    this.#link?.close(true);
  }

  get #firstMediaUs(): number {
    const { role } = this.spec;
    if (this.#subscriber === null || role.kind !== "subscriber") return 0;
    return role.expects === "video" ? this.#subscriber.firstVideoUs : this.#subscriber.firstMediaUs;
  }

  async #openSession(ice: IceCredentials): Promise<string> {
    const { signalling, certificate, settings } = this.#tools;
    const { room, identity, role } = this.spec;
    const local = { ice, fingerprint: certificate.fingerprint };
    const [protocol, offer] =
      role.kind === "publisher"
        ? (["whip", publishOffer(local, settings.video, settings.audio)] as const)
        : (["whep", watchOffer(local, role)] as const);
    this.#token = await signalling.token(room, identity);
    const session = await signalling.open(`/${protocol}/${encodeURIComponent(room)}`, this.#token, offer);
    this.#location = session.location;
    return session.answer;
  }

  #openLink(localIce: IceCredentials, answer: Answer): void {
    const { settings, certificate, ciphers, clock, meter } = this.#tools;
    const { address, port, ice: remoteIce } = answer;
    const { profiles } = settings;
    const link = new MediaLink(
      { address, port, localIce, remoteIce, certificate, profiles, ciphers, clock },
      {
        onSecure: (nowUs) => this.#onSecure(nowUs),
        onRtp: (bytes, length, header, nowUs) => this.#subscriber?.receiveRtp(bytes, length, header, nowUs),
        onRtcp: (bytes, length, nowUs) => {
          this.#publisher?.receiveRtcp(bytes, length, nowUs);
          this.#subscriber?.receiveRtcp(bytes, length, nowUs);
        },
        onFailed: (reason, detail) => this.#fail(reason, detail),
      },
    );
    this.#link = link;
    if (this.spec.role.kind === "subscriber") this.#subscriber = new Subscriber(link, answer, meter);
    else this.#publisher = new Publisher({ link, publisher: this.spec.index, meter, clock, ...settings });
  }

  #onSecure(nowUs: number): void {
    this.#secureUs = nowUs;
    this.#publisher?.start(nowUs);
    this.#subscriber?.start(nowUs);
    const { role } = this.spec;
    if (role.kind === "publisher" || role.expects === "nothing") this.#state = "joined";
  }

  #awaitMedia(nowUs: number): void {
    if (this.#firstMediaUs !== 0) this.#state = "joined";
    else if (nowUs - this.#secureUs > MEDIA_LIMIT_US) this.#fail("no_media", "nothing came");
  }

  #fail(reason: string, detail: string): void {
    if (this.#state === "failed") return;
    this.#failure = { reason, detail, afterJoin: this.#state === "joined" };
    this.#state = "failed";
    this.#link?.close();
  }
}

function random(bytes: number): string {
  return randomBytes(bytes).toString("base64").replaceAll("=", "");
}
