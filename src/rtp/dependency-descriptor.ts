/**
 * Dependency Descriptor header extension (AV1 RTP specification, appendix A): layers and dependencies of a frame, readable
 * whatever the codec and however the payload is encrypted.
 *
 *   0                   1                   2
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |S|E| template  |         frame number          |  further fields when longer than 3 bytes
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { readU16, writeU16 } from "../base/bytes.ts";
import { seqDelta } from "../base/sequence.ts";
import { BitReader } from "./bit-reader.ts";
import {
  type DependencyStructure,
  type FrameTemplate,
  MAX_TEMPLATES,
  readStructure,
} from "./dependency-structure.ts";
import type { FrameInfo } from "./frame-info.ts";

const MANDATORY_BYTES = 3;

/** The five flags of extended_descriptor_fields(), first bit highest. */
const STRUCTURE_PRESENT = 0x10;
const ACTIVE_TARGETS_PRESENT = 0x08;
const CUSTOM_DTIS = 0x04;
const CUSTOM_FDIFFS = 0x02;
const CUSTOM_CHAINS = 0x01;

/**
 * A frame numbered up to this much below the one that brought the current structure is late (reordered or retransmitted), and
 * does not replace it. About a second of three spatial layers, as long as a NACK repairs. More would ignore a publisher that
 * restarts its numbers; fewer would let an old key frame replace the structure of a newer one.
 */
const LATE_FRAMES = 128;

/** Reads the descriptors of one stream, and keeps the template structure of its latest key frame. */
export class DependencyDescriptorReader {
  #structure: DependencyStructure | null = null;
  /**
   * Number of the frame that brought the structure, or the active decode targets if those came later; once that is more than
   * LATE_FRAMES ago, of the frame as long ago, because 2^16 frames later a new number would look like one just before it.
   */
  #stateFrame = 0;
  #activeTargets = 0;
  readonly #bits = new BitReader();

  /**
   * Reads the extension data `packet[at, at + bytes)` into `out`. Returns false when it is malformed or refers to a structure
   * that was not received: `out` then has the mandatory fields alone, if those are there.
   */
  read(packet: Uint8Array, at: number, bytes: number, out: FrameInfo): boolean {
    const isRead = bytes >= MANDATORY_BYTES && this.#readAll(packet, at, bytes, out);
    if (!isRead) {
      out.reset();
      if (bytes >= MANDATORY_BYTES) readMandatory(packet, at, out);
    }
    return isRead;
  }

  #readAll(packet: Uint8Array, at: number, bytes: number, out: FrameInfo): boolean {
    const bits = this.#bits;
    bits.reset(packet, at + MANDATORY_BYTES, bytes - MANDATORY_BYTES);
    const flags = bytes > MANDATORY_BYTES ? bits.read(5) : 0;
    const attached = (flags & STRUCTURE_PRESENT) !== 0;
    const structure = attached ? readStructure(bits) : this.#structure;
    if (structure === null) return false;

    let activeTargets = attached ? structure.allTargets : this.#activeTargets;
    if ((flags & ACTIVE_TARGETS_PRESENT) !== 0) activeTargets = bits.read(structure.targets);
    const template = structure.templates[(packet[at]! - structure.idOffset) & (MAX_TEMPLATES - 1)];
    if (template === undefined) return false;

    readMandatory(packet, at, out);
    out.spatial = template.spatial;
    out.temporal = template.temporal;
    out.temporalSync = false;
    out.structure = structure;
    out.maxSpatial = structure.maxSpatialOf(activeTargets);
    out.maxTemporal = structure.maxTemporalOf(activeTargets);
    out.minSpatial = structure.minSpatialOf(activeTargets);
    this.#readDefinition(template, flags, structure, out);
    // A receiver that starts here needs the structure, so a frame without one does not count as a key frame.
    if (out.startsFrame && !attached) out.keyframe = false;
    if (bits.overrun) return false;
    if ((flags & (STRUCTURE_PRESENT | ACTIVE_TARGETS_PRESENT)) !== 0)
      this.#keep(structure, activeTargets, out.frameNumber);
    if (seqDelta(this.#stateFrame, out.frameNumber) > LATE_FRAMES)
      this.#stateFrame = (out.frameNumber - LATE_FRAMES) & 0xffff;
    return true;
  }

  /** frame_dependency_definition(): the template's values or the frame's own. */
  #readDefinition(
    template: FrameTemplate,
    flags: number,
    structure: DependencyStructure,
    out: FrameInfo,
  ): void {
    const bits = this.#bits;
    out.dtis = template.dtis;
    out.keyframe = template.independent;
    if ((flags & CUSTOM_DTIS) !== 0) {
      for (let target = 0; target < structure.targets; target++) out.customDtis[target] = bits.read(2);
      out.dtis = out.customDtis;
    }
    if ((flags & CUSTOM_FDIFFS) !== 0) {
      out.keyframe = true;
      for (let size = bits.read(2); size !== 0; size = bits.read(2)) {
        out.keyframe = false;
        bits.read(4 * size);
      }
    }
    if ((flags & CUSTOM_CHAINS) !== 0) for (let chain = 0; chain < structure.chains; chain++) bits.read(8);
  }

  #keep(structure: DependencyStructure, activeTargets: number, frameNumber: number): void {
    const age = seqDelta(frameNumber, this.#stateFrame);
    if (this.#structure !== null && age > 0 && age <= LATE_FRAMES) return;
    this.#structure = structure;
    this.#activeTargets = activeTargets;
    this.#stateFrame = frameNumber;
  }
}

/** mandatory_descriptor_fields(), which need no structure. */
function readMandatory(packet: Uint8Array, at: number, out: FrameInfo): void {
  const first = packet[at]!;
  out.startsFrame = (first & 0x80) !== 0;
  out.endsFrame = (first & 0x40) !== 0;
  out.frameNumber = readU16(packet, at + 1);
}

/** Overwrites the frame number of the descriptor that starts at `packet[at]`. */
export function writeFrameNumber(packet: Uint8Array, at: number, frameNumber: number): void {
  writeU16(packet, at + 1, frameNumber);
}
