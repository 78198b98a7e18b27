/** Another participant in the room: their WHEP session, frame counts, and tile. */
import type { CodecName, MediaKind } from "../../base/codec.ts";
import type { HeaderFacts } from "./ciphertext-view.ts";
import type { FrameCounts, StreamReport } from "./e2ee-messages.ts";
import { encryptionMark, type MarkState } from "./encryption-mark.ts";
import type { FrameSealing } from "./frame-sealing.ts";
import { HostMenu } from "./host-menu.ts";
import { MediaSession } from "./media-session.ts";
import { NO_STATISTICS, StatisticsReader } from "./received-statistics.ts";
import { addReceiver } from "./receiving.ts";
import type { PixelSize, ServerApi, Subscription, Track } from "./server-api.ts";
import {
  LAYER_NAMES,
  type LayerChoice,
  layerText,
  PREFERENCES,
  Tile,
  type TileReport,
  type Voice,
} from "./tile.ts";

interface Watching {
  readonly session: MediaSession;
  readonly statistics: StatisticsReader;
  /** The kinds that were declared unencrypted when the session was opened: a change needs other transforms. */
  readonly unsealed: string;
  readonly audioReceiver: RTCRtpReceiver;
}

/** Instead of the picture: what to do about it. */
const TROUBLES: Partial<Record<MarkState, string>> = {
  undecryptable: "The passphrase is another one here. Join by the invite link of somebody in the call.",
  foreign: "Only the application that sealed this can show it.",
};

const KINDS: readonly MediaKind[] = ["video", "audio"];

export class WatchedParticipant {
  readonly identity: string;
  readonly #tile: Tile;
  readonly #api: ServerApi;
  readonly #sealing: FrameSealing;
  readonly #menu: HostMenu | null;
  readonly #counts = new Map<MediaKind, FrameCounts>();
  #tracks: readonly Track[] = [];
  #watching: Watching | undefined;
  #isOpening = false;
  #isGone = false;
  #detach: () => void = () => {};
  #subscription: Subscription | undefined;
  #statistics = NO_STATISTICS;
  #choice: LayerChoice = "auto";
  /** Whether the server is told the size of the tile. */
  readonly #fit: boolean;

  constructor(identity: string, api: ServerApi, sealing: FrameSealing, fit: boolean) {
    this.#fit = fit;
    this.identity = identity;
    this.#api = api;
    this.#sealing = sealing;
    this.#tile = new Tile(identity, false);
    this.#menu = api.isHost ? new HostMenu(this.#tile.root, identity, api) : null;
    this.#tile.onLayerChoice((choice) => void this.choose(choice).catch(() => {}));
  }

  /** Applies the room's state of this participant. Opens or reopens the session when needed. Throws `ApiError`. */
  async follow(tracks: readonly Track[], subscriptions: readonly Subscription[]): Promise<void> {
    this.#tracks = tracks;
    this.#menu?.follow(tracks);
    this.#subscription = subscriptions.find((one) => one.publisher === this.identity && one.kind === "video");
    await this.#keepWatching();
    await this.#tellVisible();
  }

