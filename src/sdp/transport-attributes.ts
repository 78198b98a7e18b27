/** Attributes of the ICE and DTLS transport, at session or media level (RFC 8839 §5, RFC 8122, RFC 8842). */
import type { Fingerprint, IceCredentials } from "../contract/media.ts";
import { isPwd, isUfrag } from "./ice-attributes.ts";
import type { OfferedExtension, Setup } from "./session-description.ts";

/** Filled line by line. */
export class TransportAttributes {
  ufrag: string | null = null;
  pwd: string | null = null;
  setup: Setup | null = null;
  extmapAllowMixed = false;
  readonly fingerprints: Fingerprint[] = [];
  readonly extensions: OfferedExtension[] = [];

  /** The credentials of this level, or of the session level `above`. */
  ice(above: TransportAttributes): IceCredentials | null {
    const ufrag = this.ufrag ?? above.ufrag;
    const pwd = this.pwd ?? above.pwd;
    return ufrag === null || pwd === null ? null : { ufrag, pwd };
  }
}

type Reader = (attributes: TransportAttributes, value: string) => boolean;

/** By attribute name. Each returns false when the value is malformed. */
export const TRANSPORT_READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["ice-ufrag", readUfrag],
  ["ice-pwd", readPwd],
  ["fingerprint", readFingerprint],
  ["setup", readSetup],
  ["extmap", readExtension],
  ["extmap-allow-mixed", readAllowMixed],
]);

/**
 * Fingerprints and extensions of one section. Larger: more to compare for one handshake or packet. Smaller: an offer
 * of a browser with more experiments is refused; they have 20 today.
 */
const MAX_FINGERPRINTS = 8;
const MAX_EXTENSIONS = 64;

/** Digest sizes of the hash functions that we accept. SHA-1 and MD5 are ignored: they are broken. */
const DIGEST_BYTES = { "sha-256": 32, "sha-384": 48, "sha-512": 64 } as const;

function readUfrag(attributes: TransportAttributes, value: string): boolean {
  if (!isUfrag(value)) return false;
  attributes.ufrag = value;
  return true;
}

function readPwd(attributes: TransportAttributes, value: string): boolean {
  if (!isPwd(value)) return false;
  attributes.pwd = value;
  return true;
}

function readFingerprint(attributes: TransportAttributes, value: string): boolean {
  const match = /^([\w-]{1,32}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63})$/.exec(value);
  if (match === null) return false;
  const algorithm = match[1]!.toLowerCase();
  if (!isKnownDigest(algorithm)) return true;
  const digest = match[2]!.toUpperCase();
  if (digest.length !== DIGEST_BYTES[algorithm] * 3 - 1) return false;
  return attributes.fingerprints.push({ algorithm, value: digest }) <= MAX_FINGERPRINTS;
}

function isKnownDigest(algorithm: string): algorithm is keyof typeof DIGEST_BYTES {
  return Object.hasOwn(DIGEST_BYTES, algorithm);
}

function readSetup(attributes: TransportAttributes, value: string): boolean {
  if (value !== "actpass" && value !== "active" && value !== "passive" && value !== "holdconn") return false;
  attributes.setup = value;
  return true;
}

/** `<id>["/"<direction>] <URI> [<attributes>]` (RFC 8285 §8). Ids above 255 cannot be used; from 4096 on they are placeholders. */
function readExtension(attributes: TransportAttributes, value: string): boolean {
  const match = /^(\d{1,4})(?:\/(sendrecv|sendonly|recvonly|inactive))? ([!-~]{1,255})(?: |$)/.exec(value);
  if (match === null) return false;
  const id = Number(match[1]);
  if (id === 0) return false;
  if (id > 255) return true;
  const direction = (match[2] ?? "sendrecv") as OfferedExtension["direction"];
  return attributes.extensions.push({ id, uri: match[3]!, direction }) <= MAX_EXTENSIONS;
}

function readAllowMixed(attributes: TransportAttributes, value: string): boolean {
  attributes.extmapAllowMixed = true;
  return value === "";
}
