/** A call from joining to leaving: polls the room, keeps a session for each participant, and shows them. */
import { FrameSealing } from "./frame-sealing.ts";
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

const NO_ROOM: RoomState = { participants: [], dominantSpeaker: null };

export class Call {
  readonly room: string;
  readonly #api: ServerApi;
  readonly #sealing: FrameSealing;
  readonly #own: OwnParticipant;
  readonly #media: MediaStream;
  readonly #fit: boolean;
  readonly #others = new Map<string, WatchedParticipant>();
  readonly #ending = new AbortController();
  readonly #onEnd: (reason: string) => void;
  /** False after a failure until all is well again: the server may have been restarted. */
  #isServerSame = true;
  #tracks: readonly Track[] = [];
  #subscriptions: readonly Subscription[] = [];
  #polls = 0;

  private constructor(
    api: ServerApi,
    sealing: FrameSealing,
    own: OwnParticipant,
    { room, media, fit, onEnd }: CallSettings,
  ) {
    this.#media = media;
    this.#fit = fit;
    this.#onEnd = onEnd;
    this.room = room;
    this.#api = api;
    this.#sealing = sealing;
    this.#own = own;
  }

  /** Throws `ApiError` when the room cannot be joined at all. Camera and microphone are then released. */
  static async join(settings: CallSettings): Promise<Call> {
    try {
      return await Call.#open(settings);
    } catch (error) {
      for (const track of settings.media.getTracks()) track.stop();
      throw error;
    }
  }

  static async #open(settings: CallSettings): Promise<Call> {
    const { room, passphrase, media, codec, sealed } = settings;
    const [roomKey, identity] = await Promise.all([deriveRoomKey(passphrase, room), freeIdentity(settings)]);
    const api = await ServerApi.join(room, identity);
    const sealing = new FrameSealing(roomKey);
    const own = new OwnParticipant(identity, api, sealing, media, { codec, sealed });
    const call = new Call(api, sealing, own, settings);
    try {
      await own.keepPresent();
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing)) {
        await call.leave();
        throw error;
      }
    }
    void call.#every(POLL_MS, () => call.#followRoom());
    void call.#every(REFRESH_MS, async () => void (await call.tiles()));
    return call;
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
      // Removed meanwhile, perhaps: to watch again would be to join again.
      if (this.#own.wasEnded) return;
      await Promise.all([...this.#others.values()].map((one) => this.#follow(one)));
      showBanner("room", null);
      this.#isServerSame = true;
    } catch (error) {
      if (this.#ending.signal.aborted) return;
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
    const room = await this.#api.room();
    if (room === undefined || !this.#isServerSame) return null;
    const own = room.participants.find(({ identity }) => identity === this.identity);
    if (own === undefined) return "You have been removed from the call.";
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
        this.#subscriptions = await this.#api.subscriptions();
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
 * although the server keeps those who have left for some seconds.
 */
async function freeIdentity({ room, name, earlierIdentity }: CallSettings): Promise<string> {
  const api = await ServerApi.join(room, name);
  const { participants } = (await api.room()) ?? NO_ROOM;
  const hasLeft = ({ identity, tracks }: Participant) => identity === earlierIdentity && tracks.length === 0;
  const taken = participants.filter((one) => !hasLeft(one)).map(({ identity }) => identity);
  let identity = name;
  for (let number = 2; taken.includes(identity); number++) identity = `${name} ${number}`;
  return identity;
}
