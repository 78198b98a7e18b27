/**
 * The functions of the OpenSSL that the Node binary carries and exports, called through node:ffi.
 *
 * Every pointer is declared `u64` and handed over as a BigInt made beforehand: such a call costs 15 to 90 ns by its
 * number of arguments; the same argument declared `pointer` 50 ns more, a Uint8Array as `buffer` 110 ns more.
 * Importing this file throws where node:ffi or a symbol is missing.
 */
import { dlopen } from "node:ffi";

/** C's NULL. */
export const NULL = 0n;

const { functions } = dlopen(null, {
  EVP_aes_128_gcm: { return: "u64", arguments: [] },
  EVP_aes_128_ctr: { return: "u64", arguments: [] },
  EVP_CIPHER_CTX_new: { return: "u64", arguments: [] },
  EVP_CIPHER_CTX_free: { return: "void", arguments: ["u64"] },
  /** Context, cipher, engine, key, IV, 1 to encrypt or 0 to decrypt. What is NULL stays as it was. */
  EVP_CipherInit_ex: { return: "i32", arguments: ["u64", "u64", "u64", "u64", "u64", "i32"] },
  /** Context, output, where to write its size, input, its size. Without an output, associated data. */
  EVP_CipherUpdate: { return: "i32", arguments: ["u64", "u64", "u64", "u64", "i32"] },
  EVP_CipherFinal_ex: { return: "i32", arguments: ["u64", "u64", "u64"] },
  /** Context, command, argument, pointer. */
  EVP_CIPHER_CTX_ctrl: { return: "i32", arguments: ["u64", "i32", "i32", "u64"] },
  ERR_clear_error: { return: "void", arguments: [] },
  /** State, input, its size. */
  SHA1_Update: { return: "i32", arguments: ["u64", "u64", "u64"] },
  /** State, one block of 64 bytes. */
  SHA1_Transform: { return: "void", arguments: ["u64", "u64"] },
});

export const {
  EVP_aes_128_gcm: aes128Gcm,
  EVP_aes_128_ctr: aes128Ctr,
  EVP_CIPHER_CTX_new: newContext,
  EVP_CIPHER_CTX_free: freeContext,
  EVP_CipherInit_ex: cipherInit,
  EVP_CipherUpdate: cipherUpdate,
  EVP_CipherFinal_ex: cipherFinal,
  EVP_CIPHER_CTX_ctrl: cipherControl,
  ERR_clear_error: clearErrors,
  SHA1_Update: sha1Update,
  SHA1_Transform: sha1Transform,
} = functions;

/** Commands of `cipherControl` (openssl/evp.h): the tag made by encryption, the tag expected by decryption. */
export const GET_TAG = 0x10;
export const SET_TAG = 0x11;
