/**
 * How a frame ends that LiveKit's clients have sealed, in the clear:
 *
 *   | ciphertext and tag | IV, 12 bytes | 12 | key index |       sealed: frame cryptors of the web SDK and of libwebrtc's fork
 *   …                                        | TLVs | length ^ 0xff | L K T S |    then, where announced, a packet trailer
 *
 * A plain frame ends like that by chance only.
 */
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Ciphertext of nothing, its tag, the IV and the two bytes after it: no sealed frame is shorter. */
const MIN_SEALED_BYTES = TAG_BYTES + IV_BYTES + 2;

const MAGIC = [0x4c, 0x4b, 0x54, 0x53] as const;
const ENVELOPE_BYTES = MAGIC.length + 1;

/**
 * Whether the last packet of a frame, whose payload is `packet[at, at + length)`, ends as a sealed frame does. Of a frame
 * in several packets the last may be short; one of a single packet that could not hold what sealing adds is plain.
 */
export function endsSealed(packet: Uint8Array, at: number, length: number, isWholeFrame: boolean): boolean {
  const end = at + length - packetTrailerBytes(packet, at, length);
  if (end - at < (isWholeFrame ? MIN_SEALED_BYTES : 2)) return false;
  return packet[end - 2] === IV_BYTES;
}

/** What a client has appended to the frame after sealing it; 0 for nothing. */
function packetTrailerBytes(packet: Uint8Array, at: number, length: number): number {
  if (length < ENVELOPE_BYTES) return 0;
  const magicAt = at + length - MAGIC.length;
  for (let i = 0; i < MAGIC.length; i++) if (packet[magicAt + i] !== MAGIC[i]) return 0;
  const bytes = packet[magicAt - 1]! ^ 0xff;
  return bytes >= ENVELOPE_BYTES && bytes <= length ? bytes : 0;
}
