/**
 * The one thing the media thread needs from the operating system: datagrams in batches, both ways.
 *
 * Bodies live in `portable/` (node:dgram) and, where the platform has it, `native/`; one conformance suite holds both.
 */
import type { PathId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";
import type { TransmitRing } from "../base/transmit-ring.ts";

export interface DatagramHandler {
  /** What came so far is part of something of which more is on its way. */
  readonly expectsMore?: boolean;
  /**
   * One datagram in `bytes[0, length)`, of `SLOT_BYTES` at most, writable, and valid only during the call. `offsetUs`: from the
   * first call of this turn until it came to this machine, mostly negative, for it had to wait; 0 where the body can not tell.
   */
  onDatagram(bytes: Uint8Array, length: number, path: PathId, offsetUs: number): void;
  /** After the last datagram of a batch: time to seal and send what it caused. */
  onBatchEnd(): void;
}

export interface DatagramSocketOptions {
  readonly address: string;
  readonly port: number;
  readonly paths: PathTable;
  readonly handler: DatagramHandler;
  /** Asked of the kernel for each direction; it may give less. */
  readonly bufferBytes: number;
  /**
   * How long a handler that expects more may wait for it, microseconds; 0 unless told. Only while there is nothing else to
   * do, and only where the body can.
   */
  readonly gatherUs?: number;
  /** A datagram from an address that found no place in `paths`. */
  readonly onPathTableFull: () => void;
}

export interface DatagramSocket {
  readonly port: number;
  /** What the kernel granted, in its own counting: Linux says twice what it was asked for. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** Whether datagrams of one size to one receiver go out in one piece, at less cost. */
  readonly segments: boolean;
  /**
   * Sends every row of the ring to its path; rows of 0 bytes are passed over. Rows that the kernel refuses are dropped;
   * returns how many were, at the latest in the next call.
   */
  send(ring: TransmitRing): number;
  /**
   * Datagrams that came to the socket and were lost before the handler: a full buffer, a wrong checksum, an impossible
   * size. Undefined when the platform does not say.
   */
  receiveDrops(): number | undefined;
  close(): Promise<void>;
}
