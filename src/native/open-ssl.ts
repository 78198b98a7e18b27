/**
 * The functions of the OpenSSL that the Node binary carries and exports, called through node:ffi.
 *
 * Every pointer is declared `u64` and handed over as a BigInt made beforehand; declared `pointer` it costs 50 ns more,
 * a Uint8Array as `buffer` 110 ns more. node:ffi calls functions of up to three arguments at once, in 15 to 40 ns, and
 * larger ones by way of an array, in 80 and more; hence those with the fewest arguments are chosen.
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
  /** Context, cipher, key, IV. What is NULL stays as it was. */
  EVP_EncryptInit: { return: "i32", arguments: ["u64", "u64", "u64", "u64"] },
  EVP_DecryptInit: { return: "i32", arguments: ["u64", "u64", "u64", "u64"] },
  /** Context, output, where to write its size, input, its size. Without an output, associated data. */
  EVP_CipherUpdate: { return: "i32", arguments: ["u64", "u64", "u64", "u64", "i32"] },
  EVP_CipherFinal_ex: { return: "i32", arguments: ["u64", "u64", "u64"] },
  /** Context, parameters. */
  EVP_CIPHER_CTX_get_params: { return: "i32", arguments: ["u64", "u64"] },
  EVP_CIPHER_CTX_set_params: { return: "i32", arguments: ["u64", "u64"] },
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
