/**
 * The template structure of a Dependency Descriptor (AV1 RTP specification, appendix A.8): which kinds of frame a
 * stream has, and which decode targets need them. Comes with key frames and holds until the next one.
 */
import type { BitReader } from "./bit-reader.ts";

/** Decode target indication (A.4): what a frame is to a decode target. */
export const DTI = { notPresent: 0, discardable: 1, switch: 2, required: 3 } as const;

/** Template ids have 6 bits. */
export const MAX_TEMPLATES = 64;
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

export class DependencyStructure {
  readonly idOffset: number;
  readonly templates: readonly FrameTemplate[];
  readonly targets: number;
  readonly chains: number;
  readonly maxSpatial: number;
  readonly maxTemporal: number;
  /** Decode target of (spatial, temporal): the highest that goes no further. */
  readonly #targetOf = new Uint8Array(MAX_SPATIAL * MAX_TEMPORAL);

  constructor(idOffset: number, targets: number, templates: readonly FrameTemplate[], chains: number) {
    this.idOffset = idOffset;
    this.targets = targets;
    this.templates = templates;
    this.chains = chains;
    this.maxSpatial = Math.max(...templates.map(({ spatial }) => spatial));
    this.maxTemporal = Math.max(...templates.map(({ temporal }) => temporal));
    for (let spatial = 0; spatial < MAX_SPATIAL; spatial++) {
      for (let temporal = 0; temporal < MAX_TEMPORAL; temporal++) {
        this.#targetOf[spatial * MAX_TEMPORAL + temporal] = this.#bestTarget(spatial, temporal);
      }
    }
  }

  /** The decode target to serve a receiver that wants these layers at most. */
  target(spatial: number, temporal: number): number {
    const s = Math.min(spatial, MAX_SPATIAL - 1);
    return this.#targetOf[s * MAX_TEMPORAL + Math.min(temporal, MAX_TEMPORAL - 1)]!;
  }

  /** A target's layers are the highest of the frames that it needs (A.8.3, decode_target_layers). */
  #layersOf(target: number): { spatial: number; temporal: number } {
    const needed = this.templates.filter(({ dtis }) => dtis[target] !== DTI.notPresent);
    return {
      spatial: Math.max(0, ...needed.map(({ spatial }) => spatial)),
      temporal: Math.max(0, ...needed.map(({ temporal }) => temporal)),
    };
  }

  /** Of the targets within the wanted layers the one with most, space before time; the lowest when none is. */
  #bestTarget(spatial: number, temporal: number): number {
    const rank = (layers: { spatial: number; temporal: number }): number =>
      layers.spatial * MAX_TEMPORAL + layers.temporal;
    const all = [...Array(this.targets).keys()].map((target) => ({ target, ...this.#layersOf(target) }));
    const within = all.filter((layers) => layers.spatial <= spatial && layers.temporal <= temporal);
    const byRank = (a: (typeof all)[number], b: (typeof all)[number]): number => rank(a) - rank(b);
    return (within.length > 0 ? within.sort(byRank).at(-1) : all.sort(byRank)[0])!.target;
  }
}

/** template_dependency_structure(); undefined when the bits run out or make no sense. */
export function readStructure(bits: BitReader): DependencyStructure | undefined {
  const idOffset = bits.read(6);
  const targets = bits.read(5) + 1;
  const templates = readTemplateLayers(bits);
  if (templates === undefined) return undefined;
  for (const template of templates) {
    template.dtis = Uint8Array.from({ length: targets }, () => bits.read(2));
  }
  for (const template of templates) {
    template.independent = true;
    while (bits.read(1) === 1) {
      template.independent = false;
      bits.read(4);
    }
  }
  const chains = skipTemplateChains(bits, targets, templates.length);
  const structure = new DependencyStructure(idOffset, targets, templates, chains);
  if (bits.read(1) === 1) for (let spatial = 0; spatial <= structure.maxSpatial; spatial++) bits.read(32);
  return bits.overrun ? undefined : structure;
}

function readTemplateLayers(bits: BitReader): FrameTemplate[] | undefined {
  const templates: FrameTemplate[] = [];
  let spatial = 0;
  let temporal = 0;
  for (;;) {
    if (templates.length === MAX_TEMPLATES || spatial >= MAX_SPATIAL || temporal >= MAX_TEMPORAL)
      return undefined;
    templates.push({ spatial, temporal, dtis: new Uint8Array(0), independent: false });
    const next = bits.read(2);
    if (bits.overrun) return undefined;
    if (next === 3) return templates;
    if (next === 1) temporal += 1;
    if (next === 2) {
      temporal = 0;
      spatial += 1;
    }
  }
}

/** template_chains(): returns how many there are. */
function skipTemplateChains(bits: BitReader, targets: number, templates: number): number {
  const chains = bits.readNonSymmetric(targets + 1);
  if (chains === 0) return 0;
  for (let target = 0; target < targets; target++) bits.readNonSymmetric(chains);
  for (let i = 0; i < templates * chains; i++) bits.read(4);
  return chains;
}
