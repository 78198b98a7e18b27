/**
 * A UDP socket that Node opens, watches and closes, and that we read and write.
 *
 * Readiness comes by way of node:dgram, not by a `uv_poll` and an ffi callback of ours. A handle of our own would have
 * to be closed before its thread ends, and an ffi callback that meets `worker.terminate()` or `process.exit()` aborts
 * the process: in both cases no JavaScript runs any more that could prevent it. What Node made, Node ends well.
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
   * Calls `onReadable` once in every turn of the event loop in which datagrams wait. libuv reports that it found no buffer
   * to read into; node:dgram would make an error of that, for 2 µs and 700 bytes a turn, hence it is not asked.
   */
  watch(onReadable: () => void): void {
    reportsOf(this.#socket).onmessage = () => onReadable();
  }

  /** Frees the port; `onReadable` is not called again. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}

/** Opens a socket bound to a numeric address; rejects when the address can't be had. */
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

/** Node's side of the handle, on which it calls what node:dgram has put there. */
interface Reports {
  onmessage: () => void;
}

/** node:dgram keeps it under a symbol of its own. */
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

/** The libuv handle that node:dgram just made: new ones are put at the end of their loop's list. */
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
 * libuv asks for a buffer before it reads. Whoever gives none, as `uv_is_active` does, a question that leaves the
 * buffer alone, makes libuv report that at once, and read nothing. The report goes to the callback that Node set.
 */
function readNothing(handle: bigint): void {
  const report = getUint64(handle, UV_UDP_CALLBACKS.received);
  c.uv_udp_recv_stop(handle);
  c.uv_udp_recv_start(handle, c.uv_is_active.pointer, report);
  if (getUint64(handle, UV_UDP_CALLBACKS.allocate) !== c.uv_is_active.pointer) {
    throw new Error("libuv's callbacks are not where they were expected");
  }
}
