/** One participant on the screen. */
import { CiphertextView } from "./ciphertext-view.ts";
import type { Mark, MarkState } from "./encryption-mark.ts";
import { byId, element, playSound } from "./page-elements.ts";
import type { MediaStatistics } from "./received-statistics.ts";
import type { LayerPreference, Layers, PixelSize } from "./server-api.ts";

/** Speech as the server detects it from audio levels. `dominant`: speaks, or spoke last. */
export type Voice = "silent" | "speaking" | "dominant";

const VOICE_TEXTS: Record<Voice, string> = { silent: "", speaking: "speaking", dominant: "main speaker" };

export type LayerChoice = "auto" | "high" | "mid" | "low" | "pause";

/** Higher than any that exist, which stands for the highest available. */
const TOP: Layers = { spatial: 3, temporal: 7 };
const atMost = (spatial: number): Partial<LayerPreference> => {
  const layers = { ...TOP, spatial };
  return { paused: false, preferred: layers, maximum: layers };
};

/** `auto` leaves the choice to the server, which knows the size of the tile; the others are limits for any size. */
export const PREFERENCES: Record<LayerChoice, Partial<LayerPreference>> = {
  auto: atMost(TOP.spatial),
  high: atMost(2),
  mid: atMost(1),
  low: atMost(0),
  pause: { paused: true },
};

/** A tile's state in `window.blindfold`. Frames are those of audio and video together. */
export interface TileReport extends MediaStatistics {
  readonly identity: string;
  readonly own: boolean;
  readonly mark: MarkState;
  readonly voice: Voice;
  /** In one's own tile: sealed, and not sent because they could not be sealed. */
  readonly framesDecrypted: number;
  readonly framesDecryptFailed: number;
  /** Layer that the server sends; null when none, or not known. */
  readonly layer: Layers | null;
  readonly connectionState: RTCPeerConnectionState | "none";
}

/** Names in the tile's layer choice, by spatial layer or encoding. */
export const LAYER_NAMES = ["low", "medium", "high"];

export class Tile {
  readonly root: HTMLElement;
  readonly video: HTMLVideoElement;
  /** Apart from the video: Chromium plays the sound of an element with a video track only from its first picture on. */
  readonly #sound = new Audio();
  readonly ciphertext: CiphertextView;
  readonly #mark: HTMLElement;
  readonly #markText: HTMLElement;
  readonly #facts: HTMLElement;
  readonly #meter: HTMLMeterElement;
  readonly #voiceText: HTMLElement;
  readonly #trouble: HTMLElement;
  readonly #layers: HTMLSelectElement;

  constructor(identity: string, own: boolean) {
    const template = element(document, "template#tile", HTMLTemplateElement);
    const fragment = template.content.cloneNode(true) as DocumentFragment;
    this.root = element(fragment, ".tile", HTMLElement);
    this.root.dataset.identity = identity;
    this.root.dataset.own = String(own);
    this.root.dataset.picture = "false";
    this.root.dataset.voice = "silent";
    this.root.setAttribute("aria-label", own ? `${identity} (you)` : identity);
    this.video = element(this.root, "video", HTMLVideoElement);
    this.video.muted = true;
    this.ciphertext = new CiphertextView(this.root, identity);
    this.#mark = element(this.root, ".mark", HTMLElement);
    this.#markText = element(this.#mark, "span", HTMLElement);
    this.#facts = element(this.root, ".facts", HTMLElement);
    this.#meter = element(this.root, "meter", HTMLMeterElement);
    this.#voiceText = element(this.root, ".voice", HTMLElement);
    this.#trouble = element(this.root, ".trouble", HTMLElement);
    this.#layers = element(this.root, ".layers", HTMLSelectElement);
    this.#layers.hidden = own;
    element(this.root, ".name", HTMLElement).textContent = own ? `${identity} (you)` : identity;
    element(this.root, ".initials", HTMLElement).textContent = initials(identity);
    byId("tiles").insertBefore(this.root, byId("alone"));
  }

  /** Size of the video, in device pixels. */
  get size(): PixelSize {
    const { width, height } = this.video.getBoundingClientRect();
    const pixels = (length: number): number => Math.round(length * devicePixelRatio);
    return { width: pixels(width), height: pixels(height) };
  }

  /** One's own tile is not heard. */
  play(stream: MediaStream): void {
    this.video.srcObject = new MediaStream(stream.getVideoTracks());
    // Rejects when a newer stream replaces this one.
    void this.video.play().catch(() => {});
    if (this.root.dataset.own === "true") return;
    this.#sound.srcObject = new MediaStream(stream.getAudioTracks());
    playSound(this.#sound);
  }

  onLayerChoice(listener: (choice: LayerChoice) => void): void {
    this.#layers.onchange = () => listener(this.#layers.value as LayerChoice);
  }

  showLayerChoice(choice: LayerChoice): void {
    this.#layers.value = choice;
  }

  showMark({ state, text }: Mark): void {
    this.#mark.dataset.state = state;
    this.#markText.textContent = text;
    const symbol = state === "open" ? "#icon-unlocked" : "#icon-lock";
    element(this.#mark, "use", SVGUseElement).setAttribute("href", symbol);
  }

  /** `trouble`: why there is no picture, for the user; may be empty. */
  showPicture(has: boolean, trouble: string): void {
    this.root.dataset.picture = String(has);
    this.#trouble.textContent = trouble;
  }

  get voice(): Voice {
    return this.root.dataset.voice as Voice;
  }

  /** In words too, for users who cannot see the coloured frame. */
  showVoice(voice: Voice): void {
    this.root.dataset.voice = voice;
    this.#voiceText.textContent = VOICE_TEXTS[voice];
  }

  showStatistics(statistics: MediaStatistics, layerText: string): void {
    const { frameWidth, frameHeight, framesPerSecond, bitrateBps, audioLevel } = statistics;
    const size = frameWidth === 0 ? "" : `${frameWidth} × ${frameHeight}`;
    const rate = frameWidth === 0 ? "" : `${framesPerSecond} fps`;
    const bits = bitrateBps === 0 ? "" : rateText(bitrateBps);
    this.#facts.textContent = [size, rate, bits, layerText].filter(Boolean).join("  ·  ");
    // Loudness is perceived logarithmically: a square root brings speech to the middle of the meter.
    this.#meter.value = Math.sqrt(audioLevel);
  }

  remove(): void {
    this.video.srcObject = null;
    this.#sound.srcObject = null;
    this.root.remove();
  }
}

/** The layers that the server sends of a participant: all temporal layers up to one. */
export function layerText(layers: Layers | null): string {
  if (layers === null) return "";
  const temporal = layers.temporal === 0 ? "T0" : `T0–${layers.temporal}`;
  return `${LAYER_NAMES[layers.spatial] ?? layers.spatial} ${temporal}`;
}

function rateText(bitrateBps: number): string {
  if (bitrateBps >= 1_000_000) return `${(bitrateBps / 1_000_000).toFixed(1)} Mbit/s`;
  return `${Math.round(bitrateBps / 1000)} kbit/s`;
}

function initials(name: string): string {
  return name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0] ?? "")
    .join("")
    .toUpperCase();
}
