/** Receives datagrams in batches of `recvmmsg`, into memory allocated once. One that is longer than a slot is dropped. */
import { SLOT_BYTES } from "../base/transmit-ring.ts";
import type { DatagramHandler } from "../worker/datagram-socket.ts";
import { IOVEC, MSG_TRUNC, NativeMemory, receiveMessages } from "./libc.ts";
import { MessageHeaders } from "./message-headers.ts";
import { ReceivedControls } from "./received-controls.ts";
import { SOCKADDR_STRIDE, type SocketAddresses } from "./socket-addresses.ts";
import { writePointer } from "./word.ts";

/** Datagrams of one system call: 128 KiB, which fits a core's L2 cache. 16 and 256 measured the same. */
const BATCH = 64;

export class DatagramReceiver {
  readonly #fd: number;
  readonly #addresses: SocketAddresses;
  readonly #handler: DatagramHandler;
  readonly #onPathTableFull: () => void;
  readonly #messages = new MessageHeaders(BATCH);
  readonly #controls: ReceivedControls;
  readonly #slab = new NativeMemory(BATCH * SLOT_BYTES);
  readonly #names = new NativeMemory(BATCH * SOCKADDR_STRIDE);
  readonly #iovecs = new NativeMemory(BATCH * IOVEC.bytes);
  readonly #slots: readonly Uint8Array[];
  #truncated = 0;
  #isMarked = false;

  constructor(fd: number, addresses: SocketAddresses, handler: DatagramHandler, onPathTableFull: () => void) {
    this.#fd = fd;
    this.#addresses = addresses;
    this.#controls = new ReceivedControls(this.#messages, addresses.info);
    this.#handler = handler;
    this.#onPathTableFull = onPathTableFull;
    this.#slots = Array.from({ length: BATCH }, (_, i) =>
      this.#slab.bytes.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES),
    );
    for (let message = 0; message < BATCH; message++) {
      const iovec = message * IOVEC.bytes;
      writePointer(this.#iovecs.words, iovec / 4, this.#slab.address + message * SLOT_BYTES);
      this.#iovecs.words[(iovec + IOVEC.length) / 4] = SLOT_BYTES;
      this.#messages.setIovecs(message, this.#iovecs.address + iovec, 1);
      // The kernel writes back the size of the address, which never changes: a socket has one address family.
      this.#messages.setName(message, this.#names.address + message * SOCKADDR_STRIDE, addresses.nameBytes);
    }
  }

  /** Number of dropped datagrams that were longer than a slot. */
  get truncated(): number {
    return this.#truncated;
  }

  /** The next datagrams belong to another turn. */
  endTurn(): void {
    this.#isMarked = false;
  }

  /** Passes one batch to the handler, while `isOpen()`: the handler may close the socket. True when more may wait. */
  receive(isOpen: () => boolean): boolean {
    const count = receiveMessages(this.#fd, this.#messages.pointers[0]!, BATCH);
    if (count > 0 && !this.#isMarked) {
      this.#controls.mark();
      this.#isMarked = true;
    }
    for (let message = 0; message < count && isOpen(); message++) this.#deliver(message);
    return count === BATCH && isOpen();
  }

  #deliver(message: number): void {
    const controls = this.#controls;
    const offsetUs = controls.offsetUs(message);
    const localAt = controls.localAt(message);
    controls.release(message);
    if ((this.#messages.flags(message) & MSG_TRUNC) !== 0) {
      this.#truncated += 1;
      return;
    }
    const name = (message * SOCKADDR_STRIDE) / 4;
    // Port 0 is legal as a source, but cannot be answered. The family is in the word's lower half.
    if (this.#names.words[name]! >>> 16 === 0) return;
    const path = this.#addresses.find(this.#names.words, name, controls.words, localAt);
    if (path < 0) this.#onPathTableFull();
    else this.#handler.onDatagram(this.#slots[message]!, this.#messages.length(message), path, offsetUs);
  }
}
