/** Results of a simulated call: for each viewer of each publisher, and for each link. Times in seconds of the call. */
import type { Conference } from "./conference.ts";
import { freezesOf } from "./freezes.ts";
import type { SimViewer } from "./sim-viewer.ts";

const US_PER_SECOND = 1_000_000;
/** `layerOfSecond` of a second in which nothing was shown. */
export const NOTHING = -1;

/** What one participant received of another. */
export interface ViewReport {
  readonly viewer: string;
  readonly publisher: string;
  /** Frames received completely, and those begun and never completed. */
  readonly framesComplete: number;
  readonly framesLost: number;
  readonly picturesShown: number;
  /** Time until the first picture; Infinity when there was none. */
  readonly firstPictureS: number;
  readonly freezes: { readonly count: number; readonly totalS: number; readonly longestS: number };
  /** By second of the call: received rate of the video, including headers and retransmissions. */
  readonly bitrateBps: readonly number[];
  /** By second of the call: the encoding or spatial layer shown last in it, or NOTHING. */
  readonly layerOfSecond: readonly number[];
  /** Share of the call in which each layer was shown, lowest first; a picture is shown until the next. */
  readonly layerShare: readonly number[];
  /** Share of audio packets that were never received. */
  readonly audioLoss: number;
  /** PLIs that the viewer sent. */
  readonly plis: number;
}

/** The access link of one participant. */
export interface LinkReport {
  /** 95th percentile, over time, of the queueing delay at its downlink bottleneck. */
  readonly queueP95Us: number;
  readonly overflowed: number;
  readonly lost: number;
}

export class CallReport {
  readonly views: readonly ViewReport[];
  readonly #conference: Conference;
  readonly #startUs: number;
  readonly #queues: ReadonlyMap<string, readonly number[]>;

  /** `queues`: by name, queueing delays at the downlink bottleneck, sampled at equal intervals. */
  constructor(conference: Conference, startUs: number, queues: ReadonlyMap<string, readonly number[]>) {
    this.#conference = conference;
    this.#startUs = startUs;
    this.#queues = queues;
    this.views = conference.people.flatMap((viewer) =>
      conference.people
        .filter((publisher) => viewer.views.has(`audio ${publisher.name}`))
        .map((publisher) => this.#view(viewer.name, publisher.name)),
    );
  }

  view(viewer: string, publisher: string): ViewReport {
    const view = this.views.find((one) => one.viewer === viewer && one.publisher === publisher);
    if (view === undefined) throw new Error(`${viewer} does not watch ${publisher}`);
    return view;
  }

  link(name: string): LinkReport {
    const { down } = this.#conference.seat(name);
    const waits = [...this.#queues.get(name)!].sort((a, b) => a - b);
    const queueP95Us = waits[Math.floor(0.95 * (waits.length - 1))] ?? 0;
    return { queueP95Us, overflowed: down.counts.overflowed, lost: down.counts.lost };
  }

  /** When the publisher received PLIs, for each of its streams, lowest encoding first. */
  plisTo(name: string): number[][] {
    const { encodings, plis } = this.#conference.seat(name).peer.publisher;
    return encodings.map(({ ssrc }) =>
      plis.filter((pli) => pli.ssrc === ssrc).map(({ atUs }) => this.#seconds(atUs)),
    );
  }

  /** A human-readable table with a row for each view. */
  text(): string {
    const rows = this.views.map((view) => {
      const { totalS, longestS, count } = view.freezes;
      const layers = view.layerShare.map((share) => `${Math.round(100 * share)} %`).join(" / ");
      const bps = view.bitrateBps.reduce((sum, one) => sum + one, 0) / Math.max(1, view.bitrateBps.length);
      return (
        `${view.viewer} watches ${view.publisher}: ${view.framesComplete} frames (${view.framesLost} lost), ` +
        `${count} freezes of ${totalS.toFixed(2)} s (longest ${longestS.toFixed(2)}), ${Math.round(bps / 1000)} kbit/s, ` +
        `layers ${layers}, audio loss ${(100 * view.audioLoss).toFixed(1)} %, ${view.plis} PLIs, ` +
        `queue p95 ${Math.round(this.link(view.viewer).queueP95Us / 1000)} ms`
      );
    });
    return rows.join("\n");
  }

  #view(viewer: string, publisher: string): ViewReport {
    const { peer } = this.#conference.seat(viewer);
    const { numbers } = peer.view("audio", publisher).viewer;
    const audioLoss = numbers.count === 0 ? 1 : numbers.gaps / (numbers.gaps + numbers.count);
    const video = peer.views.get(`video ${publisher}`)?.viewer;
    return { viewer, publisher, audioLoss, ...this.#video(video) };
  }

  #video(viewer: SimViewer | undefined): Omit<ViewReport, "viewer" | "publisher" | "audioLoss"> {
    const { nowUs } = this.#conference;
    const shown = viewer?.decoder.shown ?? [];
    const complete = viewer?.assembler.complete.length ?? 0;
    const freezes = freezesOf(
      shown.map(({ atUs }) => atUs),
      nowUs,
    );
    const durations = freezes.map(({ durationUs }) => durationUs / US_PER_SECOND);
    return {
      framesComplete: complete,
      framesLost: (viewer?.assembler.begun ?? 0) - complete,
      picturesShown: shown.length,
      firstPictureS: shown.length === 0 ? Number.POSITIVE_INFINITY : this.#seconds(shown[0]!.atUs),
      freezes: {
        count: durations.length,
        totalS: durations.reduce((sum, one) => sum + one, 0),
        longestS: Math.max(0, ...durations),
      },
      bitrateBps: this.#bySecond((second) => 8 * (viewer?.bytesOfSecond[second] ?? 0)),
      ...this.#layers(shown),
      plis: viewer?.keyframes.requests ?? 0,
    };
  }

  #layers(shown: SimViewer["decoder"]["shown"]): Pick<ViewReport, "layerOfSecond" | "layerShare"> {
    const { nowUs } = this.#conference;
    const layerOfSecond = this.#bySecond(() => NOTHING);
    const layerShare = [0, 0, 0];
    shown.forEach(({ atUs, layer }, i) => {
      layerOfSecond[Math.floor(this.#seconds(atUs))] = layer;
      layerShare[layer]! += ((shown[i + 1]?.atUs ?? nowUs) - atUs) / (nowUs - this.#startUs);
    });
    return { layerOfSecond, layerShare };
  }

  /** `of` for each whole second of the call; its argument is the second of the clock. */
  #bySecond(of: (second: number) => number): number[] {
    const first = this.#startUs / US_PER_SECOND;
    const seconds = Math.floor(this.#seconds(this.#conference.nowUs));
    return Array.from({ length: seconds }, (_, i) => of(first + i));
  }

  #seconds(us: number): number {
    return (us - this.#startUs) / US_PER_SECOND;
  }
}
