/** Programs of the distribution that tests use. Nothing is downloaded: who lacks one is told how to install it. */
import { existsSync } from "node:fs";

export type ProgramName = "chromium" | "firefox" | "promtool" | "coturn";

const PROGRAMS: Record<ProgramName, { readonly paths: readonly string[]; readonly install: string }> = {
  chromium: {
    paths: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
    install: "apt-get install chromium",
  },
  firefox: {
    paths: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    install: "apt-get install firefox-esr",
  },
  promtool: {
    paths: ["/usr/bin/promtool", "/usr/local/bin/promtool"],
    install: "apt-get install prometheus",
  },
  coturn: {
    paths: ["/usr/bin/turnserver", "/usr/local/bin/turnserver"],
    install: "apt-get install coturn",
  },
};

/**
 * Whether tests with this program run: `describe.skipIf(!requireProgram("firefox"))`. A developer may do without it,
 * but a continuous integration that skips tests is green for the wrong reason: there it throws.
 */
export function requireProgram(name: ProgramName): boolean {
  if (find(name) !== undefined) return true;
  const message = `tests with ${name} need it: ${PROGRAMS[name].install}`;
  if (process.env.CI === "true") throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

export function programPath(name: ProgramName): string {
  const path = find(name);
  if (path === undefined) throw new Error(`no ${name} found: ${PROGRAMS[name].install}`);
  return path;
}

const find = (name: ProgramName): string | undefined => PROGRAMS[name].paths.find((path) => existsSync(path));