  async choose(choice: LayerChoice): Promise<void> {
    this.#choice = choice;
    this.#tile.showLayerChoice(choice);
    if (this.#subscription === undefined) return;
    await this.#api.prefer(this.#subscription.id, { ...PREFERENCES[choice], visible: this.#visible });
  }

  showVoice(voice: Voice): void {
    this.#tile.showVoice(voice);
  }

  /** Reads the browser's statistics and shows them. */
  async refresh(): Promise<TileReport> {
    const watching = this.#watching;
    if (watching !== undefined && !watching.session.isOver) {
      this.#statistics = await watching.statistics.received();
    }
    const hasVideo = this.#tracks.some((track) => track.kind === "video" && !track.muted);
    // Of a video that has ended or was muted the browser goes on to report the last size.
    if (!hasVideo) this.#statistics = { ...this.#statistics, frameWidth: 0, frameHeight: 0 };
    const { frameWidth, framesDecoded } = this.#statistics;
    const mark = encryptionMark(
      this.#tracks.map(({ kind, encryption }) => ({ declared: encryption, counts: this.#counts.get(kind) })),
    );
    const layer = this.#subscription?.current ?? null;
    this.#tile.showMark(mark);
    this.#tile.showStatistics(this.#statistics, layerText(layer));
    const trouble = TROUBLES[mark.state] ?? "";
    this.#tile.showPicture(hasVideo && framesDecoded > 0 && frameWidth > 0 && trouble === "", trouble);
    return {
      ...this.#statistics,
      identity: this.identity,
      own: false,
      mark: mark.state,
      voice: this.#tile.voice,
      framesDecrypted: this.#sumOf("good"),
      framesDecryptFailed: this.#sumOf("failed"),
      layer,
      connectionState: watching?.session.connection.connectionState ?? "none",
    };
  }

  async leave(): Promise<void> {
    this.#isGone = true;
    this.#tile.remove();
    await this.#stop();
  }

  /** They have left, which ended the session on the server. */
  remove(): void {
    this.#isGone = true;
    this.#tile.remove();
    this.#detach();
    this.#watching?.session.connection.close();
  }

  async #keepWatching(): Promise<void> {
    const tracks = this.#tracks;
    const isStale = this.#watching?.session.isOver || this.#watching?.unsealed !== unsealedKinds(tracks);
    if (this.#isOpening || !isStale || tracks.length === 0) return;
    this.#isOpening = true;
    try {
      await this.#stop();
      await this.#watch();
    } finally {
      this.#isOpening = false;
    }
  }

  async #stop(): Promise<void> {
    this.#detach();
    const watching = this.#watching;
    this.#watching = undefined;
    this.#counts.clear();
    this.#statistics = NO_STATISTICS;
    await watching?.session.close();
  }

  async #watch(): Promise<void> {
    const connection = new RTCPeerConnection();
    const [video, audio] = KINDS.map((kind) => addReceiver(connection, kind)) as [
      RTCRtpReceiver,
      RTCRtpReceiver,
    ];
    const detachers = [video, audio].map((receiver) => this.#openFramesOf(receiver));
    this.#detach = () => {
      for (const detach of detachers) detach();
    };
    const post = (offer: string) => this.#api.watch(this.identity, offer);
    const unsealed = unsealedKinds(this.#tracks);
    const session = await MediaSession.open(connection, this.#api, post);
    if (this.#isGone) return session.close();
    const statistics = new StatisticsReader(connection);
    this.#watching = { session, statistics, unsealed, audioReceiver: audio };
    this.#tile.play(new MediaStream([video.track, audio.track]));
  }

  /** Frames must open unless the track was declared unencrypted: an unknown track counts as encrypted. */
  #openFramesOf(receiver: RTCRtpReceiver): () => void {
    const kind = receiver.track.kind as MediaKind;
    const track = this.#tracks.find((one) => one.kind === kind);
    const mode = track?.encryption === "none" ? "pass" : "open";
    const codec = (track?.codec ?? null) as CodecName | null;
    const onReport = (report: StreamReport): void => this.#onReport(kind, report);
    return this.#sealing.attach(receiver, mode, { identity: this.identity, kind }, codec, onReport);
  }

  /** The size in which the video is shown. */
  get #visible(): PixelSize | null {
    return this.#fit && this.#choice === "auto" ? this.#tile.size : null;
  }

  /** Sends the size to the server when it has changed, with the polls of the room, not at every step of a resize. */
  async #tellVisible(): Promise<void> {
    const [visible, told] = [this.#visible, this.#subscription?.preference.visible];
    if (visible === null || this.#subscription === undefined) return;
    if (visible.width === told?.width && visible.height === told.height) return;
    await this.#api.prefer(this.#subscription.id, { visible });
  }

  #sumOf(count: "good" | "failed"): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts[count], 0);
  }

  #onReport(kind: MediaKind, { counts, sighting }: StreamReport): void {
    this.#counts.set(kind, counts);
    if (kind !== "video" || sighting === null) return;
    this.#tile.ciphertext.show(sighting, this.#headerFacts());
  }

  #headerFacts(): HeaderFacts {
    const track = this.#tracks.find((one) => one.kind === "video");
    const isSimulcast = track?.layers?.some(({ rid }) => rid !== "") === true;
    const spatial = this.#subscription?.current?.spatial;
    return {
      codec: track?.codec ?? null,
      encoding: isSimulcast && spatial !== undefined ? (LAYER_NAMES[spatial] ?? null) : null,
      audioLevel: this.#watching?.audioReceiver.getSynchronizationSources()[0]?.audioLevel ?? null,
    };
  }
}

function unsealedKinds(tracks: readonly Track[]): string {
  return KINDS.filter((kind) => tracks.some((one) => one.kind === kind && one.encryption === "none")).join();
}
