/** Finds elements of the page, and shows errors to the user. */

/** The first match in `root`. Throws where the page's HTML and its scripts do not match. */
export function element<T extends Element>(root: ParentNode, selector: string, type: new () => T): T {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the page has no ${selector}`);
  return found;
}

export const byId = (id: string): HTMLElement => element(document, `#${id}`, HTMLElement);

const VIEWS = ["lobby", "waiting", "call", "goodbye"] as const;

export function showOnly(id: (typeof VIEWS)[number]): void {
  for (const one of VIEWS) byId(one).hidden = one !== id;
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
  const banner = shown ?? newBanner(id);
  setText(element(banner, "span", HTMLElement), message);
  if (shown === null) byId("banners").append(banner);
}

function newBanner(id: string): HTMLElement {
  const banner = element(document, "template#banner", HTMLTemplateElement).content.cloneNode(true);
  const root = element(banner as DocumentFragment, ".banner", HTMLElement);
  root.id = id;
  element(root, "button", HTMLButtonElement).onclick = () => root.remove();
  return root;
}

/** Screen readers announce a live region again whenever its text is set, even to the same. */
export function setText(region: HTMLElement, text: string): void {
  if (region.textContent !== text) region.textContent = text;
}
