/**
 * With which client the cases run that every client has to pass: the newest web SDK in Chromium, unless
 * `vitest.clients.config.ts` says otherwise.
 */
import type { BrowserName } from "../support/browser.ts";
import type { WebSdk } from "./page-server.ts";

const { LIVEKIT_BROWSER = "chromium", LIVEKIT_SDK = "livekit-client" } = process.env;

export const BROWSER = LIVEKIT_BROWSER as BrowserName;
export const SDK = LIVEKIT_SDK as WebSdk;
