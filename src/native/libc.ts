/**
 * The C functions, constants and struct layouts that a socket needs, from Node's own process.
 *
 * Importing this throws where they are missing: then the portable tier has to be used. Layouts are those of 64-bit
 * little-endian Linux (x86-64 and arm64 agree in all that is used here), with glibc or musl.
 */
import { dlopen, getRawPointer, toArrayBuffer } from "node:ffi";
import { arch, endianness, platform } from "node:os";
import { word } from "./word.ts";

if (platform() !== "linux" || endianness() !== "LE" || !["x64", "arm64"].includes(arch())) {
  throw new Error(`no native socket for ${platform()} on ${arch()}`);
}
// libuv keeps its ABI within a major version.
if (!process.versions.uv.startsWith("1."))
  throw new Error(`no native socket over libuv ${process.versions.uv}`);

export const { functions: c } = dlopen(null, {
  __errno_location: { arguments: [], return: "pointer" },
  /** Clock, out; see `recvmmsg`. */
  clock_gettime: { arguments: ["pointer", "pointer"], return: "i32" },
  getsockopt: { arguments: ["i32", "i32", "i32", "pointer", "pointer"], return: "i32" },
  /** Socket, messages, how many, flags, timeout; `word.ts` says why they are declared so. */
  recvmmsg: { arguments: ["pointer", "pointer", "pointer", "pointer", "pointer"], return: "i32" },
  sendmmsg: { arguments: ["pointer", "pointer", "pointer", "pointer"], return: "i32" },
  setsockopt: { arguments: ["i32", "i32", "i32", "pointer", "u32"], return: "i32" },
  uv_fileno: { arguments: ["pointer", "pointer"], return: "i32" },
  uv_handle_get_type: { arguments: ["pointer"], return: "i32" },
  uv_if_indextoname: { arguments: ["u32", "pointer", "pointer"], return: "i32" },
  uv_ip4_addr: { arguments: ["string", "i32", "pointer"], return: "i32" },
  uv_ip6_addr: { arguments: ["string", "i32", "pointer"], return: "i32" },
  uv_ip6_name: { arguments: ["pointer", "pointer", "u64"], return: "i32" },
  uv_is_active: { arguments: ["pointer"], return: "i32" },
  uv_udp_recv_start: { arguments: ["pointer", "pointer", "pointer"], return: "i32" },
  uv_udp_recv_stop: { arguments: ["pointer"], return: "i32" },
});

/** `uv_handle_type` of a UDP socket (uv.h). */
export const UV_UDP = 15;
/** Links of `uv_loop_t` to its first and last handle, and the offset of the link in a handle. */
export const UV_LOOP_QUEUE = { next: 16, previous: 24 } as const;
export const UV_HANDLE_QUEUE = 32;
/** `uv_udp_t`: the callbacks that allocate a buffer and that take what was read. */
export const UV_UDP_CALLBACKS = { allocate: 112, received: 120 } as const;

export const AF_INET6 = 10;

export const SOL_SOCKET = 1;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
/** Each datagram comes with the time at which the kernel received it, in a control message of the same type number. */
export const SO_TIMESTAMPNS = 35;
/** Nine 32-bit words of accounting, `SK_MEMINFO_…` (linux/sock_diag.h), read on demand, at no cost per packet. */
export const SO_MEMINFO = 55;
export const MEMINFO_WORDS = 9;
export const MEMINFO = { receiveBuffer: 1, sendBuffer: 3, drops: 8 } as const;

/** UDP GSO: one message leaves as datagrams of this size (udp(7)). */
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;

export const MSG_TRUNC = 0x20;
const DO_NOT_WAIT = word(0x40);
const NULL = word(0);

export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const EINVAL = 22;
export const EMSGSIZE = 90;
export const ENOBUFS = 105;

