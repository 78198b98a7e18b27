/**
 * Where a transport's packets leave: the address ICE selected and the SRTP session that seals for it. And until when none
 * will but for something that happens to it.
 */
import type { PathId } from "../base/ids.ts";

export const NO_PATH = -1 as PathId;

export class Outlet {
  path: PathId = NO_PATH;
  /** Index of the transport's SRTP sender in the thread's table. */
  readonly session: number;
  /** True once the DTLS handshake has given keys. */
  secure = false;
  /** Until then a tick may pass the transport over: it would fetch all of it from memory, and find nothing to do. */
  restUntilUs = 0;

  constructor(session: number) {
    this.session = session;
  }

  get open(): boolean {
    return this.secure && this.path !== NO_PATH;
  }

  /** Something has happened that the next tick must see. */
  wake(): void {
    this.restUntilUs = 0;
  }
}
