/**
 * Which packets of a video one receiver gets, decided from headers alone.
 *
 * Two kinds of layered video, one question. *Simulcast*: each spatial layer is an encoding of its own, on its own
 * SSRC; leaving one for another is possible at a key frame of the other. *SVC*: all spatial layers share an SSRC
 * and pictures hold several frames; which frames a decode target needs is said by the Dependency Descriptor.
 */
import { HIGHEST_LAYERS } from "../contract/media.ts";
import type { FrameInfo } from "../rtp/frame-info.ts";

/** `switch`: forward, and restart the numbering from this packet. `other`: of an encoding that is not being sent. */
export type Decision = "other" | "drop" | "forward" | "switch";

export const NO_LAYER = -1;

/** Below any extended sequence number: those before the first packet of a stream may be negative. */
const NEVER = -0x10000;

export interface LayerSelector {
  /** Set from outside; may change at any moment. `NO_LAYER` pauses. */
  targetSpatial: number;
  targetTemporal: number;
  /** What is being sent; `NO_LAYER` until the first key frame. */
  readonly currentSpatial: number;
  readonly currentTemporal: number;
  /** Whether only a key frame (of `targetSpatial`) can bring the receiver to its target. */
  readonly needsKeyframe: boolean;
  /**
   * `encoding` is the index of the UpStream in its track: the spatial layer under simulcast. `extSeq` tells packets of before the
   * latest change, which belong to the layers that were sent at their place. `isLate`: later packets of the encoding have been
   * decided on; at such a frame layers change only if it is a key frame, as those packets may be of pictures begun.
   */
  select(frame: FrameInfo, encoding: number, extSeq: number, isLate: boolean): Decision;
  /** Whether this packet of a key picture would change the spatial layers of the encoding that is being sent. */
  changesAt(frame: FrameInfo): boolean;
  /** Whether this packet is the last of its picture that the receiver gets: the outgoing marker bit. */
  endsPicture(frame: FrameInfo, extSeq: number): boolean;
  /** The encodings have other indices: `indices[former]`. */
  onReorder(indices: readonly number[]): void;
  /** Forgets what was sent: the next packet must start at a key frame. */
  reset(): void;
}

export class SimulcastSelector implements LayerSelector {
  targetSpatial = NO_LAYER;
  targetTemporal = 0;
  #spatial = NO_LAYER;
  #temporal = 0;

  get currentSpatial(): number {
    return this.#spatial;
  }

  get currentTemporal(): number {
    return this.#temporal;
  }

  get needsKeyframe(): boolean {
    return this.targetSpatial !== NO_LAYER && this.#spatial !== this.targetSpatial;
  }

