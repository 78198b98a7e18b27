/**
 * What whole-system tests want of a browser, whichever it is: open a page, run a function in it, close.
 */
export interface TestPage {
  /** Resolves when the page has loaded. */
  goto(url: string): Promise<void>;
  /**
   * Runs `run` in the page and resolves with what it returns or resolves with. Only its source text gets there, so it
   * sees nothing of the test but `arg`; argument and result are copied as JSON.
   */
  evaluate<Arg, Value>(run: (arg: Arg) => Value | Promise<Value>, arg: Arg): Promise<Value>;
  close(): Promise<void>;
  /** What the page wrote to its console, and the errors that nothing in it caught. */
  readonly console: readonly string[];
}

export interface TestBrowser {
  /** A page of its own window, so that no other makes it a background page, whose timers are slowed down. */
  newPage(): Promise<TestPage>;
  close(): Promise<void>;
}

export type BrowserName = "chromium" | "firefox";
