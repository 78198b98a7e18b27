/**
 * Dependency Descriptor header extension (AV1 RTP specification, appendix A): layers and dependencies of a frame in
 * clear, whatever the codec and however the payload is encrypted.
 *
 *   0                   1                   2
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |S|E| template  |         frame number          |  further fields when longer than 3 bytes
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { readU16, writeU16 } from "../base/bytes.ts";
import { BitReader } from "./bit-reader.ts";
import {
  type DependencyStructure,
  type FrameTemplate,
  MAX_TEMPLATES,
  readStructure,
} from "./dependency-structure.ts";
import type { FrameInfo } from "./frame-info.ts";

const MANDATORY_BYTES = 3;
const MAX_TARGETS = 32;

/** Reads the descriptors of one stream, and keeps the structure that its latest key frame brought. */
export class DependencyDescriptorReader {
  #structure: DependencyStructure | null = null;
  readonly #bits = new BitReader();
  /** Indications of the present frame where it has its own (custom_dtis). */
  readonly #customDtis = new Uint8Array(MAX_TARGETS);

  /**
   * Reads the extension data `packet[at, at + bytes)` into `out`. Returns false, with `out` unspecified, when it is
   * malformed or belongs to a structure that was not received.
   */
  read(packet: Uint8Array, at: number, bytes: number, out: FrameInfo): boolean {
    if (bytes < MANDATORY_BYTES) return false;
    const first = packet[at]!;
    let flags = 0;
    if (bytes > MANDATORY_BYTES) {
      flags = packet[at + MANDATORY_BYTES]! >> 3;
      if (!this.#readExtended(packet, at, bytes, flags)) return false;
    }
    const structure = this.#structure;
    if (structure === null) return false;
    const template =
      structure.templates[((first & 0x3f) + MAX_TEMPLATES - structure.idOffset) % MAX_TEMPLATES];
    if (template === undefined) return false;

    out.startsFrame = (first & 0x80) !== 0;
    out.endsFrame = (first & 0x40) !== 0;
    out.frameNumber = readU16(packet, at + 1);
    out.spatial = template.spatial;
    out.temporal = template.temporal;
    out.structure = structure;
    out.maxSpatial = structure.maxSpatial;
    out.maxTemporal = structure.maxTemporal;
    out.temporalSync = false;
    return this.#readDefinition(template, flags, structure, out);
  }

  /** extended_descriptor_fields(); leaves the reader before frame_dependency_definition(). */
  #readExtended(packet: Uint8Array, at: number, bytes: number, flags: number): boolean {
    const bits = this.#bits;
    bits.reset(packet, at + MANDATORY_BYTES, bytes - MANDATORY_BYTES);
    bits.read(5);
    if ((flags & STRUCTURE_PRESENT) !== 0) {
      const structure = readStructure(bits);
      if (structure === undefined) return false;
      this.#structure = structure;
    }
    if ((flags & ACTIVE_TARGETS_PRESENT) !== 0) {
      if (this.#structure === null) return false;
      bits.read(this.#structure.targets);
    }
    return !bits.overrun;
  }

  /** frame_dependency_definition(): the template's values or the frame's own. */
  #readDefinition(
    template: FrameTemplate,
    flags: number,
    structure: DependencyStructure,
    out: FrameInfo,
  ): boolean {
    const bits = this.#bits;
    out.dtis = template.dtis;
    out.keyframe = template.independent;
    if ((flags & CUSTOM_DTIS) !== 0) {
      for (let target = 0; target < structure.targets; target++) this.#customDtis[target] = bits.read(2);
      out.dtis = this.#customDtis;
    }
    if ((flags & CUSTOM_FDIFFS) !== 0) {
      out.keyframe = true;
      for (let size = bits.read(2); size !== 0; size = bits.read(2)) {
        out.keyframe = false;
        bits.read(4 * size);
      }
    }
    // Chains of the frame's own follow; nothing here reads them.
    return flags === 0 || !bits.overrun;
  }
}

/** The five flags of extended_descriptor_fields(), first bit highest; custom chains (1) are not read. */
const STRUCTURE_PRESENT = 0x10;
const ACTIVE_TARGETS_PRESENT = 0x08;
const CUSTOM_DTIS = 0x04;
const CUSTOM_FDIFFS = 0x02;

/** Overwrites the frame number of the descriptor that starts at `packet[at]`. */
export function writeFrameNumber(packet: Uint8Array, at: number, frameNumber: number): void {
  writeU16(packet, at + 1, frameNumber);
}
