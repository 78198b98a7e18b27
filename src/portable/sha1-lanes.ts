/**
 * SHA-1 (FIPS 180-4 §6.1.2) of four messages at once, in WebAssembly: lane l of every vector of 128 bits is message l's.
 *
 *   memory   | states 5 × 16 | outer states 5 × 16 | counts of blocks 16 | message 0 | message 1 | message 2 | message 3 |
 *
 * States and counts are vectors, messages are bytes. Four messages of 1,100 bytes take 3 µs, and one alone as long.
 */
import {
  type Code,
  doWhile,
  get,
  I32,
  i32Add,
  i32Const,
  i32Less,
  sequence,
  set,
  V128,
  vAdd,
  vAnd,
  vConst,
  vGreater,
  vLoad,
  vOr,
  vShiftLeft,
  vShiftRight,
  vShuffle,
  vSplat,
  vStore,
  vXor,
  wasmModule,
} from "./wasm-code.ts";

export const LANES = 4;
export const SHA1_BLOCK_BYTES = 64;
const STATE_WORDS = 5;

const VECTOR_BYTES = 16;
const STATE_AT = 0;
const OUTER_STATE_AT = STATE_WORDS * VECTOR_BYTES;
const COUNTS_AT = 2 * STATE_WORDS * VECTOR_BYTES;
const MESSAGES_AT = 256;
/** Of each message with its padding. */
export const MESSAGE_BYTES = 2048;

/** FIPS 180-4 §5.3.1. */
export const INITIAL_STATE = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);

/** Locals of both functions: how many blocks the longest message has, the vectors, the block in work, the bytes before it. */
const longest = 0;
const [a, b, c, d, e, k, t, counts] = [1, 2, 3, 4, 5, 6, 7, 8];
const variables = [a, b, c, d, e];
const h = [9, 10, 11, 12, 13];
const w = Array.from({ length: 16 }, (_, i) => 14 + i);
const block = 30;
const before = 31;
const LOCALS = [...new Array<number>(29).fill(V128), I32, I32];

const rotateLeft = (x: Code, n: number): Code => vOr(vShiftLeft(x, n), vShiftRight(x, 32 - n));

/** What twenty rounds each use (FIPS 180-4 §4.1.1, §4.2.1). Ch and Maj are written with an operation less than there. */
const ch = vXor(get(d), vAnd(get(b), vXor(get(c), get(d))));
const parity = vXor(vXor(get(b), get(c)), get(d));
const maj = vOr(vAnd(get(b), get(c)), vAnd(get(d), vOr(get(b), get(c))));
const PHASES = [
  { f: ch, constant: 0x5a827999 },
  { f: parity, constant: 0x6ed9eba1 },
  { f: maj, constant: 0x8f1bbcdc },
  { f: parity, constant: 0xca62c1d6 },
];

/** Steps 2 and 3 of FIPS 180-4 §6.1.2, for the block in `w` and the state in `h`: leaves `variables`. */
function compress(): Code {
  const phase = ({ f, constant }: (typeof PHASES)[number], number: number): Code =>
    sequence([set(k, vConst(constant)), ...Array.from({ length: 20 }, (_, i) => round(20 * number + i, f))]);
  return sequence([...variables.map((variable, i) => set(variable, get(h[i]!))), ...PHASES.map(phase)]);
}

/** `t` of step 3 is `number` here. Of the message schedule (step 1) the latest 16 words are kept, as §6.1.3 does. */
function round(number: number, f: Code): Code {
  const word = (ago: number): Code => get(w[(number - ago) & 15]!);
  const schedule = vXor(vXor(word(3), word(8)), vXor(word(14), word(16)));
  return sequence([
    number < 16 ? [] : set(w[number & 15]!, rotateLeft(schedule, 1)),
    set(t, vAdd(vAdd(get(e), get(k), word(0)), f, rotateLeft(get(a), 5))),
    set(e, get(d)),
    set(d, get(c)),
    set(c, rotateLeft(get(b), 30)),
    set(b, get(a)),
    set(a, get(t)),
  ]);
}

const state = (first: number, i: number): Code => vLoad(i32Const(0), first + i * VECTOR_BYTES);
const setState = (i: number, value: Code): Code => vStore(i32Const(0), STATE_AT + i * VECTOR_BYTES, value);

/** As bytes: lanes of two vectors, of which the first has 0 to 3. */
const lanes = (...numbers: number[]): number[] =>
  numbers.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
/** Words are hashed with the highest byte first. */
const SWAPPED = lanes(0, 1, 2, 3).map((byte) => byte ^ 3);

