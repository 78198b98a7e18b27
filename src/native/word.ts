/**
 * Numbers as functions of pointers alone are given them.
 *
 * node:ffi hands a function whose parameters are all declared `pointer` to V8 as it is: 5 ns a call, and nothing
 * allocated. Any other type in the list, and it wraps the function in a check of its arguments: 30 to 80 ns, and from the
 * fourth argument on an array of them, 250 ns and 80 bytes. So what is called for each packet or batch is declared so,
 * its `int` and `size_t` too: C reads an `int` from the lower half of what it is given.
 */
const COUNT = 4096;
const words = new Array<bigint | undefined>(COUNT);

/** `value` as a BigInt, made at its first use when it is one of the small ones: sizes of packets, counts, flags. */
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
