/** The distribution's Firefox, driven over WebDriver BiDi, with a profile of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BidiConnection, type BidiEvent } from "./bidi-connection.ts";
import type { TestBrowser, TestPage } from "./browser.ts";
import { programPath } from "./programs.ts";
import { Subprocess } from "./subprocess.ts";

/** A cold start on two busy cores takes a few seconds. Larger: a Firefox that cannot start is reported later. */
const START_LIMIT_MS = 45_000;
/** Firefox writes its profile when it ends. Smaller: it is killed while it does; larger: a hang lasts longer. */
const STOP_LIMIT_MS = 15_000;

const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.autoplay.default": 0,
  // A machine whose only interface is loopback would gather no ICE candidate at all.
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "network.proxy.type": 0,
  // Nothing below is about media: each stops connections to elsewhere that `--remote-debugging-port` leaves on.
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "browser.safebrowsing.downloads.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.push.connection.enabled": false,
  "extensions.update.enabled": false,
  "media.gmp-manager.updateEnabled": false,
  "messaging-system.rsexperimentloader.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.dns.disablePrefetch": true,
  "network.trr.mode": 5,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.enabled": false,
  "toolkit.telemetry.server": "data:,",
};

export async function launchFirefox(): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), "firefox-"));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => {
    return `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`;
  });
  await writeFile(join(profile, "user.js"), lines.join(""));

  const firefox = new Subprocess(
    programPath("firefox"),
    ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
    // Firefox refuses to run as root in somebody else's home, and must not find an earlier profile there.
    {
      PATH: process.env.PATH ?? "",
      HOME: profile,
      MOZ_CRASHREPORTER_DISABLE: "1",
      // Without it a release build ignores the preference that names the server of remote settings.
      MOZ_REMOTE_SETTINGS_DEVTOOLS: "1",
    },
  );
  try {
    const url = await firefox.until("listening", START_LIMIT_MS, () => LISTENING.exec(firefox.output)?.[1]);
    const browser = new FirefoxBrowser(firefox, profile);
    await browser.connect(url);
    return browser;
  } catch (error) {
    await firefox.terminate(STOP_LIMIT_MS);
    await rm(profile, { recursive: true, force: true });
    throw error;
  }
}

const LISTENING = /WebDriver BiDi listening on (ws:\/\/\S+)/;

class FirefoxBrowser implements TestBrowser {
  readonly #process: Subprocess;
  readonly #profile: string;
  readonly #pages = new Map<string, FirefoxPage>();
  #connection: BidiConnection | undefined;

  constructor(process: Subprocess, profile: string) {
    this.#process = process;
    this.#profile = profile;
  }

  async connect(url: string): Promise<void> {
    this.#connection = await BidiConnection.open(url, (event) => this.#onEvent(event));
    await this.#connection.send("session.subscribe", { events: ["log.entryAdded"] });
  }

  async newPage(): Promise<TestPage> {
    const connection = this.#connection!;
    const { context } = (await connection.send("browsingContext.create", { type: "window" })) as {
      readonly context: string;
    };
    const page = new FirefoxPage(connection, context);
    this.#pages.set(context, page);
    return page;
  }

  async close(): Promise<void> {
    try {
      await this.#connection?.send("browser.close", {});
      this.#connection?.close();
    } finally {
      await this.#process.exited(STOP_LIMIT_MS);
      await rm(this.#profile, { recursive: true, force: true });
    }
  }

  #onEvent({ method, params }: BidiEvent): void {
    if (method !== "log.entryAdded") return;
    const { text, source } = params as {
      readonly text: string;
      readonly source: { readonly context?: string };
    };
    this.#pages.get(source.context ?? "")?.console.push(text);
  }
}

/** `script.EvaluateResult` of a function that resolves with a string. */
type ScriptResult =
  | { readonly type: "success"; readonly result: { readonly value: string } }
  | { readonly type: "exception"; readonly exceptionDetails: { readonly text: string } };

class FirefoxPage implements TestPage {
  readonly console: string[] = [];
  readonly #connection: BidiConnection;
  readonly #context: string;

  constructor(connection: BidiConnection, context: string) {
    this.#connection = connection;
    this.#context = context;
  }

  async goto(url: string): Promise<void> {
    await this.#connection.send("browsingContext.navigate", {
      context: this.#context,
      url,
      wait: "complete",
    });
  }

  async close(): Promise<void> {
    await this.#connection.send("browsingContext.close", { context: this.#context });
  }

  async evaluate<Arg, Value>(run: (arg: Arg) => Value | Promise<Value>, arg: Arg): Promise<Value> {
    const result = (await this.#connection.send("script.callFunction", {
      // BiDi describes values in a notation of its own; a string needs none.
      functionDeclaration: `async () => JSON.stringify({ value: await (${run})(${JSON.stringify(arg)}) })`,
      target: { context: this.#context },
      awaitPromise: true,
    })) as ScriptResult;
    if (result.type === "exception") throw new Error(result.exceptionDetails.text);
    return (JSON.parse(result.result.value) as { readonly value: Value }).value;
  }
}
