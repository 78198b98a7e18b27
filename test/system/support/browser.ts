/**
 * What whole-system tests want of a browser, whichever it is: open a page, run a function in it, close.
 *
 * The browsers are the distribution's own; nothing is downloaded.
 */
import { existsSync } from "node:fs";

export interface TestPage {
  /** Resolves when the page has loaded. */
  goto(url: string): Promise<void>;
  /**
   * Runs `run` in the page and resolves with what it returns or resolves with. Only its source text gets there, so it
   * sees nothing of the test but `arg`; argument and result are copied as JSON.
   */
  evaluate<Arg, Value>(run: (arg: Arg) => Value | Promise<Value>, arg: Arg): Promise<Value>;
  /** What the page wrote to its console, and the errors that nothing in it caught. */
  readonly console: readonly string[];
}

export interface TestBrowser {
  /** A page of its own window, so that no other makes it a background page, whose timers are slowed down. */
  newPage(): Promise<TestPage>;
  close(): Promise<void>;
}

export type BrowserName = "chromium" | "firefox";

const BROWSERS: Record<BrowserName, { readonly paths: readonly string[]; readonly install: string }> = {
  chromium: {
    paths: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
    install: "apt-get install chromium",
  },
  firefox: {
    paths: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    install: "apt-get install firefox-esr",
  },
};

/**
 * Whether tests with this browser run: `describe.skipIf(!requireBrowser("firefox"))`. A developer may do without it,
 * but a continuous integration that skips tests is green for the wrong reason: there it throws.
 */
export function requireBrowser(name: BrowserName): boolean {
  if (find(name) !== undefined) return true;
  const message = `tests with ${name} need it: ${BROWSERS[name].install}`;
  if (process.env.CI === "true") throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

export function browserExecutable(name: BrowserName): string {
  const path = find(name);
  if (path === undefined) throw new Error(`no ${name} found: ${BROWSERS[name].install}`);
  return path;
}

const find = (name: BrowserName): string | undefined => BROWSERS[name].paths.find((path) => existsSync(path));
