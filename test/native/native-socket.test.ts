import { platform } from "node:os";
import { describe } from "vitest";
import { describeDatagramSocket } from "../worker/socket-conformance.ts";

const isLinux = platform() === "linux";
const { createNativeSocket } = isLinux
  ? await import("../../src/native/native-socket.ts")
  : { createNativeSocket: undefined as never };

describe.skipIf(!isLinux)("on Linux", () => {
  describeDatagramSocket("native", createNativeSocket);
});
