/** Goal: README.md names the versions of LiveKit's SDKs that are tested, which are those of package.json. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");

test.each([
  ["livekit-client", "`livekit-client`"],
  ["livekit-client", "`livekit-client` in Firefox"],
  ["livekit-client-older", "`livekit-client` of half a year before"],
  ["@livekit/rtc-node", "`@livekit/rtc-node`"],
  ["livekit-server-sdk", "`livekit-server-sdk`"],
])("%s has in its row, %s, the version that is installed", (name, title) => {
  const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: Record<string, string> };
  const row = read("README.md")
    .split("\n")
    .find((line) => line.startsWith(`| ${title} `) && line.split("|")[1]!.trim() === title);
  // An alias ends with the version: `npm:livekit-client@2.18.2`.
  expect(row?.split("|")[2]?.trim()).toBe(devDependencies[name]!.split("@").at(-1));
});