  select(frame: FrameInfo, encoding: number, _extSeq: number, isLate: boolean): Decision {
    if (this.targetSpatial === NO_LAYER) {
      this.#spatial = NO_LAYER;
      return "other";
    }
    if (encoding !== this.#spatial) return this.#trySwitch(frame, encoding);
    // Going down is mostly for lack of bandwidth: until the key frame comes, the old encoding is sent at its lowest rate.
    const temporal = this.targetSpatial < this.#spatial ? 0 : this.targetTemporal;
    if (!isLate || frame.keyframe)
      this.#temporal = followTemporal(frame, frame.spatial, this.#temporal, temporal);
    return frame.isPresentFor(frame.spatial, this.#temporal) ? "forward" : "drop";
  }

  changesAt(_frame: FrameInfo): boolean {
    return false;
  }

  endsPicture(_frame: FrameInfo): boolean {
    return false;
  }

  reset(): void {
    this.#spatial = NO_LAYER;
  }

  onReorder(indices: readonly number[]): void {
    if (this.#spatial !== NO_LAYER) this.#spatial = indices[this.#spatial]!;
  }

  /** Leaves the old encoding only at the first packet of a key frame, so the decoder never starves. */
  #trySwitch(frame: FrameInfo, encoding: number): Decision {
    if (encoding !== this.targetSpatial || !(frame.keyframe && frame.startsFrame)) return "other";
    this.#spatial = encoding;
    this.#temporal = this.targetTemporal;
    return "switch";
  }
}

export class SvcSelector implements LayerSelector {
  targetSpatial = NO_LAYER;
  targetTemporal = 0;
  #spatial = NO_LAYER;
  #temporal = 0;
  /** Lowest and highest spatial layer that the publisher sends: they satisfy any target below or above them. */
  #minSpatial = 0;
  #maxSpatial = 0;
  /** Whether the layers being sent refer to base frames (full SVC): the lower ones continue when the highest ends. */
  #hasBase = false;
  /** The packet at which the spatial layer last changed, and the layers that were sent before it. */
  #changedExtSeq = NEVER;
  #formerSpatial = NO_LAYER;
  #formerTemporal = 0;

  get currentSpatial(): number {
    return this.#spatial;
  }

  get currentTemporal(): number {
    return this.#temporal;
  }

  get needsKeyframe(): boolean {
    if (this.targetSpatial === NO_LAYER) return false;
    if (this.#hasBase && this.#spatial === this.#leastTarget) return false;
    return this.#spatial !== Math.min(this.#leastTarget, this.#maxSpatial);
  }

  select(frame: FrameInfo, _encoding: number, extSeq: number, isLate: boolean): Decision {
    if (this.targetSpatial === NO_LAYER) {
      this.#spatial = NO_LAYER;
      return "other";
    }
    const started = this.#spatial !== NO_LAYER;
    // The receiver may need it once the structure is repaired, but it is no switch point.
    if (frame.isUnknown) return started ? "forward" : "other";
    if (extSeq < this.#changedExtSeq)
      return frame.isPresentFor(this.#formerSpatial, this.#formerTemporal) ? "forward" : "drop";
    const mayChange = frame.startsFrame && (!isLate || frame.keyframe);
    if (mayChange && startsPicture(frame)) this.#startPicture(frame, extSeq);
    if (this.#spatial === NO_LAYER) return "other";
    if (mayChange) this.#tryTemporalUp(frame);
    if (!started) return "switch";
    return this.#wants(frame) ? "forward" : "drop";
  }

  changesAt(frame: FrameInfo): boolean {
    if (this.#spatial === NO_LAYER || this.targetSpatial === NO_LAYER || frame.isUnknown) return false;
    return startsPicture(frame) && nearestLayer(this.targetSpatial, frame) !== this.#spatial;
  }

  endsPicture(frame: FrameInfo, extSeq: number): boolean {
    const spatial = extSeq < this.#changedExtSeq ? this.#formerSpatial : this.#spatial;
    return frame.endsFrame && frame.spatial === spatial && !frame.isUnknown;
  }

  /** Its layers are all in one encoding. */
  onReorder(): void {}

  reset(): void {
    this.#spatial = NO_LAYER;
    this.#changedExtSeq = NEVER;
  }

  #startPicture(frame: FrameInfo, extSeq: number): void {
    const spatial = this.#spatial;
    const temporal = this.#temporal;
    this.#changeLayers(frame);
    if (spatial === NO_LAYER || spatial === this.#spatial) return;
    this.#changedExtSeq = extSeq;
    this.#formerSpatial = spatial;
    this.#formerTemporal = temporal;
  }

  /**
   * Layers change between pictures: anywhere to at a key frame; down in space also where the lower frames have been
   * sent all along (full SVC: this base frame belongs to the present target). In `_KEY` modes they have not.
   */
  #changeLayers(frame: FrameInfo): void {
    // Without a structure a base frame between key pictures mostly shows no layer but its own.
    const saysAll = frame.keyframe || frame.structure !== null;
    if (saysAll || frame.maxSpatial > this.#maxSpatial) this.#maxSpatial = frame.maxSpatial;
    this.#minSpatial = frame.minSpatial;
    if (frame.keyframe) {
      this.#spatial = nearestLayer(this.targetSpatial, frame);
      this.#temporal = this.targetTemporal;
      return;
    }
    if (this.#spatial === NO_LAYER) return;
    this.#hasBase = frame.isPresentFor(this.#spatial, HIGHEST_LAYERS.temporal);
    if (this.#leastTarget < this.#spatial) {
      if (this.#wants(frame)) this.#spatial = this.#leastTarget;
      // Until the key picture comes, the old layer is sent at its lowest rate.
      else this.#temporal = 0;
    }
    this.#temporal = Math.min(this.#temporal, this.targetTemporal);
  }

  /**
   * The top frame of a picture tells whether more temporal layers may follow: in `_KEY` modes the lower ones do not
   * belong to the target. A picture that is not sent at present is too late if it has lower frames, which were dropped.
   */
  #tryTemporalUp(frame: FrameInfo): void {
    if (frame.spatial !== Math.min(this.#spatial, this.#maxSpatial)) return;
    if (frame.spatial > frame.minSpatial && !this.#wants(frame)) return;
    if (this.#leastTarget < this.#spatial) return;
    this.#temporal = followTemporal(frame, this.#spatial, this.#temporal, this.targetTemporal);
  }

  /** The target, or the lowest layer that is sent if that is higher. */
  get #leastTarget(): number {
    return Math.max(this.targetSpatial, this.#minSpatial);
  }

  #wants(frame: FrameInfo): boolean {
    return frame.isPresentFor(this.#spatial, this.#temporal);
  }
}

/** An encoder may have stopped its lowest layers too: the frame below the others is then of a higher one. */
function startsPicture({ startsFrame, spatial, minSpatial }: FrameInfo): boolean {
  return startsFrame && spatial <= minSpatial;
}

/** The spatial layer, of those that are sent, which is nearest to `target`. */
function nearestLayer(target: number, { minSpatial, maxSpatial }: FrameInfo): number {
  return Math.max(minSpatial, Math.min(target, maxSpatial));
}

/** Down at any frame start; up only where the encoder marked a switch point for the new target. */
function followTemporal(frame: FrameInfo, spatial: number, current: number, target: number): number {
  if (!frame.startsFrame || current === target) return current;
  return target < current || frame.isSwitchPointFor(spatial, target) ? target : current;
}
