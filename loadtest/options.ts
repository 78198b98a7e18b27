/** The command line of `npm run loadtest`: options with their limits, and the text that explains them. */
import { availableParallelism } from "node:os";
import { z } from "zod";
import type { SrtpProfile } from "../src/contract/dtls.ts";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../src/contract/dtls.ts";
import { type CommandLine, type Parsed, parseCommandLine } from "./command-line.ts";

const USAGE = `Usage: npm run loadtest -- [options]

Real clients (ICE, DTLS, SRTP) against a running Blindfold: some publish by WHIP, some watch by WHEP.

  --url URL             the server's control API                          (http://127.0.0.1:7880)
  --key K --secret S    sign tokens with this API key, and make rooms that hold all who come; without it
                        tokens come from /dev/token, which a server in development mode has
  --rooms N             rooms                                             (1)
  --publishers N        in each room                                      (1)
  --subscribers N       in each room, each watches all its publishers     (1)
  --meeting N           instead of these two: N people in each room who publish and watch all others
  --video MODE          simulcast (three encodings), single, svc (VP9 L3T3_KEY), none   (simulcast)
  --audio on|off        50 packets a second of 100 bytes                  (on)
  --bitrates A,B,C      kbit/s of the encodings or spatial layers, lowest first; single uses the last
                        (150,500,1700)
  --feedback on|off     subscribers tell what arrives when, so that the server sends what their paths carry; without
                        it everybody is sent everything                   (off)
  --fps N               pictures a second, each sent in one burst         (30)
  --srtp gcm|cm         AEAD_AES_128_GCM or AES_CM_128_HMAC_SHA1_80       (gcm)
  --seconds N           measured, after all have joined                   (10)
  --join-rate N         clients that start in a second                    (20)
  --processes N         generator processes                               (half of the cores)
  --json FILE           write the result as JSON
  --html FILE           write a page with plots, which needs no other file
  --fail-on-loss        end with 1 when a packet was lost for good or is missing, or a client failed
  --help                this text

One-way delays are from just before a packet is sealed to just after it is opened, by the one clock of this
machine. So they contain the generator's own waiting: the result tells how late its processes were, and a burst to
many subscribers of one process is opened packet by packet, at several microseconds each.

Each client makes two or three requests; a server takes http.rateLimitPerMinute of one address, and 429 is a failure.
`;

const LIMITS = { clients: 20_000, seconds: 3_600 };

const count = (max: number) => z.coerce.number().int().min(0).max(max);
const positive = (max: number) => z.coerce.number().int().min(1).max(max);

const Arguments = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).default("http://127.0.0.1:7880"),
  key: z.string().optional(),
  secret: z.string().min(32).optional(),
  rooms: positive(10_000).default(1),
  publishers: count(1_000).default(1),
  subscribers: count(LIMITS.clients).default(1),
  meeting: positive(64).optional(),
  video: z.enum(["simulcast", "single", "svc", "none"]).default("simulcast"),
  audio: z.enum(["on", "off"]).default("on"),
  feedback: z.enum(["on", "off"]).default("off"),
  bitrates: z
    .string()
    .regex(/^\d+(,\d+){0,2}$/, "must be up to three numbers with commas, in kbit/s")
    .default("150,500,1700"),
  fps: positive(240).default(30),
  srtp: z.enum(["gcm", "cm"]).default("gcm"),
  seconds: positive(LIMITS.seconds).default(10),
  "join-rate": z.coerce.number().min(0.1).max(1_000).default(20),
  processes: positive(256).default(Math.max(1, Math.floor(availableParallelism() / 2))),
  json: z.string().min(1).optional(),
  html: z.string().min(1).optional(),
  "fail-on-loss": z.boolean().default(false),
});

export type Options = z.infer<typeof Arguments>;

/** `args`: what follows the script's name. */
export const parseOptions = (args: readonly string[]): Parsed<Options> => parseCommandLine(COMMAND, args);

function contradiction(options: Options): string | undefined {
  if ((options.key === undefined) !== (options.secret === undefined)) return "--key and --secret go together";
  if (options.video === "none" && options.audio === "off") return "nothing to send: --video none --audio off";
  const layers = bitratesBpsOf(options).length;
  if (layers < 3 && (options.video === "simulcast" || options.video === "svc")) {
    return `--video ${options.video} takes three --bitrates`;
  }
  const { rooms, publishers, subscribers, meeting } = options;
  const clients = rooms * (meeting === undefined ? publishers + subscribers : 2 * meeting);
  if (clients === 0) return "nobody to start";
  if (clients > LIMITS.clients) return `${clients} clients are more than ${LIMITS.clients}`;
  return undefined;
}

export const COMMAND: CommandLine<typeof Arguments> = { usage: USAGE, options: Arguments, contradiction };

/** Lowest first; one for a single encoding. */
export function bitratesBpsOf({ bitrates, video }: Options): number[] {
  const all = bitrates.split(",").map((kbps) => Number(kbps) * 1000);
  return video === "single" ? all.slice(-1) : all;
}

export function profilesOf({ srtp }: Options): readonly SrtpProfile[] {
  return [srtp === "gcm" ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80];
}
