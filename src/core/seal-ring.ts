/** Encrypts the RTP rows of a turn in place: the second of the ring's three passes. */
import { NO_SESSION, SLOT_BYTES, type TransmitRing } from "../base/transmit-ring.ts";
import type { SrtpCipherFactory } from "../srtp/srtp-cipher.ts";
import type { SrtpSender } from "../srtp/srtp-sender.ts";

/** Size of a row that must not be sent: the socket skips it. */
const NOTHING = 0;

/**
 * Returns how many rows could not be sealed; they are left with 0 bytes, and never go out as plaintext. All others have
 * their tags: `ciphers` is where the senders' ciphers come from.
 */
export function sealRing(
  ring: TransmitRing,
  senders: readonly (SrtpSender | undefined)[],
  ciphers: Pick<SrtpCipherFactory, "finishSealing">,
): number {
  let refused = 0;
  for (let row = 0; row < ring.count; row++) {
    const session = ring.session[row]!;
    if (session === NO_SESSION) continue;
    const at = row * SLOT_BYTES;
    const headerBytes = ring.headerBytes[row]!;
    const sealed =
      senders[session]?.beginSealRtp(ring.slab, at, headerBytes, ring.bytes[row]!, ring.extSeq[row]!) ?? -1;
    if (sealed < 0) refused += 1;
    ring.bytes[row] = sealed < 0 ? NOTHING : sealed;
  }
  ciphers.finishSealing();
  return refused;
}
