/** Packets as they go through a TCP stream (RFC 4571 §2). */
export function framed(...packets: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    packets.flatMap((packet) => {
      const body = Buffer.from(packet as string);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(body.length);
      return [length, body];
    }),
  );
}
