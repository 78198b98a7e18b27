/**
 * The settings of a server: one strict schema. Names carry their units; `config/default.yaml` shows every key with
 * its default and what a larger and a smaller value would cost, and a test keeps the two equal.
 */
import { BlockList, isIP } from "node:net";
import { z } from "zod";
import { parseAnnouncedAddress } from "./announced-address.ts";

const Port = z.int().min(0).max(65_535);
const Address = z.string().refine((text) => isIP(text) !== 0, "must be an IPv4 or IPv6 address");
const Announced = z.string().transform((text, context) => {
  const announced = parseAnnouncedAddress(text);
  if (announced === undefined) {
    context.addIssue(
      "must be an IPv4 or IPv6 address, or one with a port: 192.0.2.7:50000, [2001:db8::7]:50000",
    );
    return z.NEVER;
  }
  if (isWildcard(announced.address)) {
    context.addIssue("stands for all addresses of a machine, so that nobody can send to it");
  }
  const zone = zoneOf(announced.address);
  if (zone !== "") context.addIssue(`must do without the zone ${zone}, which is known to this machine alone`);
  return announced;
});
const Origin = z.string().refine(isOrigin, 'must be an origin such as https://app.example.org, or "*"');
const Receiver = z.string().refine(isReceiver, "must be an http or https URL without a user name");
/** RFC 7064 and RFC 7065. */
const StunUrl = z
  .string()
  .regex(/^stuns?:[\w.~%:[\]-]+$/, "must be a STUN address such as stun:stun.example.org:3478");
const TurnUrl = z
  .string()
  .regex(
    /^turns?:[\w.~%:[\]-]+(?:\?transport=(?:udp|tcp))?$/,
    "must be a TURN address such as turn:turn.example.org:3478?transport=udp",
  );
const Network = z
  .string()
  .refine(isNetwork, "must be an address or a network such as 10.0.0.0/8, with a prefix of at least 1 bit");

/** Below 32 bytes a secret is weaker than the HMAC that it keys (RFC 7518 §3.2). */
export const MIN_SECRET_BYTES = 32;
const Secret = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text) >= MIN_SECRET_BYTES,
    `must have at least ${MIN_SECRET_BYTES} bytes`,
  );

const AllOrSome = z.union([z.literal("all"), z.int().min(1).max(100)], "must be all, or from 1 to 100");

/** Settings of a room: the defaults here, for each room in the API. */
export const ROOM_LIMITS = {
  maxParticipants: z.int().min(1).max(10_000),
  maxTracksPerParticipant: z.int().min(1).max(256),
  emptyTimeoutSeconds: z.int().min(1).max(86_400),
  departureTimeoutSeconds: z.int().min(1).max(86_400),
  lobby: z.boolean(),
  e2ee: z.enum(["optional", "required"]),
  e2eeGuard: z.enum(["off", "report", "cut"]),
  loudestAudios: AllOrSome,
  lastVideos: AllOrSome,
} as const;

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

export const Settings = section({
  http: section({
    host: Address.default("127.0.0.1"),
    port: Port.default(7880),
    bodyLimitBytes: z.int().min(1_024).max(1_048_576).default(65_536),
    rateLimitPerMinute: z.int().min(1).max(1_000_000).default(3_000),
    corsOrigins: z.array(Origin).default([]),
    trustedProxies: z.array(Network).default([]),
  }),
  media: section({
    host: Address.default("0.0.0.0"),
    port: Port.default(7882),
    tcp: z.boolean().default(true),
    announcedAddresses: z.array(Announced).default([]),
    threads: z
      .union([z.literal("auto"), z.int()], "must be auto, or a whole number from 1 to 256")
      .refine((threads) => threads === "auto" || (threads >= 1 && threads <= 256), "must be from 1 to 256")
      .default("auto"),
    roomTransportsPerThread: z.int().min(1).max(10_000).default(64),
    socketBufferBytes: z.int().min(65_536).max(1_073_741_824).default(4_194_304),
    gatherMicroseconds: z.int().min(0).max(5_000).default(500),
    nice: z.int().min(-20).max(19).default(-5),
  }),
  fastPath: z.enum(["auto", "native", "portable"]).default("auto"),
  auth: section({
    keys: z
      .record(z.string().regex(/^[\w-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -"), Secret)
      .default({}),
  }),
  rooms: section({
    autoCreate: z.boolean().default(true),
    maxParticipants: ROOM_LIMITS.maxParticipants.default(100),
    maxTracksPerParticipant: ROOM_LIMITS.maxTracksPerParticipant.default(16),
    emptyTimeoutSeconds: ROOM_LIMITS.emptyTimeoutSeconds.default(300),
    departureTimeoutSeconds: ROOM_LIMITS.departureTimeoutSeconds.default(20),
    lobby: ROOM_LIMITS.lobby.default(false),
    e2ee: ROOM_LIMITS.e2ee.default("optional"),
    e2eeGuard: ROOM_LIMITS.e2eeGuard.default("report"),
    loudestAudios: ROOM_LIMITS.loudestAudios.default("all"),
    lastVideos: ROOM_LIMITS.lastVideos.default("all"),
  }),
  store: section({
    path: z.string().min(1).default("data"),
  }),
  reports: section({
    keepDays: z.int().min(1).max(3_650).default(30),
  }),
  webhooks: section({
    urls: z.array(Receiver).refine(namesEachOnce, "must name each URL once").default([]),
    apiKey: z.string().default(""),
    timeoutSeconds: z.int().min(1).max(60).default(10),
    firstRetrySeconds: z.int().min(1).max(3_600).default(1),
    maxRetrySeconds: z.int().min(1).max(86_400).default(60),
    giveUpSeconds: z.int().min(1).max(2_592_000).default(86_400),
    maxQueuedPerUrl: z.int().min(1).max(1_000_000).default(10_000),
  }),
  ice: section({
    stunUrls: z.array(StunUrl).default([]),
    turnUrls: z.array(TurnUrl).default([]),
    turnSecret: z.string().default(""),
    turnCredentialSeconds: z.int().min(60).max(604_800).default(86_400),
  }),
  log: section({
    level: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  }),
  shutdown: section({
    drainSeconds: z.int().min(0).max(86_400).default(10),
  }),
  development: z.enum(["auto", "on", "off"]).default("auto"),
});
export type Settings = z.output<typeof Settings>;

function isOrigin(text: string): boolean {
  if (text === "*") return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

function isReceiver(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

/** Two spellings of one URL are one receiver. Also called with invalid URLs, since all errors are reported. */
function namesEachOnce(urls: readonly string[]): boolean {
  return new Set(urls.map((url) => URL.parse(url)?.href ?? url)).size === urls.length;
}

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  // A prefix of 0 bits would trust every address as a proxy: then no client's address could be trusted.
  return /^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128);
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

const WILDCARDS = new BlockList();
WILDCARDS.addAddress("0.0.0.0");
WILDCARDS.addAddress("::", "ipv6");

export const isLoopback = (address: string): boolean => includes(LOOPBACK, address);

/** Whether `address` stands for all of this machine. */
export const isWildcard = (address: string): boolean => includes(WILDCARDS, address);

/** Of a link-local address, with its sign, as in fe80::7%eth0 (RFC 4007 §11); else empty. */
export const zoneOf = (address: string): string => /%.*$/.exec(address)?.[0] ?? "";

function includes(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
