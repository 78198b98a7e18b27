/**
 * A UDP socket that Node opens and closes, and that we read and write.
 *
 * node:dgram makes the socket, so Node itself closes it however its thread ends. A `uv_poll` of our own would have to
 * be closed first: a thread that is terminated runs no more JavaScript, and Node aborts over a handle left in its loop.
 * We take over the one thing that matters: libuv tells us that datagrams wait, and Node allocates and reads nothing.
 */
import { createSocket, type Socket } from "node:dgram";
import { getCurrentEventLoop } from "node:ffi";
import { isIPv6 } from "node:net";
import { c, processImage, UV_UDP } from "./libc.ts";

export interface UdpHandle {
  readonly fd: number;
  readonly port: number;
  /** Closes the socket; `onReadable` is not called again. */
  close(): Promise<void>;
}

interface UdpHandleOptions {
  readonly address: string;
  readonly port: number;
  readonly bufferBytes: number;
  /** Once per turn of the event loop while datagrams wait. It must not throw: C called it. */
  readonly onReadable: () => void;
}

/** Opens a socket bound to a numeric address; rejects when the address can't be had. */
export function openUdpHandle(options: UdpHandleOptions): Promise<UdpHandle> {
  const { socket, handle } = createWithHandle(options);
  return new Promise((resolve, reject) => {
    const onBindError = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once("error", onBindError);
    socket.bind({ address: options.address, port: options.port, exclusive: true }, () => {
      socket.off("error", onBindError);
      // Nothing is read or sent by Node, so whatever it would report is none of ours.
      socket.on("error", () => {});
      resolve(takeOver(socket, handle, options.onReadable));
    });
  });
}

/** node:dgram does not say which libuv handle is behind a socket: it is the one that was not there before. */
function createWithHandle(options: UdpHandleOptions): { socket: Socket; handle: bigint } {
  const before = new Set(udpHandlesOfThread());
  const socket = createSocket({
    type: isIPv6(options.address) ? "udp6" : "udp4",
    recvBufferSize: options.bufferBytes,
    sendBufferSize: options.bufferBytes,
    lookup: (address, _options, callback) => callback(null, address, isIPv6(address) ? 6 : 4),
  });
  const made = udpHandlesOfThread().filter((handle) => !before.has(handle));
  if (made.length !== 1) throw new Error(`node:dgram made ${made.length} handles`);
  return { socket, handle: made[0]! };
}

function udpHandlesOfThread(): bigint[] {
  const found: bigint[] = [];
  const visit = processImage.registerCallback({ arguments: ["pointer", "pointer"] }, (handle) => {
    if (c.uv_handle_get_type(handle) === UV_UDP) found.push(handle as bigint);
  });
  c.uv_walk(getCurrentEventLoop(), visit, null);
  processImage.unregisterCallback(visit);
  return found;
}

function takeOver(socket: Socket, handle: bigint, onReadable: () => void): UdpHandle {
  const fd = new Int32Array(new ArrayBuffer(4));
  c.uv_fileno(handle, fd);
  // libuv asks for a buffer before it reads. Whoever gives none, as `uv_is_active` does, a pure question that leaves
  // the buffer alone, is told so at once (UV_ENOBUFS), and libuv reads nothing: that is our word of readiness.
  const callback = processImage.registerCallback(onReadable);
  c.uv_udp_recv_stop(handle);
  c.uv_udp_recv_start(handle, c.uv_is_active.pointer, callback);
  return {
    fd: fd[0]!,
    port: socket.address().port,
    close: () =>
      new Promise((resolve) => {
        socket.close(() => {
          processImage.unregisterCallback(callback);
          resolve();
        });
      }),
  };
}
