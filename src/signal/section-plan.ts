/**
 * Which section of a subscriber's PeerConnection carries which track. The plan knows wishes and descriptions, not SDP.
 *
 *              described                not wanted any more
 *      free ─────────────▶ carrying ─────────────────────────▶ leaving
 *       ▲                                                       │   ▲
 *       │ confirm()                                   described │   │ forget()
 *       └────────────────────────── silent ◀────────────────────┘   │
 *                                     └─────────────────────────────┘
 *
 * A section never goes from one track straight to another. A browser fires `track`, by which a client learns what it
 * receives, only when a section that was silent begins to send (W3C webrtc-pc §4.4.1.5); one whose stream id merely
 * changed would go on under its old name. So a section is free only when the peer has seen it silent.
 */
import type { MediaKind } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";

export interface WantedTrack {
  readonly id: TrackId;
  readonly kind: MediaKind;
}

export interface PlannedSection {
  readonly mid: string;
  readonly kind: MediaKind;
}

type State =
  | { readonly kind: "free" }
  | { readonly kind: "carrying"; readonly track: TrackId }
  | { readonly kind: "leaving" }
  | { readonly kind: "silent" };

interface Entry extends PlannedSection {
  state: State;
}

const FREE: State = { kind: "free" };
const LEAVING: State = { kind: "leaving" };
const SILENT: State = { kind: "silent" };

export class SectionPlan {
  /** In the order of the description. */
  #sections: Entry[] = [];
  /** In the order in which they came to be wanted, which is the order in which they get sections. */
  #wanted: readonly WantedTrack[] = [];

  /** Whether a new description would differ from the last. */
  get unsettled(): boolean {
    const waits = { audio: this.#waiting("audio").length > 0, video: this.#waiting("video").length > 0 };
    return this.#sections.some(
      ({ kind, state }) => state.kind === "leaving" || (isUsable(state) && waits[kind]),
    );
  }

  /** How many more sections of a kind it takes to carry all that is wanted, once those that are leaving have gone. */
  missing(kind: MediaKind): number {
    const usable = this.#sections.filter(
      (section) => section.kind === kind && section.state.kind !== "carrying",
    );
    return Math.max(0, this.#waiting(kind).length - usable.length);
  }

  /** The MID of the section that carries a track. */
  midOf(id: TrackId): string | undefined {
    return this.#sections.find(({ state }) => state.kind === "carrying" && state.track === id)?.mid;
  }

  /** Sets the wanted tracks. Returns the MIDs of sections that must stop sending at once. */
  want(tracks: readonly WantedTrack[]): string[] {
    const ids = new Set(tracks.map(({ id }) => id));
    const kept = this.#wanted.filter(({ id }) => ids.has(id));
    const known = new Set(kept.map(({ id }) => id));
    const added = tracks.filter(({ id }) => !known.has(id));
    this.#wanted = [...kept, ...added];
    const silenced = this.#sections.filter(({ state }) => state.kind === "carrying" && !ids.has(state.track));
    for (const section of silenced) section.state = LEAVING;
    return silenced.map(({ mid }) => mid);
  }

  /** Sets the sections; those that are missing are gone, with what they carried. */
  setSections(sections: readonly PlannedSection[]): void {
    const states = new Map(this.#sections.map(({ mid, state }) => [mid, state]));
    this.#sections = sections.map(({ mid, kind }) => ({ mid, kind, state: states.get(mid) ?? FREE }));
  }

  add({ mid, kind }: PlannedSection): void {
    this.#sections.push({ mid, kind, state: FREE });
  }

  /** What the description that is being written says: what each section carries. In all others nothing is sent. */
  describe(): ReadonlyMap<string, TrackId> {
    const waiting = { audio: this.#waiting("audio"), video: this.#waiting("video") };
    for (const section of this.#sections) {
      if (section.state.kind === "leaving") section.state = SILENT;
      const next = section.state.kind === "free" ? waiting[section.kind].shift() : undefined;
      if (next !== undefined) section.state = { kind: "carrying", track: next.id };
    }
    return this.carried();
  }

  /** What each section carries, by MID. */
  carried(): ReadonlyMap<string, TrackId> {
    const carried = new Map<string, TrackId>();
    for (const { mid, state } of this.#sections) if (state.kind === "carrying") carried.set(mid, state.track);
    return carried;
  }

  /** The peer has applied the last description. */
  confirm(): void {
    for (const section of this.#sections) if (section.state.kind === "silent") section.state = FREE;
  }

  /** Nobody knows whether the peer has seen the last description. */
  forget(): void {
    for (const section of this.#sections) if (section.state.kind === "silent") section.state = LEAVING;
  }

  /** Wanted tracks of a kind that no section carries. */
  #waiting(kind: MediaKind): WantedTrack[] {
    const carried = new Set(
      this.#sections.map(({ state }) => (state.kind === "carrying" ? state.track : null)),
    );
    return this.#wanted.filter((track) => track.kind === kind && !carried.has(track.id));
  }
}

/** Whether the next description, or the one after it, can put a track there. */
function isUsable({ kind }: State): boolean {
  return kind === "free" || kind === "silent";
}
