/**
 * Numbers as arguments of C functions whose parameters are all declared as pointers.
 *
 * node:ffi gives V8 a function whose parameters are all declared `pointer` as it is: 5 ns a call, and nothing
 * allocated. With any other type it wraps the function in a check of its arguments: 30 to 80 ns, and from the fourth
 * argument on an array of them, 250 ns and 80 bytes. So functions that are called for each packet or batch are declared
 * with pointers only, even for `int` and `size_t`: C reads an `int` from the lower half of the argument.
 */
const COUNT = 4096;
const words = new Array<bigint | undefined>(COUNT);

/** `value` as a BigInt; small ones, such as sizes of packets, counts and flags, are cached after their first use. */
export function word(value: number): bigint {
  const known = words[value];
  if (known !== undefined) return known;
  const made = BigInt(value);
  if (value < COUNT) words[value] = made;
  return made;
}

/** Writes an address at a word of little-endian memory: 47 bits fit in a double, and nothing is allocated. */
export function writePointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address;
  words[at + 1] = address / 0x1_0000_0000;
}
