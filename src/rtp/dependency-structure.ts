/**
 * The template structure of a Dependency Descriptor (AV1 RTP specification, appendix A.8): which kinds of frame a stream has,
 * and which decode targets need them. It comes with a key frame and is valid until the next one.
 */
import type { BitReader } from "./bit-reader.ts";

/** Decode target indication (A.4): what a frame is to a decode target. */
export const DTI = { notPresent: 0, discardable: 1, switch: 2, required: 3 } as const;

/** Template ids have 6 bits, the number of decode targets 5. */
export const MAX_TEMPLATES = 64;
export const MAX_TARGETS = 32;
const MAX_SPATIAL = 4;
const MAX_TEMPORAL = 8;

export interface FrameTemplate {
  readonly spatial: number;
  readonly temporal: number;
  /** Indexed by decode target. */
  dtis: Uint8Array;
  /** Refers to no other frame. */
  independent: boolean;
}

export interface Resolution {
  readonly width: number;
  readonly height: number;
}

export class DependencyStructure {
  readonly idOffset: number;
  readonly templates: readonly FrameTemplate[];
  readonly targets: number;
  readonly chains: number;
  /** By spatial layer; empty where the publisher sends none. */
  readonly resolutions: readonly Resolution[];
  /** Highest layers of each decode target. */
  readonly #spatial: Uint8Array;
  readonly #temporal: Uint8Array;
  /** By (spatial, temporal): the decode target with the most layers within these. */
  readonly #targetOf = new Uint8Array(MAX_SPATIAL * MAX_TEMPORAL);

  constructor(
    idOffset: number,
    targets: number,
    templates: readonly FrameTemplate[],
    chains: number,
    resolutions: readonly Resolution[],
  ) {
    this.idOffset = idOffset;
    this.targets = targets;
    this.templates = templates;
    this.chains = chains;
    this.resolutions = resolutions;
    this.#spatial = new Uint8Array(targets);
    this.#temporal = new Uint8Array(targets);
    for (const template of templates) this.#raiseTargets(template);
    for (let spatial = 0; spatial < MAX_SPATIAL; spatial++) {
      for (let temporal = 0; temporal < MAX_TEMPORAL; temporal++) {
        this.#targetOf[spatial * MAX_TEMPORAL + temporal] = this.#bestTarget(spatial, temporal);
      }
    }
  }

  /** All targets, as a mask like active_decode_targets_bitmask: bit i is target i. */
  get allTargets(): number {
    return 2 ** this.targets - 1;
  }

  /** The decode target for a receiver that wants these layers at most. */
  target(spatial: number, temporal: number): number {
    const s = Math.min(spatial, MAX_SPATIAL - 1);
    return this.#targetOf[s * MAX_TEMPORAL + Math.min(temporal, MAX_TEMPORAL - 1)]!;
  }

  /** The highest spatial layer of the targets in `mask`. */
  maxSpatialOf(mask: number): number {
    return highest(this.#spatial, mask);
  }

  /** The lowest spatial layer that is the highest of a target in `mask`; 0 for none. */
  minSpatialOf(mask: number): number {
    let lowest = MAX_SPATIAL;
    for (let target = 0; target < this.targets; target++) {
      if (((mask >>> target) & 1) === 1) lowest = Math.min(lowest, this.#spatial[target]!);
    }
    return lowest % MAX_SPATIAL;
  }

  maxTemporalOf(mask: number): number {
    return highest(this.#temporal, mask);
  }

  /** A target's layers are the highest of the frames that it includes (decode_target_layers()). */
  #raiseTargets({ dtis, spatial, temporal }: FrameTemplate): void {
    for (let target = 0; target < this.targets; target++) {
      if (dtis[target] === DTI.notPresent) continue;
      this.#spatial[target] = Math.max(this.#spatial[target]!, spatial);
      this.#temporal[target] = Math.max(this.#temporal[target]!, temporal);
    }
  }

  /** Of the targets within these layers the highest, spatial before temporal; the lowest target when none is within. */
  #bestTarget(spatial: number, temporal: number): number {
    const rank = (target: number): number => this.#spatial[target]! * MAX_TEMPORAL + this.#temporal[target]!;
    const within = (target: number): boolean =>
      this.#spatial[target]! <= spatial && this.#temporal[target]! <= temporal;
    let best = 0;
    for (let target = 1; target < this.targets; target++) {
      const better = within(target)
        ? !within(best) || rank(target) > rank(best)
        : !within(best) && rank(target) < rank(best);
      if (better) best = target;
    }
    return best;
  }
}

/** template_dependency_structure(); null when it is cut short or invalid. */
export function readStructure(bits: BitReader): DependencyStructure | null {
  const idOffset = bits.read(6);
  const targets = bits.read(5) + 1;
  const templates = readTemplateLayers(bits);
  if (templates === null) return null;
  for (const template of templates) {
    template.dtis = new Uint8Array(targets);
    for (let target = 0; target < targets; target++) template.dtis[target] = bits.read(2);
  }
  for (const template of templates) {
    template.independent = true;
    while (bits.read(1) === 1) {
      template.independent = false;
      bits.read(4);
    }
  }
  const chains = skipTemplateChains(bits, targets, templates.length);
  const resolutions = bits.read(1) === 1 ? readResolutions(bits, templates.at(-1)!.spatial + 1) : [];
  return bits.overrun ? null : new DependencyStructure(idOffset, targets, templates, chains, resolutions);
}

/** template_layers(): spatial layers never decrease, so the last template has the highest. */
function readTemplateLayers(bits: BitReader): FrameTemplate[] | null {
  const templates: FrameTemplate[] = [];
  let spatial = 0;
  let temporal = 0;
  for (;;) {
    if (templates.length === MAX_TEMPLATES || spatial >= MAX_SPATIAL || temporal >= MAX_TEMPORAL) return null;
    templates.push({ spatial, temporal, dtis: new Uint8Array(0), independent: false });
    const next = bits.read(2);
    if (bits.overrun) return null;
    if (next === 3) return templates;
    if (next === 1) temporal += 1;
    if (next === 2) {
      temporal = 0;
      spatial += 1;
    }
  }
}

/** template_chains(): returns the number of chains. */
function skipTemplateChains(bits: BitReader, targets: number, templates: number): number {
  const chains = bits.readNonSymmetric(targets + 1);
  if (chains === 0) return 0;
  for (let target = 0; target < targets; target++) bits.readNonSymmetric(chains);
  for (let i = 0; i < templates * chains; i++) bits.read(4);
  return chains;
}

/** render_resolutions() */
function readResolutions(bits: BitReader, spatials: number): Resolution[] {
  return Array.from({ length: spatials }, () => ({ width: bits.read(16) + 1, height: bits.read(16) + 1 }));
}

function highest(layers: Uint8Array, mask: number): number {
  let found = 0;
  for (let target = 0; target < layers.length; target++) {
    if (((mask >>> target) & 1) === 1 && layers[target]! > found) found = layers[target]!;
  }
  return found;
}
