/** The distribution's Chromium, driven by Playwright with a user data directory of its own. */
import { type Browser, chromium, type Page, type ViewportSize } from "playwright-core";
import type { TestBrowser, TestPage } from "./browser.ts";
import { programPath } from "./programs.ts";

const ARGUMENTS = [
  // Container and CI users are root, for whom Chromium refuses its sandbox; the pages are ours.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // What still asks for a name outside finds none; literal addresses need no name.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  // A machine whose only interface is loopback would gather no ICE candidate at all.
  "--allow-loopback-in-peer-connection",
];

/** Without a graphics card painting takes about as long as decoding, so a page shows little of its pictures. */
const VIEWPORT: ViewportSize = { width: 320, height: 240 };

export interface ChromiumOptions {
  /** Raw video (y4m) that the camera shows instead of the test picture. */
  readonly cameraFile?: string;
  /** No camera, only a microphone. */
  readonly noCamera?: boolean;
  /** A WAV file that is heard again and again instead of the beep. */
  readonly microphoneFile?: string;
  /** Of a page, where it matters in what size it shows its pictures. */
  readonly viewport?: ViewportSize;
}

export async function launchChromium(options: ChromiumOptions = {}): Promise<TestBrowser> {
  const { cameraFile, microphoneFile, viewport = VIEWPORT } = options;
  const camera = cameraFile === undefined ? [] : [`--use-file-for-fake-video-capture=${cameraFile}`];
  const microphone =
    microphoneFile === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphoneFile}`];
  const devices = options.noCamera === true ? ["--use-fake-device-for-media-stream=device-count=0"] : [];
  const args = [...ARGUMENTS, ...devices, ...camera, ...microphone];
  return new ChromiumBrowser(
    await chromium.launch({ executablePath: programPath("chromium"), args }),
    viewport,
  );
}

class ChromiumBrowser implements TestBrowser {
  readonly #browser: Browser;
  readonly #viewport: ViewportSize;
  /** Closed pages, kept for the next: a new one takes a second of CPU time, and compiles its scripts anew. */
  readonly #idle: Page[] = [];

  constructor(browser: Browser, viewport: ViewportSize) {
    this.#browser = browser;
    this.#viewport = viewport;
  }

  async newPage(): Promise<TestPage> {
    const page = this.#idle.pop() ?? (await this.#browser.newPage({ viewport: this.#viewport }));
    return new ChromiumPage(page, () => this.#idle.push(page));
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

class ChromiumPage implements TestPage {
  readonly console: string[] = [];
  readonly #page: Page;
  readonly #onClose: () => void;

  constructor(page: Page, onClose: () => void) {
    this.#page = page;
    this.#onClose = onClose;
    page.on("console", (message) => this.console.push(message.text()));
    page.on("pageerror", (error) => this.console.push(error.message));
  }

  async goto(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  async close(): Promise<void> {
    await this.#page.goto("about:blank");
    this.#page.removeAllListeners("console");
    this.#page.removeAllListeners("pageerror");
    this.#onClose();
  }

  evaluate<Arg, Value>(run: (arg: Arg) => Value | Promise<Value>, arg: Arg): Promise<Value> {
    return this.#page.evaluate<Value>(`(${run})(${JSON.stringify(arg)})`);
  }
}
