/** Finds elements of the page, and shows errors to the user. */

/** The first match in `root`. Throws where the page's HTML and its scripts do not match. */
export function element<T extends Element>(root: ParentNode, selector: string, type: new () => T): T {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the page has no ${selector}`);
  return found;
}

export const byId = (id: string): HTMLElement => element(document, `#${id}`, HTMLElement);

export function showOnly(id: "lobby" | "call" | "goodbye"): void {
  for (const one of ["lobby", "call", "goodbye"]) byId(one).hidden = one !== id;
  // The focused element may be hidden now: moves the keyboard focus here.
  byId(id).focus();
}

/** Browsers that nobody has clicked in may hold sound back: then it begins with the next click. */
export function playSound(sound: HTMLAudioElement): void {
  void sound.play().catch((error: unknown) => {
    // Otherwise a newer stream has replaced this one.
    if (!(error instanceof DOMException && error.name === "NotAllowedError")) return;
    showBanner("sound", "The browser holds the sound back until you click somewhere in this page.");
    const again = (): void => {
      showBanner("sound", null);
      playSound(sound);
    };
    document.addEventListener("click", again, { once: true });
  });
}

/** One banner for each `topic`; null removes it. */
export function showBanner(topic: string, message: string | null): void {
  const id = `banner-${topic}`;
  const shown = document.getElementById(id);
  if (message === null) {
    shown?.remove();
    return;
  }
  const banner = shown ?? document.createElement("p");
  banner.id = id;
  banner.className = "banner";
  banner.dataset.testid = "banner";
  // Screen readers announce a banner again whenever its text is set, even to the same.
  if (banner.textContent !== message) banner.textContent = message;
  if (shown === null) byId("banners").append(banner);
}
