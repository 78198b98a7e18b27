/** SRTP by the OpenSSL inside Node: the implementation of `SrtpCipher` where node:ffi is available. */
import { SRTP_AEAD_AES_128_GCM, type SrtpMasterKey, type SrtpProfile } from "../contract/dtls.ts";
import { deriveSrtpSessionKeys } from "../srtp/key-derivation.ts";
import type { SrtpCipher, SrtpCipherFactory } from "../srtp/srtp-cipher.ts";
import { liveContexts } from "./cipher-context.ts";
import { CounterCipher } from "./counter-cipher.ts";
import { GcmCipher } from "./gcm-cipher.ts";

/** n_a of AES_CM_128_HMAC_SHA1_80 (RFC 3711 §8.2). */
const HMAC_SHA1_KEY_BYTES = 20;

export const nativeCipherFactory: SrtpCipherFactory = {
  create(profile: SrtpProfile, master: SrtpMasterKey): SrtpCipher {
    return profile === SRTP_AEAD_AES_128_GCM
      ? new GcmCipher(deriveSrtpSessionKeys(master, 0))
      : new CounterCipher(deriveSrtpSessionKeys(master, HMAC_SHA1_KEY_BYTES));
  },
  /** Packets are sealed one by one, each at once. */
  finishSealing() {},
  contexts: liveContexts,
};
