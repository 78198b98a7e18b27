/**
 * The clear end of a frame that LiveKit's clients have encrypted:
 *
 *   | ciphertext and tag | IV, 12 bytes | 12 | key index |       sealed: frame cryptors of the web SDK and of libwebrtc's fork
 *   …                                        | TLVs | length ^ 0xff | L K T S |    then, where announced, a packet trailer
 *
 * An unencrypted frame ends like that only by chance.
 */
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Empty ciphertext, its tag, the IV and the two bytes after it: no sealed frame is shorter. */
const MIN_SEALED_BYTES = TAG_BYTES + IV_BYTES + 2;

const MAGIC = [0x4c, 0x4b, 0x54, 0x53] as const;
const ENVELOPE_BYTES = MAGIC.length + 1;

/**
 * Whether the last packet of a frame, with the payload `packet[at, at + length)`, ends as a sealed frame does. The last of
 * several packets may be short; a whole frame that is too short for what sealing adds is not sealed.
 */
export function endsSealed(packet: Uint8Array, at: number, length: number, isWholeFrame: boolean): boolean {
  const end = at + length - packetTrailerBytes(packet, at, length);
  if (end - at < (isWholeFrame ? MIN_SEALED_BYTES : 2)) return false;
  return packet[end - 2] === IV_BYTES;
}

/** Size of the trailer that a client has appended to the sealed frame, as it says; 0 without one. */
function packetTrailerBytes(packet: Uint8Array, at: number, length: number): number {
  if (length < ENVELOPE_BYTES) return 0;
  const magicAt = at + length - MAGIC.length;
  for (let i = 0; i < MAGIC.length; i++) if (packet[magicAt + i] !== MAGIC[i]) return 0;
  return packet[magicAt - 1]! ^ 0xff;
}