/** `struct sockaddr_in` and `sockaddr_in6`; port and address are big-endian. */
export const SOCKADDR = { port: 2, ipv4: 4, ipv6: 8, scope: 24, ipv4Bytes: 16, ipv6Bytes: 28 } as const;
/** `struct iovec`. */
export const IOVEC = { length: 8, bytes: 16 } as const;
/** `struct mmsghdr`: a `msghdr`, then the number of bytes sent or received. */
export const MMSGHDR = {
  name: 0,
  nameBytes: 8,
  iovecs: 16,
  iovecCount: 24,
  control: 32,
  controlBytes: 40,
  flags: 48,
  length: 56,
  bytes: 64,
} as const;
/** `struct timespec`. */
export const TIMESPEC = { seconds: 0, nanoseconds: 8, bytes: 16 } as const;
/** `struct cmsghdr` with the 16-bit value of UDP_SEGMENT; `valueEnd` is CMSG_LEN(2), `bytes` is CMSG_SPACE(2). */
export const CMSG = { level: 8, type: 12, value: 16, valueEnd: 18, bytes: 24 } as const;

/**
 * A control message that says which of our addresses a datagram came to, or leaves from: `struct in_pktinfo` (ip(7)) and
 * `in6_pktinfo` (RFC 3542 §6). An IPv6 socket uses the latter for IPv4-mapped addresses too.
 */
export interface PacketInfo {
  readonly level: number;
  readonly type: number;
  /** The socket option that has the kernel add it to what is received. */
  readonly option: number;
  /** CMSG_LEN and CMSG_SPACE. */
  readonly end: number;
  readonly bytes: number;
  /** Where the address is, and its size. */
  readonly local: number;
  readonly localBytes: number;
}
const IP_PKTINFO = { level: 0, type: 8, option: 8, end: 28, bytes: 32, local: 20, localBytes: 4 } as const;
const IPV6_PKTINFO = {
  level: 41,
  type: 50,
  option: 49,
  end: 36,
  bytes: 40,
  local: 16,
  localBytes: 16,
} as const;
export const packetInfo = (isIpv6: boolean): PacketInfo => (isIpv6 ? IPV6_PKTINFO : IP_PKTINFO);

/** This thread's `errno` as memory: read directly after a failed call, before a further ffi call could overwrite it. */
const errno = new Int32Array(toArrayBuffer(c.__errno_location(), 4, false));

/** V8 makes fast calls only to functions that it knows to be constant. */
const { sendmmsg, recvmmsg, clock_gettime } = c;
const CLOCK_REALTIME = word(0);

/** `sendmmsg`: the number of messages sent, or the negative errno of the first. */
export function sendMessages(fd: number, messages: bigint, count: number): number {
  const sent = sendmmsg(word(fd), messages, word(count), DO_NOT_WAIT);
  return sent < 0 ? -errno[0]! : sent;
}

/** `recvmmsg`: the number of messages received; 0 when none wait. Errors concern datagrams sent earlier. */
export function receiveMessages(fd: number, messages: bigint, count: number): number {
  return Math.max(0, recvmmsg(word(fd), messages, word(count), DO_NOT_WAIT, NULL));
}

/** Reads the clock of the kernel's timestamps into a `struct timespec`. */
export function readRealTime(out: NativeMemory): void {
  clock_gettime(CLOCK_REALTIME, out.pointer);
}

/** Sets a 32-bit socket option; false when the kernel refuses. */
export function setOption(fd: number, level: number, option: number, value: number): boolean {
  const bytes = new ArrayBuffer(4);
  new Int32Array(bytes)[0] = value;
  return c.setsockopt(fd, level, option, bytes, 4) === 0;
}

/** Reads a socket option of several 32-bit words; false when the kernel does not support it. */
export function getOption(fd: number, level: number, option: number, out: Uint32Array): boolean {
  const length = new ArrayBuffer(4);
  new Uint32Array(length)[0] = out.byteLength;
  return c.getsockopt(fd, level, option, out, length) === 0;
}

/**
 * Memory that C holds pointers into: allocated once, never resized, and alive as long as this object is.
 *
 * Addresses are numbers, not BigInts: 47 bits fit in a double, and writing one allocates nothing.
 */
export class NativeMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly pointer: bigint;
  readonly address: number;

  constructor(byteLength: number) {
    const buffer = new ArrayBuffer(byteLength);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.pointer = getRawPointer(buffer);
    this.address = Number(this.pointer);
  }
}

/** The address of a view's bytes, valid while the view is referenced and its buffer neither resized nor moved. */
export function addressOf(view: Uint8Array): number {
  return Number(getRawPointer(view));
}
