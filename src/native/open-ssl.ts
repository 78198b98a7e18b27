/**
 * The functions of the OpenSSL that the Node binary contains and exports, called through node:ffi.
 *
 * Every parameter is declared `pointer` and given as a cached BigInt: `word.ts` says why. Importing this file throws
 * where node:ffi or a symbol is missing.
 */
import { dlopen } from "node:ffi";

/** C's NULL. */
export const NULL = 0n;

const { functions } = dlopen(null, {
  EVP_aes_128_gcm: { return: "pointer", arguments: [] },
  EVP_aes_128_ctr: { return: "pointer", arguments: [] },
  EVP_CIPHER_CTX_new: { return: "pointer", arguments: [] },
  EVP_CIPHER_CTX_free: { return: "void", arguments: ["pointer"] },
  /** Context, cipher, key, IV. NULL leaves a setting as it is. */
  EVP_EncryptInit: { return: "i32", arguments: ["pointer", "pointer", "pointer", "pointer"] },
  EVP_DecryptInit: { return: "i32", arguments: ["pointer", "pointer", "pointer", "pointer"] },
  /** Context, output, where to write its size, input, its size. With a NULL output, the input is associated data. */
  EVP_CipherUpdate: { return: "i32", arguments: ["pointer", "pointer", "pointer", "pointer", "pointer"] },
  EVP_CipherFinal_ex: { return: "i32", arguments: ["pointer", "pointer", "pointer"] },
  /** Context, parameters. */
  EVP_CIPHER_CTX_get_params: { return: "i32", arguments: ["pointer", "pointer"] },
  EVP_CIPHER_CTX_set_params: { return: "i32", arguments: ["pointer", "pointer"] },
  ERR_clear_error: { return: "void", arguments: [] },
  /** State, input, its size. */
  SHA1_Update: { return: "i32", arguments: ["pointer", "pointer", "pointer"] },
  /** State, one block of 64 bytes. */
  SHA1_Transform: { return: "void", arguments: ["pointer", "pointer"] },
});

export const {
  EVP_aes_128_gcm: aes128Gcm,
  EVP_aes_128_ctr: aes128Ctr,
  EVP_CIPHER_CTX_new: newContext,
  EVP_CIPHER_CTX_free: freeContext,
  EVP_EncryptInit: encryptInit,
  EVP_DecryptInit: decryptInit,
  EVP_CipherUpdate: cipherUpdate,
  EVP_CipherFinal_ex: cipherFinal,
  EVP_CIPHER_CTX_get_params: getParameters,
  EVP_CIPHER_CTX_set_params: setParameters,
  ERR_clear_error: clearErrors,
  SHA1_Update: sha1Update,
  SHA1_Transform: sha1Transform,
} = functions;
