/** The tier that a benchmark uses: socket and cipher of `BLINDFOLD_FAST_PATH`, as the server would choose them. */
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { createPortableSocket } from "../../src/portable/portable-socket.ts";

export const cipherFactory = portableCipherFactory;
export const createSocket = createPortableSocket;
