/**
 * Goal: the image can not drift from what it is made of, also where no container engine can build it.
 * Method: compare the Dockerfile with package.json, the sources and the default settings.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { isBuiltin } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";

const dockerfile = readFileSync("Dockerfile", "utf8");
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

const exposed = /^EXPOSE (\d+)\/tcp (\d+)\/udp \2\/tcp$/m.exec(dockerfile)?.slice(1).map(Number);
const imageEnv = Object.fromEntries(
  [...dockerfile.matchAll(/(BLINDFOLD_\w+)=(\S+)(?: \\)?$/gm)].map(([, name, value]) => [name, value]),
);
const operatorsEnv = {
  BLINDFOLD_AUTH_KEYS: `key:${"s".repeat(32)}`,
  BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: "203.0.113.7",
};

test("sources import production packages only", () => {
  for (const file of globSync("src/**/*.ts")) {
    for (const [, specifier] of readFileSync(file, "utf8").matchAll(
      /^(?:import|export|\})(?: .*from)? "([^".\n][^"\n]*)"/gm,
    )) {
      if (isBuiltin(specifier!)) continue;
      const name = specifier!.split("/", specifier!.startsWith("@") ? 2 : 1).join("/");
      expect(Object.keys(manifest.dependencies), `${file} imports ${specifier}`).toContain(name);
    }
  }
});

test("every stage starts from the Node major version of a checkout", () => {
  const major = manifest.dependencies.node!.split(".")[0];
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(bases).toEqual([`node:${major}-slim`, `node:${major}-slim`]);
});

test("the settings of the image are accepted, and the exposed ports are those it listens on", () => {
  const loaded = loadConfig([], { ...imageEnv, ...operatorsEnv });
  expect(loaded).toMatchObject({
    ok: true,
    config: {
      http: { host: "0.0.0.0", port: exposed?.[0] },
      media: { host: "0.0.0.0", port: exposed?.[1] },
      development: false,
    },
  });
});

test("the only directory that the server writes to is a volume, and belongs to its user", () => {
  const [, user] = /^USER (\d+):/m.exec(dockerfile) ?? [];
  const directory = imageEnv.BLINDFOLD_STORE_PATH;
  expect(dockerfile).toContain(
    `RUN install -d -o ${user} -g ${user} -m 700 ${directory}\nVOLUME ${directory}\n`,
  );
});

test.each(Object.keys(operatorsEnv))("without %s the image says what is missing", (variable) => {
  const loaded = loadConfig([], { ...imageEnv, ...operatorsEnv, [variable]: undefined });
  expect(loaded.ok ? [] : loaded.lines).toHaveLength(1);
});

test.each([
  ["environment", "0.0.0.0"],
  ["file", "0.0.0.0"],
  // In the network of its host a container may listen on one address of several.
  ["environment", "127.0.0.2"],
  ["environment", "::1"],
])("the health check asks at the port that the %s sets, where %s listens", async (source, host) => {
  const [command, ...args] = JSON.parse(
    /^HEALTHCHECK .*\\\n +CMD (\[.*\])$/m.exec(dockerfile)![1]!,
  ) as string[];
  expect(command).toBe("node");
  const directory = mkdtempSync(join(tmpdir(), "image-"));
  const asked: (string | undefined)[] = [];
  const server = createServer((request, reply) => {
    asked.push(request.url);
    reply.end();
  });
  await once(server.listen(0, host), "listening");
  const { port } = server.address() as AddressInfo;
  const file = join(directory, "settings.yaml");
  writeFileSync(file, `http:\n  port: ${port}\n`);
  const env = {
    ...imageEnv,
    ...operatorsEnv,
    BLINDFOLD_HTTP_HOST: host,
    ...(source === "file" ? { BLINDFOLD_CONFIG: file } : { BLINDFOLD_HTTP_PORT: `${port}` }),
  };
  const check = execFile(process.execPath, args, { env });
  expect(await once(check, "exit")).toEqual([0, null]);
  expect(asked).toEqual(["/healthz"]);
  server.close();
  rmSync(directory, { recursive: true });
});
