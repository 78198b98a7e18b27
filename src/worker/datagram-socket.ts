/**
 * What the media thread needs from the operating system: datagrams in batches, both ways.
 *
 * Implemented in `portable/` (node:dgram) and, where the platform allows it, `native/`; one test suite covers both.
 */
import type { PathId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";
import type { TransmitRing } from "../base/transmit-ring.ts";

export interface DatagramHandler {
  /** Whether more of what arrived is expected soon, such as the rest of a frame. */
  readonly expectsMore?: boolean;
  /**
   * One datagram in `bytes[0, length)`, of `SLOT_BYTES` at most, writable, and valid only during the call. `offsetUs`:
   * its arrival at this machine, relative to the first call of this turn; mostly negative, since it had to wait; 0
   * where that is unknown.
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
  /** Requested from the kernel for each direction; it may grant less. */
  readonly bufferBytes: number;
  /**
   * How long to wait when the handler expects more, in microseconds; 0 by default. Only while the thread is otherwise
   * idle, and only in the native implementation.
   */
  readonly gatherUs?: number;
  /** A datagram was dropped because its address found no place in `paths`. */
  readonly onPathTableFull: () => void;
}

export interface DatagramSocket {
  readonly port: number;
  /** What the kernel granted, in its own accounting: Linux reports twice the request. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** Whether datagrams of one size to one receiver are sent as one segmented message (GSO), at less cost. */
  readonly segments: boolean;
  /**
   * Sends every row of the ring to its path, except rows of 0 bytes. Rows that the kernel refuses are dropped; returns
   * how many were, at the latest in the next call.
   */
  send(ring: TransmitRing): number;
  /**
   * Received datagrams that were lost before the handler: full buffer, wrong checksum, impossible size. Undefined when
   * the platform does not report it.
   */
  receiveDrops(): number | undefined;
  close(): Promise<void>;
}
