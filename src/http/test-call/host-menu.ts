/** In the tile of another participant: what a host may do with them. */
import { element, setText, showBanner } from "./page-elements.ts";
import type { ServerApi, Track } from "./server-api.ts";

export class HostMenu {
  readonly #mute: HTMLButtonElement;
  #microphone: Track | undefined;

  constructor(tile: HTMLElement, identity: string, api: ServerApi) {
    const template = element(document, "template#host-menu", HTMLTemplateElement);
    const fragment = template.content.cloneNode(true) as DocumentFragment;
    const opener = element(fragment, ".host-menu-opener", HTMLButtonElement);
    const menu = element(fragment, ".host-menu", HTMLElement);
    this.#mute = element(menu, '[data-act="mute"]', HTMLButtonElement);
    opener.setAttribute("aria-label", `Moderate ${identity}`);
    opener.popoverTargetElement = menu;
    menu.setAttribute("aria-label", `Moderate ${identity}`);
    element(menu, "p", HTMLElement).textContent = identity;
    const on = (act: string, run: () => Promise<void>): void => {
      element(menu, `[data-act="${act}"]`, HTMLButtonElement).onclick = () => {
        menu.hidePopover();
        void command(run);
      };
    };
    on("mute", async () => {
      if (this.#microphone !== undefined) await api.setMuted(this.#microphone.id, !this.#microphone.muted);
    });
    on("remove", () => api.remove(identity));
    on("ban", async () => {
      const question = `Ban ${identity} from this room for ever? Only the API can end that.`;
      if (confirm(question)) await api.ban(identity);
    });
    element(tile, ".corner", HTMLElement).append(fragment);
    this.follow([]);
  }

  /** `tracks`: what the participant publishes now. */
  follow(tracks: readonly Track[]): void {
    this.#microphone = tracks.find(({ kind }) => kind === "audio");
    this.#mute.disabled = this.#microphone === undefined;
    setText(this.#mute, this.#microphone?.muted === true ? "Unmute" : "Mute");
  }
}

/** Does what a host has asked for, and says so if the server does not. */
export async function command(run: () => Promise<void>): Promise<void> {
  try {
    await run();
    showBanner("host", null);
  } catch (error) {
    showBanner("host", error instanceof Error ? error.message : String(error));
  }
}