/** Of each message four words, from `before` on: vectors of one message become vectors of one word. */
function loadWords(first: number): Code {
  const messages = [a, b, c, d];
  const pair = (words: number[], i: number): Code =>
    vShuffle(get(messages[i]!), get(messages[i + 1]!), words);
  const word = (i: number, numbers: number[]): Code => {
    const to = w[first + i]!;
    const joined = set(to, vShuffle(get(e), get(t), numbers));
    return sequence([joined, set(to, vShuffle(get(to), get(to), SWAPPED))]);
  };
  const half = (words: number[], to: number): Code[] => [
    set(e, pair(words, 0)),
    set(t, pair(words, 2)),
    word(to, lanes(0, 1, 4, 5)),
    word(to + 1, lanes(2, 3, 6, 7)),
  ];
  return sequence([
    ...messages.map((message, i) =>
      set(message, vLoad(get(before), MESSAGES_AT + i * MESSAGE_BYTES + 4 * first)),
    ),
    ...half(lanes(0, 4, 1, 5), 0),
    ...half(lanes(2, 6, 3, 7), 2),
  ]);
}

/** `hashBlocks(longest)`: takes each lane's state on over its count of blocks, the largest of which is `longest`. */
const hashBlocksCode = sequence([
  ...h.map((word, i) => set(word, state(STATE_AT, i))),
  set(counts, vLoad(i32Const(0), COUNTS_AT)),
  doWhile(
    sequence([
      ...[0, 4, 8, 12].map(loadWords),
      compress(),
      // A message that has ended keeps its state.
      set(t, vGreater(get(counts), vSplat(get(block)))),
      ...h.map((word, i) => set(word, vAdd(get(word), vAnd(get(t), get(variables[i]!))))),
      set(before, i32Add(get(before), i32Const(SHA1_BLOCK_BYTES))),
      set(block, i32Add(get(block), i32Const(1))),
    ]),
    i32Less(get(block), get(longest)),
  ),
  ...h.map((word, i) => setState(i, get(word))),
]);

/**
 * `hashDigests()`, the second half of HMAC (RFC 2104): the states, as messages of 20 bytes behind a block that the outer
 * states have been over, with the padding for 84 bytes (FIPS 180-4 §5.1.1). Leaves the states.
 */
const hashDigestsCode = sequence([
  ...h.map((_, i) => set(w[i]!, state(STATE_AT, i))),
  ...w.slice(STATE_WORDS).map((word) => set(word, vConst(0))),
  set(w[STATE_WORDS]!, vConst(0x80000000)),
  set(w[15]!, vConst(8 * (SHA1_BLOCK_BYTES + 4 * STATE_WORDS))),
  ...h.map((word, i) => set(word, state(OUTER_STATE_AT, i))),
  compress(),
  ...h.map((word, i) => setState(i, vAdd(get(word), get(variables[i]!)))),
]);

const code = wasmModule(1, [
  { name: "hashBlocks", parameters: [I32], locals: LOCALS, body: hashBlocksCode },
  { name: "hashDigests", parameters: [], locals: [I32, ...LOCALS], body: hashDigestsCode },
]);

interface Exports {
  readonly memory: WebAssembly.Memory;
  hashBlocks(blocks: number): void;
  hashDigests(): void;
}

/** One of each thread: all calls are synchronous. */
const { memory, ...run } = new WebAssembly.Instance(new WebAssembly.Module(code))
  .exports as unknown as Exports;
/** WebAssembly's words have the lowest byte first, on every machine. */
const words = new DataView(memory.buffer);

/** Whole blocks of the lanes' messages, that of lane l from `l * MESSAGE_BYTES` on. */
export const messages = new Uint8Array(memory.buffer, MESSAGES_AT, LANES * MESSAGE_BYTES);

/** `hashMessages` will take `state` on over so many blocks of this lane's message. Lanes that were not started may be left so. */
export function startLane(lane: number, state: Uint32Array, blocks: number): void {
  for (let i = 0; i < STATE_WORDS; i++) setWord(STATE_AT, lane, i, state[i]!);
  words.setUint32(COUNTS_AT + 4 * lane, blocks, true);
}

/** `hashDigests` will take this one on over what `hashMessages` has left of the lane. */
export function setOuterState(lane: number, state: Uint32Array): void {
  for (let i = 0; i < STATE_WORDS; i++) setWord(OUTER_STATE_AT, lane, i, state[i]!);
}

/** `blocks`: those of the longest message, at least 1. */
export const hashMessages = (blocks: number): void => run.hashBlocks(blocks);
export const hashDigests = (): void => run.hashDigests();

/** The `i`-th 32 bits of a lane's state. */
export function stateWord(lane: number, i: number): number {
  return words.getUint32(STATE_AT + VECTOR_BYTES * i + 4 * lane, true);
}

/** All of it. */
export function stateOf(lane: number): Uint32Array {
  return Uint32Array.from({ length: STATE_WORDS }, (_, i) => stateWord(lane, i));
}

function setWord(at: number, lane: number, i: number, word: number): void {
  words.setUint32(at + VECTOR_BYTES * i + 4 * lane, word, true);
}
