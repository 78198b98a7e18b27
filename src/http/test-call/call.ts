/** A call from joining to leaving: polls the room, keeps a session for each participant, and shows them. */
import { endBy, REMOVED, untilAdmitted, type Waiting } from "./admission.ts";
import { FrameSealing } from "./frame-sealing.ts";
import { HostControls } from "./host-controls.ts";
import { OwnParticipant, type PublishOptions } from "./own-participant.ts";
import { byId, setText, showBanner } from "./page-elements.ts";
import { deriveRoomKey } from "./room-keys.ts";
import {
  ApiError,
  type Participant,
  type RoomState,
  ServerApi,
  type Subscription,
  type Track,
} from "./server-api.ts";
import type { LayerChoice, TileReport, Voice } from "./tile.ts";
import { WatchedParticipant } from "./watched-participant.ts";

export interface CallSettings extends PublishOptions {
  readonly room: string;
  readonly name: string;
  /** Under which this tab may just have left the room. */
  readonly earlierIdentity: string | undefined;
  readonly passphrase: string;
  /** Whether videos are requested in the size of their tiles. */
  readonly fit: boolean;
  readonly media: MediaStream;
  /** Whether to come as a host of the room. */
  readonly isHost: boolean;
  readonly waiting: Waiting;
  /** Told when others have ended it for this participant. `reason`: a sentence for the user. */
  readonly onEnd: (reason: string) => void;
}

/** Larger: new participants appear later. Smaller: more requests; the server allows each address fifty a second. */
const POLL_MS = 1_000;
/** Layers are read with every n-th poll. */
const POLLS_PER_SUBSCRIPTIONS = 2;
/** Pause after a transient error. */
const RETRY_MS = 3_000;
/** Reading the statistics of one connection costs about a millisecond. */
const REFRESH_MS = 400;

const NO_ROOM: RoomState = { participants: [], dominantSpeaker: null, locked: false, lobby: false };

export class Call {
  readonly room: string;
  readonly #api: ServerApi;
  readonly #sealing: FrameSealing;
  readonly #own: OwnParticipant;
  readonly #host: HostControls | null;
  readonly #media: MediaStream;
  readonly #fit: boolean;
  readonly #others = new Map<string, WatchedParticipant>();
  readonly #ending = new AbortController();
  readonly #onEnd: (reason: string) => void;
  /** Whether all was well at the last request. After a failure the server may have been restarted. */
  #isServerSame: boolean;
  #tracks: readonly Track[] = [];
  #subscriptions: readonly Subscription[] = [];
  #polls = 0;

  private constructor(
    api: ServerApi,
    sealing: FrameSealing,
    own: OwnParticipant,
    { room, media, fit, onEnd }: CallSettings,
    isIn: boolean,
  ) {
    this.#host = api.isHost ? new HostControls(api) : null;
    this.#media = media;
    this.#isServerSame = isIn;
    this.#fit = fit;
    this.#onEnd = onEnd;
    this.room = room;
    this.#api = api;
    this.#sealing = sealing;
    this.#own = own;
  }

  /**
   * Waits in the lobby where there is one. Throws `ApiError` when the room cannot be joined at all, or the reason of the
   * signal that ends the waiting. Camera and microphone are then released.
   */
  static async join(settings: CallSettings): Promise<Call> {
    let sealing: FrameSealing | undefined;
    try {
      const made = new FrameSealing(await deriveRoomKey(settings.passphrase, settings.room));
      sealing = made;
      const call = await untilAdmitted(() => Call.#enter(settings, made), settings.waiting);
      void call.#every(POLL_MS, () => call.#followRoom());
      void call.#every(REFRESH_MS, async () => void (await call.tiles()));
      return call;
    } catch (error) {
      sealing?.end();
      for (const track of settings.media.getTracks()) track.stop();
      throw error;
    }
  }

  static async #enter(settings: CallSettings, sealing: FrameSealing): Promise<Call> {
    const { room, media, codec, sealed, isHost } = settings;
    const identity = await freeIdentity(settings);
    const api = await ServerApi.join(room, identity, isHost);
    const own = new OwnParticipant(identity, api, sealing, media, { codec, sealed });
    try {
      await own.keepPresent();
      return new Call(api, sealing, own, settings, true);
    } catch (error) {
      if (error instanceof ApiError && error.isPassing) return new Call(api, sealing, own, settings, false);
      await own.leave();
      throw error;
    }
  }

  get identity(): string {
    return this.#own.identity;
  }

