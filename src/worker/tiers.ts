/**
 * The two tiers of the fast path: `native` where the platform supports it, `portable` anywhere. Nothing else in the
 * code depends on which one runs.
 */
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80, type SrtpProfile } from "../contract/dtls.ts";
import type { SrtpCipherFactory } from "../srtp/srtp-cipher.ts";
import type { DatagramSocket, DatagramSocketOptions } from "./datagram-socket.ts";

export type TierName = "native" | "portable";

/** What each tier seals, the cheapest first. */
export const SRTP_PROFILES: Record<TierName, readonly SrtpProfile[]> = {
  /** GCM is one pass instead of two, and no HMAC. */
  native: [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80],
  /** GCM needs a cipher object for each packet, and takes three to seven times as long. */
  portable: [SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_128_GCM],
};

export interface Tier {
  /** Rejects when the address cannot be bound. */
  readonly createSocket: (options: DatagramSocketOptions) => Promise<DatagramSocket>;
  readonly ciphers: SrtpCipherFactory;
}

/** Rejects where the platform lacks something: the native modules look up their symbols on loading. */
export async function loadTier(name: TierName): Promise<Tier> {
  if (name === "portable") {
    const [{ createPortableSocket }, { portableCipherFactory }] = await Promise.all([
      import("../portable/portable-socket.ts"),
      import("../portable/portable-cipher.ts"),
    ]);
    return { createSocket: createPortableSocket, ciphers: portableCipherFactory };
  }
  const [{ createNativeSocket }, { nativeCipherFactory }] = await Promise.all([
    import("../native/native-socket.ts"),
    import("../native/native-cipher.ts"),
  ]);
  return { createSocket: createNativeSocket, ciphers: nativeCipherFactory };
}
