/** Where a transport's packets leave: the address ICE selected and the SRTP session that seals for it. */
import type { PathId } from "../base/ids.ts";
import type { RestTimes } from "./rest-times.ts";

export const NO_PATH = -1 as PathId;

export class Outlet {
  path: PathId = NO_PATH;
  /** Index of the transport's SRTP sender in the thread's table. */
  readonly session: number;
  /** True once the DTLS handshake has given keys. */
  secure = false;
  readonly #rests: RestTimes;

  constructor(session: number, rests: RestTimes) {
    this.session = session;
    this.#rests = rests;
    this.hurry();
  }

  get open(): boolean {
    return this.secure && this.path !== NO_PATH;
  }

  /** Ticks may skip the transport until then, unless it is woken. */
  restUntil(us: number): void {
    this.#rests.set(this.session, us);
  }

  /** Something has happened that the next tick must handle. */
  wake(): void {
    this.#rests.set(this.session, 0);
  }

  /** The same, and that tick must come soon. */
  hurry(): void {
    this.wake();
    this.#rests.isHurried = true;
  }
}
