/** What a host has in the page beside the menus in the tiles: the door of the room, and who waits before it. */
import { command } from "./host-menu.ts";
import { byId, element, setText } from "./page-elements.ts";
import { ApiError, type Door, type RoomState, type ServerApi } from "./server-api.ts";

const TOGGLES: Readonly<Record<keyof Door, string>> = { locked: "lock-room", lobby: "room-lobby" };

/** The lobby is read with every n-th poll of the room. */
const POLLS_PER_LOBBY = 2;

export class HostControls {
  readonly #api: ServerApi;
  readonly #list = element(byId("waiters"), "ul", HTMLElement);
  #polls = 0;

  constructor(api: ServerApi) {
    this.#api = api;
    byId("door").hidden = false;
    for (const option of ["locked", "lobby"] as const) {
      const toggle = byId(TOGGLES[option]);
      toggle.onclick = () => {
        const wanted = toggle.getAttribute("aria-pressed") !== "true";
        void command(async () => {
          await api.change({ [option]: wanted });
          toggle.setAttribute("aria-pressed", String(wanted));
        });
      };
    }
  }

  /** Applies the room's state, which other hosts may have changed. Throws `ApiError`. */
  async follow(room: RoomState): Promise<void> {
    for (const option of ["locked", "lobby"] as const) {
      byId(TOGGLES[option]).setAttribute("aria-pressed", String(room[option]));
    }
    if (!room.lobby) this.#show([]);
    else if (this.#polls++ % POLLS_PER_LOBBY === 0) this.#show(await this.#waiting());
  }

  async #waiting(): Promise<string[]> {
    try {
      return await this.#api.waiting();
    } catch (error) {
      // The room ended between our requests.
      if (error instanceof ApiError && error.code === "room_not_found") return [];
      throw error;
    }
  }

  /** Keeps the entries of those who wait still, in one of which the keyboard's focus may be. */
  #show(identities: readonly string[]): void {
    const shown = new Map(
      [...this.#list.children].map((entry) => [entry.getAttribute("data-identity"), entry]),
    );
    for (const [identity, entry] of shown) if (!identities.includes(identity ?? "")) entry.remove();
    for (const identity of identities) if (!shown.has(identity)) this.#list.append(this.#entry(identity));
    this.#showCount();
  }

  #showCount(): void {
    const { childElementCount: count } = this.#list;
    const sentence = count === 1 ? "Somebody waits to be let in" : `${count} people wait to be let in`;
    setText(element(byId("waiters"), "p", HTMLElement), count === 0 ? "" : sentence);
  }

  #entry(identity: string): Node {
    const template = element(document, "template#waiter", HTMLTemplateElement);
    const entry = element(template.content.cloneNode(true) as DocumentFragment, "li", HTMLElement);
    entry.dataset.identity = identity;
    element(entry, "span", HTMLElement).textContent = identity;
    for (const [act, admitted] of [
      ["admit", true],
      ["deny", false],
    ] as const) {
      const button = element(entry, `[data-act="${act}"]`, HTMLButtonElement);
      button.setAttribute("aria-label", `${button.textContent} ${identity}`);
      button.onclick = () =>
        void command(async () => {
          await this.#api.decide(identity, admitted);
          const next = entry.nextElementSibling ?? entry.previousElementSibling;
          entry.remove();
          this.#showCount();
          // The focus was in what is gone.
          (next?.querySelector("button") ?? byId(TOGGLES.lobby)).focus();
        });
    }
    return entry;
  }
}
