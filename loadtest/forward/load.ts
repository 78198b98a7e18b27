/** The load of one measurement, with the addresses and keys that all sides share. */
import { createHash } from "node:crypto";
import type { MediaKind } from "../../src/base/codec.ts";
import type { SrtpKeys, SrtpMasterKey, SrtpProfile } from "../../src/contract/dtls.ts";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";

/** `clocked`: the time in its parts is measured. `left-out`: there is none. */
export type Estimating = "as-it-is" | "clocked" | "left-out";

export interface Load {
  readonly kind: MediaKind;
  readonly profile: SrtpProfile;
  readonly fanOut: number;
  /** Packets that the publisher sends at once. */
  readonly burst: number;
  /** Whether receivers send transport-wide feedback, as browsers do, so that bandwidth is estimated for them. */
  readonly answered?: boolean;
  /** What is done to the estimating of a media thread, to measure it. */
  readonly estimating?: Estimating;
}

/** RTP header and payload, as specified for the benchmark: video of 1,100 bytes, audio of 100. */
export const PACKET_BYTES: Record<MediaKind, number> = { video: 1100, audio: 100 };

export const PAYLOAD_TYPE = 96;

export const EXTENSIONS: Record<string, number> = {
  [EXTENSION_URI.mid]: 1,
  [EXTENSION_URI.absSendTime]: 2,
  [EXTENSION_URI.transportCc]: 3,
  [EXTENSION_URI.audioLevel]: 4,
  [EXTENSION_URI.dependencyDescriptor]: 5,
  [EXTENSION_URI.absCaptureTime]: 6,
};

const { [EXTENSION_URI.transportCc]: _numbered, ...plain } = EXTENSIONS;
/** A receiver that negotiates feedback and sends none would be taken for a path with next to no bandwidth. */
export const subscriberExtensions = ({ answered }: Load): Record<string, number> =>
  answered === true ? EXTENSIONS : plain;

export const PUBLISHER_SSRC = 0x1000;

/** The stream that subscriber `index` receives. */
export const subscriberSsrc = (index: number): number => 0x10000 + index;

/** Each subscriber has an address of its own on the loopback network, and all share one port. */
export const subscriberAddress = (index: number): string => `127.0.${1 + (index >> 8)}.${index & 0xff}`;

/** Keys of one association, by the name of the peer. */
export function keysOf(peer: string, profile: SrtpProfile): SrtpKeys {
  const master = (direction: string): SrtpMasterKey => {
    const hash = createHash("sha256").update(`${peer} ${direction}`).digest();
    return { key: hash.subarray(0, 16), salt: hash.subarray(16, profile === 1 ? 30 : 28) };
  };
  return { profile, receive: master("receive"), send: master("send") };
}

export const PUBLISHER = "publisher";
export const subscriberName = (index: number): string => `subscriber-${index}`;
