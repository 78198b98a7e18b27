/**
 * SRTP key derivation (RFC 3711 §4.3): six session keys out of one master key and salt.
 *
 * The pseudo-random function is AES in counter mode under the master key. Its counter block is the master salt with
 * the label of the wanted key XORed in, and two zero bytes:
 *
 *   byte  0          7        13 14 15
 *        | master salt ^ label  | 0  0 |
 *
 * The key derivation rate is 0, as in DTLS-SRTP (RFC 5764 §4.1.2), so keys are derived once and without a packet index. A
 * 12-byte AEAD salt is padded with zeros to 14 bytes (RFC 7714 §11).
 */
import { createCipheriv } from "node:crypto";
import type { SrtpMasterKey } from "../contract/dtls.ts";

const LABEL_AT = 7;
const BLOCK_BYTES = 16;

/** Labels of RFC 3711 §4.3.2. */
const LABEL = { rtpKey: 0, rtpAuthKey: 1, rtpSalt: 2, rtcpKey: 3, rtcpAuthKey: 4, rtcpSalt: 5 } as const;

/** Session keys of one direction; AEAD profiles leave the authentication keys empty. */
export interface SrtpSessionKeys {
  readonly rtpKey: Uint8Array;
  readonly rtpAuthKey: Uint8Array;
  readonly rtpSalt: Uint8Array;
  readonly rtcpKey: Uint8Array;
  readonly rtcpAuthKey: Uint8Array;
  readonly rtcpSalt: Uint8Array;
}

/** Session keys and salts are as long as the master key and salt; `authKeyBytes` is the profile's n_a, 0 for AEAD. */
export function deriveSrtpSessionKeys(master: SrtpMasterKey, authKeyBytes: number): SrtpSessionKeys {
  const keyBytes = master.key.length;
  const saltBytes = master.salt.length;
  return {
    rtpKey: derive(master, LABEL.rtpKey, keyBytes),
    rtpAuthKey: derive(master, LABEL.rtpAuthKey, authKeyBytes),
    rtpSalt: derive(master, LABEL.rtpSalt, saltBytes),
    rtcpKey: derive(master, LABEL.rtcpKey, keyBytes),
    rtcpAuthKey: derive(master, LABEL.rtcpAuthKey, authKeyBytes),
    rtcpSalt: derive(master, LABEL.rtcpSalt, saltBytes),
  };
}

function derive(master: SrtpMasterKey, label: number, bytes: number): Uint8Array {
  const counterBlock = new Uint8Array(BLOCK_BYTES);
  counterBlock.set(master.salt);
  counterBlock[LABEL_AT]! ^= label;
  const prf = createCipheriv(`aes-${master.key.length * 8}-ctr`, master.key, counterBlock);
  return new Uint8Array(prf.update(new Uint8Array(bytes)));
}