  /** Reads and shows the current statistics. */
  tiles(): Promise<TileReport[]> {
    return Promise.all([this.#own, ...this.#others.values()].map((one) => one.refresh()));
  }

  async setLayers(identity: string, choice: LayerChoice): Promise<void> {
    await this.#others.get(identity)?.choose(choice);
  }

  setEnabled(kind: "audio" | "video", enabled: boolean): void {
    this.#own.setEnabled(kind, enabled);
  }

  async leave(): Promise<void> {
    this.#ending.abort();
    showBanner("room", null);
    const others = [...this.#others.values()];
    this.#others.clear();
    await Promise.all([this.#own, ...others].map((one) => one.leave()));
    for (const track of this.#media.getTracks()) track.stop();
    this.#sealing.end();
  }

  async #every(ms: number, run: () => Promise<void>): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const waitMs = await run().then(
        () => ms,
        () => RETRY_MS,
      );
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  async #followRoom(): Promise<void> {
    try {
      const reason = this.#own.wasEnded ? await this.#reasonOfEnd() : null;
      if (this.#ending.signal.aborted) return;
      if (reason !== null) return this.#onEnd(reason);
      await this.#own.keepPresent();
      const room = await this.#readRoom();
      if (this.#ending.signal.aborted) return;
      this.#keepOnly(room.participants.map((one) => one.identity));
      for (const one of [this.#own, ...this.#others.values()]) one.showVoice(voiceOf(one.identity, room));
      await this.#own.follow(this.#tracksOf(this.identity));
      await this.#host?.follow(room);
      // Removed meanwhile, perhaps: to watch again would be to join again.
      if (this.#own.wasEnded) return;
      await Promise.all([...this.#others.values()].map((one) => this.#follow(one)));
      showBanner("room", null);
      this.#isServerSame = true;
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const end = endBy(error, this.#isServerSame);
      if (end !== null) return this.#onEnd(end);
      this.#isServerSame = false;
      showBanner("room", error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /**
   * After the server has ended our session: null when we are to enter again. Without the room, the server is about to
   * stop; when it is back, others may have been faster than us.
   */
  async #reasonOfEnd(): Promise<string | null> {
    if (!this.#isServerSame) return null;
    const room = await this.#api.room();
    if (room === undefined) return null;
    const own = room.participants.find(({ identity }) => identity === this.identity);
    if (own === undefined) return REMOVED;
    return own.tracks.length > 0 ? "Somebody else has joined under your name." : null;
  }

  async #readRoom(): Promise<RoomState> {
    try {
      const room = await this.#api.room();
      if (room === undefined) return NO_ROOM;
      const published = room.participants.flatMap((one) => one.tracks);
      const tracks = published.length > 0 ? await this.#api.tracks() : [];
      this.#tracks = tracks.filter((track) => published.includes(track.id));
      if (this.#polls++ % POLLS_PER_SUBSCRIPTIONS === 0) {
        const all = await this.#api.subscriptions();
        this.#subscriptions = all.filter(({ subscriber }) => subscriber === this.identity);
      }
      return room;
    } catch (error) {
      // The room ended between our requests.
      if (error instanceof ApiError && error.code === "room_not_found") return NO_ROOM;
      throw error;
    }
  }

  async #follow(one: WatchedParticipant): Promise<void> {
    try {
      await one.follow(this.#tracksOf(one.identity), this.#subscriptions);
    } catch (error) {
      // They left between our two requests: the next poll will not list them.
      if (error instanceof ApiError && error.code.endsWith("_not_found")) return;
      throw error;
    }
  }

  #tracksOf(identity: string): Track[] {
    return this.#tracks.filter((track) => track.participant === identity);
  }

  #keepOnly(identities: readonly string[]): void {
    for (const identity of identities) {
      if (identity === this.identity || this.#others.has(identity)) continue;
      this.#others.set(identity, new WatchedParticipant(identity, this.#api, this.#sealing, this.#fit));
    }
    for (const [identity, one] of this.#others) {
      if (identities.includes(identity)) continue;
      this.#others.delete(identity);
      one.remove();
    }
    this.#showCount(this.#others.size + 1);
  }

  #showCount(people: number): void {
    setText(byId("people"), people === 1 ? "only you" : `${people} people`);
    byId("alone").hidden = people > 1;
    const count = Math.max(2, people);
    byId("tiles").dataset.count = count > 4 ? "many" : String(count);
  }
}

function voiceOf(identity: string, { participants, dominantSpeaker }: RoomState): Voice {
  if (identity === dominantSpeaker) return "dominant";
  const isSpeaking = participants.some((one) => one.identity === identity && one.speaking);
  return isSpeaking ? "speaking" : "silent";
}

/**
 * An identity is one participant, however many use it: a second Ada becomes "Ada 2". Who reloads the page stays Ada,
 * although the server keeps those who have left for some seconds. A room that is closed to Ada has none in it.
 */
async function freeIdentity({ room, name, isHost, earlierIdentity }: CallSettings): Promise<string> {
  const api = await ServerApi.join(room, name, isHost);
  const state = await api.room().catch((error: unknown) => {
    if (error instanceof ApiError && error.isRefusal) return undefined;
    throw error;
  });
  const { participants } = state ?? NO_ROOM;
  const hasLeft = ({ identity, tracks }: Participant) => identity === earlierIdentity && tracks.length === 0;
  const taken = participants.filter((one) => !hasLeft(one)).map(({ identity }) => identity);
  let identity = name;
  for (let number = 2; taken.includes(identity); number++) identity = `${name} ${number}`;
  return identity;
}
