/**
 * Replay windows of one session's streams, by SSRC. A stream is never forgotten, for its packets could be replayed; but a long
 * call has many that have ended, and of all but the latest only the highest index is kept.
 *
 *            its first authentic packet           MAX_WINDOWS streams have begun since
 *    (none) ───────────────────────────▶ window ───────────────────────────────────────▶ highest index
 *                                          ▲              its next authentic packet          │
 *                                          └─────────────────────────────────────────────────┘
 *
 * What such a stream had lost or reordered before counts as replayed then.
 */
import { ReplayWindow } from "./replay-window.ts";

/**
 * Size of the replay window, as in libwebrtc. A publisher without RTX (libdatachannel, hence OBS) retransmits a packet under
 * its own number while a key frame passes: smaller would take the repair for a replay (RFC 3711 §3.3.2 asks for 64 at least).
 * Larger costs a bit per packet, and reaches beyond the second for which repairs are asked.
 */
const REPLAY_PACKETS = 1024;

/** Windows at a time, some 300 bytes each. Fewer would give up those of streams that still send. */
const MAX_WINDOWS = 1024;

export class StreamWindows {
  readonly #maxStreams: number;
  /** The one that has had its window for longest comes first. */
  readonly #windows = new Map<number, ReplayWindow>();
  /** Highest indices of the others. */
  readonly #highest = new Map<number, number>();

  constructor(maxStreams: number) {
    this.#maxStreams = maxStreams;
  }

  get(ssrc: number): ReplayWindow | undefined {
    return this.#windows.get(ssrc);
  }

  /** The window that a stream without one would have: for one that is new nothing is marked. */
  make(ssrc: number): ReplayWindow {
    return new ReplayWindow(REPLAY_PACKETS, this.#highest.get(ssrc));
  }

  /** Gives the stream the window that `make` returned. False when there are too many streams. */
  add(ssrc: number, window: ReplayWindow): boolean {
    this.#highest.delete(ssrc);
    if (this.#windows.size + this.#highest.size >= this.#maxStreams) return false;
    if (this.#windows.size >= MAX_WINDOWS) this.#giveUpOldest();
    this.#windows.set(ssrc, window);
    return true;
  }

  #giveUpOldest(): void {
    for (const [ssrc, { highest }] of this.#windows) {
      this.#windows.delete(ssrc);
      this.#highest.set(ssrc, highest);
      return;
    }
  }
}
