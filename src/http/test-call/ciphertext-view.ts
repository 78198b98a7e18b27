/**
 * What the server sees of a stream: a picture and a dump made of the bytes that it forwards, and the facts that
 * headers tell it.
 */
import type { FrameSighting } from "./e2ee-messages.ts";
import { element } from "./page-elements.ts";

/** Of the hex dump. */
const ROWS = 6;
const ROW_BYTES = 16;

export class CiphertextView {
  readonly #canvas: HTMLCanvasElement;
  readonly #facts: HTMLElement;
  readonly #dump: HTMLElement;
  /** One byte a pixel, the newest last: the picture rolls upwards as frames arrive. */
  readonly #bytes: Uint8Array;

  constructor(tile: HTMLElement, name: string) {
    this.#canvas = element(tile, "canvas", HTMLCanvasElement);
    this.#canvas.setAttribute("aria-label", `Video of ${name} as the server has it: noise`);
    this.#facts = element(tile, "dl", HTMLElement);
    this.#dump = element(tile, "pre", HTMLElement);
    this.#bytes = new Uint8Array(this.#canvas.width * this.#canvas.height);
  }

  /** `audioLevelDb`: of the RTP header extension (RFC 6464), which is in the clear; null when not known. */
  show(sighting: FrameSighting, codec: string | null, audioLevelDb: number | null): void {
    const { head } = sighting;
    this.#bytes.copyWithin(0, head.length);
    this.#bytes.set(head.subarray(0, this.#bytes.length), this.#bytes.length - head.length);
    this.#paint();
    this.#dump.textContent = hexDump(head);
    this.#list(factsOf(sighting, codec, audioLevelDb));
  }

  #paint(): void {
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

function factsOf(
  { frameBytes, gapMs, keyFrame, spatial, temporal, ssrc, width, height }: FrameSighting,
  codec: string | null,
  audioLevelDb: number | null,
): [string, string][] {
  const layer = [spatial !== null && `spatial ${spatial}`, temporal !== null && `temporal ${temporal}`];
  return [
    ["Codec", codec ?? "unknown"],
    ["Frame", `${frameBytes.toLocaleString("en")} bytes, ${keyFrame ? "key frame" : "delta frame"}`],
    ["Resolution", width === null || height === null || width === 0 ? "not said" : `${width} × ${height}`],
    ["Layer", layer.filter(Boolean).join(", ") || "only one"],
    ["After", `${gapMs.toFixed(0)} ms`],
    ["SSRC", ssrc === null ? "unknown" : `0x${ssrc.toString(16).padStart(8, "0")}`],
    ["Loudness", audioLevelDb === null ? "not said" : `${audioLevelDb.toFixed(0)} dB`],
  ];
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
