/** What headers say about the frame that a packet belongs to: the only input of layer selection. */
import { type DependencyStructure, DTI, MAX_TARGETS } from "./dependency-structure.ts";

const NO_DTIS = new Uint8Array(0);

export class FrameInfo {
  spatial = 0;
  temporal = 0;
  /**
   * An intra frame whose first packet brings what a receiver needs to start here (with the Dependency Descriptor, the
   * structure). Under SVC only the base layer of a key picture is one.
   */
  keyframe = false;
  startsFrame = false;
  endsFrame = false;
  /** Only without a structure: from here on frames of this temporal layer refer to no older frame above the base layer. */
  temporalSync = false;
  /** DD frame number, or -1. */
  frameNumber = -1;
  /**
   * Highest layers of the active decode targets: falls when an encoder short of bandwidth stops its upper layers. From payload
   * descriptors: what the packet itself shows.
   */
  maxSpatial = 0;
  maxTemporal = 0;
  /** Lowest spatial layer of the active decode targets, with which pictures begin; 0 from payload descriptors. */
  minSpatial = 0;
  /** Of the Dependency Descriptor; null where layers were read from a payload descriptor. */
  structure: DependencyStructure | null = null;
  /** Indication for each decode target of `structure`: those of its template, or `customDtis`. */
  dtis: Uint8Array = NO_DTIS;
  /** Room for a frame's own indications (custom_dtis). */
  readonly customDtis = new Uint8Array(MAX_TARGETS);

  /** As if nothing were known: one layer, no key frame. */
  reset(): void {
    this.spatial = 0;
    this.temporal = 0;
    this.keyframe = false;
    this.startsFrame = false;
    this.endsFrame = false;
    this.temporalSync = false;
    this.frameNumber = -1;
    this.maxSpatial = 0;
    this.maxTemporal = 0;
    this.minSpatial = 0;
    this.structure = null;
  }

  /** There was a Dependency Descriptor, but its structure was lost or it is malformed: the layers are unknown. */
  get isUnknown(): boolean {
    return this.structure === null && this.frameNumber >= 0;
  }

  /** Whether a receiver of these layers needs the frame. */
  isPresentFor(spatial: number, temporal: number): boolean {
    if (this.structure === null) return this.spatial <= spatial && this.temporal <= temporal;
    return this.dtis[this.structure.target(spatial, temporal)] !== DTI.notPresent;
  }

  /** Whether a receiver that has this frame can decode these layers from here on. */
  isSwitchPointFor(spatial: number, temporal: number): boolean {
    if (this.keyframe) return true;
    if (this.structure === null) return this.temporalSync && this.temporal <= temporal;
    return this.dtis[this.structure.target(spatial, temporal)] === DTI.switch;
  }
}
