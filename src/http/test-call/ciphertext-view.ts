/**
 * What the server sees of a stream: the bytes that it forwards, as a picture and as a hex dump, and the facts in
 * headers.
 */
import type { FrameSighting } from "./e2ee-messages.ts";
import { element } from "./page-elements.ts";

/** Size of the hex dump. */
const ROWS = 6;
const ROW_BYTES = 16;

/** What the unencrypted headers say. */
export interface HeaderFacts {
  readonly codec: string | null;
  /** With simulcast, the encoding of the frame, such as "high"; null with a single encoding. */
  readonly encoding: string | null;
  /** In [0, 1], from the RTP header extension of RFC 6464; null without a microphone. */
  readonly audioLevel: number | null;
}

/** Interval of repaints for users who prefer reduced motion. */
const CALM_PAINT_MS = 5_000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class CiphertextView {
  readonly #canvas: HTMLCanvasElement;
  readonly #facts: HTMLElement;
  readonly #dump: HTMLElement;
  /** One byte a pixel, the newest last: the picture scrolls upwards as frames arrive. */
  readonly #bytes: Uint8Array;
  #paintedMs = Number.NEGATIVE_INFINITY;

  constructor(tile: HTMLElement, name: string) {
    this.#canvas = element(tile, "canvas", HTMLCanvasElement);
    this.#canvas.setAttribute("aria-label", `Video of ${name} as the server has it: noise`);
    this.#facts = element(tile, "dl", HTMLElement);
    this.#dump = element(tile, "pre", HTMLElement);
    this.#bytes = new Uint8Array(this.#canvas.width * this.#canvas.height);
  }

  show(sighting: FrameSighting, headers: HeaderFacts): void {
    const { head } = sighting;
    this.#bytes.copyWithin(0, head.length);
    this.#bytes.set(head.subarray(0, this.#bytes.length), this.#bytes.length - head.length);
    this.#paint();
    this.#dump.textContent = hexDump(head);
    this.#list(factsOf(sighting, headers));
  }

  #paint(): void {
    const nowMs = performance.now();
    if (calm.matches && nowMs - this.#paintedMs < CALM_PAINT_MS) return;
    this.#paintedMs = nowMs;
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const image = context.createImageData(this.#canvas.width, this.#canvas.height);
    for (let at = 0; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at]!;
      // The page's green, as bright as the byte is large.
      image.data[at * 4] = byte * 0.42;
      image.data[at * 4 + 1] = byte * 0.72;
      image.data[at * 4 + 2] = byte * 0.62;
      image.data[at * 4 + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  #list(facts: readonly (readonly [string, string])[]): void {
    const rows = facts.flatMap(([name, value]) => [text("dt", name), text("dd", value)]);
    this.#facts.replaceChildren(...rows);
  }
}

function factsOf(sighting: FrameSighting, { codec, encoding, audioLevel }: HeaderFacts): [string, string][] {
  const { frameBytes, gapMs, keyFrame, spatial, temporal, ssrc, width, height } = sighting;
  const size = width && height ? `${width} × ${height}` : null;
  const frame = `${frameBytes.toLocaleString("en")} bytes, ${keyFrame ? "key" : "delta"}, after ${gapMs.toFixed(0)} ms`;
  const layer = [
    encoding !== null && `encoding ${encoding}`,
    // VP8 and H264 have no spatial layers: browsers always report 0.
    (codec === "VP9" || codec === "AV1") && spatial !== null && `spatial ${spatial}`,
    temporal !== null && `temporal ${temporal}`,
  ];
  const facts: [string, string][] = [
    ["Video", [codec, size].filter(Boolean).join(", ") || "unknown"],
    ["Frame", frame],
    ["Layer", layer.filter(Boolean).join(", ") || "only one"],
    ["SSRC", ssrc === null ? "unknown" : `0x${ssrc.toString(16).padStart(8, "0")}`],
  ];
  if (audioLevel !== null) facts.push(["Loudness", `${loudnessDb(audioLevel)} dB`]);
  return facts;
}

/** In dBov, as in RFC 6464: a whole number, and -127 for silence. */
function loudnessDb(level: number): number {
  return Math.round(Math.max(-127, 20 * Math.log10(level)));
}

function hexDump(bytes: Uint8Array): string {
  return Array.from({ length: ROWS }, (_, row) => {
    const part = bytes.subarray(row * ROW_BYTES, (row + 1) * ROW_BYTES);
    return Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }).join("\n");
}

function text(tag: "dt" | "dd", content: string): HTMLElement {
  const node = document.createElement(tag);
  node.textContent = content;
  return node;
}
