/**
 * A UDP socket that Node opens, polls and closes, and that we read and write.
 *
 * Readiness is reported through node:dgram, not by a `uv_poll` and an ffi callback of ours. A handle of our own would
 * have to be closed before its thread ends, and an ffi callback during `worker.terminate()` or `process.exit()` aborts
 * the process: in both cases no JavaScript runs any more that could prevent it. Node closes its own handles.
 */
import { createSocket, type Socket } from "node:dgram";
import { getCurrentEventLoop, getUint64 } from "node:ffi";
import { isIPv6 } from "node:net";
import { c, UV_HANDLE_QUEUE, UV_LOOP_QUEUE, UV_UDP, UV_UDP_CALLBACKS } from "./libc.ts";

interface UdpHandleOptions {
  readonly address: string;
  readonly port: number;
  readonly bufferBytes: number;
}

export class UdpHandle {
  readonly fd: number;
  readonly port: number;
  readonly #socket: Socket;

  constructor(socket: Socket, handle: bigint) {
    const fd = new Int32Array(new ArrayBuffer(4));
    c.uv_fileno(handle, fd);
    this.fd = fd[0]!;
    this.port = socket.address().port;
    this.#socket = socket;
    readNothing(handle);
  }

  /**
   * Calls `onReadable` once in every turn of the event loop in which datagrams wait. libuv reports that it got no
   * buffer to read into (see `readNothing`); node:dgram's handler would make that an error, at 2 µs and 700 bytes a
   * turn.
   */
  watch(onReadable: () => void): void {
    reportsOf(this.#socket).onmessage = () => onReadable();
  }

  /** Frees the port; `onReadable` is not called again. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}

/** Opens a socket bound to a numeric address; rejects when the address cannot be bound. */
export async function openUdpHandle(options: UdpHandleOptions): Promise<UdpHandle> {
  const socket = createSocket({
    type: isIPv6(options.address) ? "udp6" : "udp4",
    recvBufferSize: options.bufferBytes,
    sendBufferSize: options.bufferBytes,
    lookup: (address, _options, callback) => callback(null, address, isIPv6(address) ? 6 : 4),
  });
  try {
    const handle = newestHandle();
    await bind(socket, options);
    // Node has read nothing yet: no turn of the event loop has begun since.
    return new UdpHandle(socket, handle);
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Node's wrapper of the handle, on which it calls the handler that node:dgram has set. */
interface Reports {
  onmessage: () => void;
}

/** node:dgram keeps it under a private symbol. */
function reportsOf(socket: Socket): Reports {
  const members = socket as unknown as Record<
    symbol,
    { readonly handle?: Partial<Reports> | null } | undefined
  >;
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const handle = members[symbol]?.handle;
    if (typeof handle?.onmessage === "function") return handle as Reports;
  }
  throw new Error("the handle of node:dgram is not where it was expected");
}

function bind(socket: Socket, { address, port }: UdpHandleOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

/** The libuv handle that node:dgram has just made: new ones are appended to their loop's list. */
function newestHandle(): bigint {
  const list = getCurrentEventLoop() + BigInt(UV_LOOP_QUEUE.next);
  const last = getUint64(list, UV_LOOP_QUEUE.previous - UV_LOOP_QUEUE.next);
  const handle = last - BigInt(UV_HANDLE_QUEUE);
  if (getUint64(last, 0) !== list || c.uv_handle_get_type(handle) !== UV_UDP) {
    throw new Error("libuv's handles are not where they were expected");
  }
  return handle;
}

/**
 * libuv asks for a buffer before it reads. Set as the allocation callback, `uv_is_active` provides none, as it leaves
 * the buffer untouched: libuv then reads nothing and reports that at once, to the callback that Node has set.
 */
function readNothing(handle: bigint): void {
  const report = getUint64(handle, UV_UDP_CALLBACKS.received);
  c.uv_udp_recv_stop(handle);
  c.uv_udp_recv_start(handle, c.uv_is_active.pointer, report);
  if (getUint64(handle, UV_UDP_CALLBACKS.allocate) !== c.uv_is_active.pointer) {
    throw new Error("libuv's callbacks are not where they were expected");
  }
}
