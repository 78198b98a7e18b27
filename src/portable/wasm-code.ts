/**
 * WebAssembly code as bytes (W3C WebAssembly Core 2.0, §5 binary format): as much of it as SHA-1 in four lanes needs.
 *
 * An expression is code that leaves one value, a statement leaves none; both are made of smaller ones by the functions here.
 * `v` stands for a v128, four 32-bit lanes.
 */
export type Code = readonly number[];

export const I32 = 0x7f;
export const V128 = 0x7b;

const FUNCTION = 0x60;
const LOOP = 0x03;
const BRANCH_IF = 0x0d;
const EMPTY = 0x40;
const END = 0x0b;

/** Unsigned LEB128 (§5.2.2): seven bits a byte, the lowest first. */
function u32(value: number): Code {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** Signed LEB128: the last byte's second highest bit is the sign. */
function s32(value: number): Code {
  const bytes = [];
  let rest = value;
  for (; rest < -0x40 || rest > 0x3f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest & 0x7f];
}

/** One after the other. (A flat() takes ten times as long.) */
export const sequence = (parts: readonly Code[]): Code => ([] as number[]).concat(...parts);

const vector = (items: readonly Code[]): Code => sequence([u32(items.length), ...items]);
const simd = (opcode: number, ...operands: Code[]): Code => sequence([...operands, [0xfd], u32(opcode)]);

export const get = (local: number): Code => [0x20, ...u32(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...u32(local)];

export const i32Const = (value: number): Code => [0x41, ...s32(value | 0)];
export const i32Add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
export const i32Less = (a: Code, b: Code): Code => [...a, ...b, 0x48];

/** The body, and again as long as `condition` holds after it. */
export const doWhile = (body: Code, condition: Code): Code =>
  sequence([[LOOP, EMPTY], body, condition, [BRANCH_IF, 0], [END]]);

/** The 16 bytes at `address + offset`, whatever that is a multiple of. */
export const vLoad = (address: Code, offset: number): Code => [...simd(0, address), 0, ...u32(offset)];
export const vStore = (address: Code, offset: number, value: Code): Code => [
  ...simd(11, address, value),
  ...[0, ...u32(offset)],
];
/** The 16 bytes of `a` and 16 of `b`, of which `bytes` names those of the result. */
export const vShuffle = (a: Code, b: Code, bytes: readonly number[]): Code => [...simd(13, a, b), ...bytes];
/** The same in all lanes. */
export const vSplat = (value: Code): Code => simd(17, value);
export const vConst = (value: number): Code => vSplat(i32Const(value));
export const vGreater = (a: Code, b: Code): Code => simd(59, a, b);
export const vAnd = (a: Code, b: Code): Code => simd(78, a, b);
export const vOr = (a: Code, b: Code): Code => simd(80, a, b);
export const vXor = (a: Code, b: Code): Code => simd(81, a, b);
export const vShiftLeft = (a: Code, bits: number): Code => simd(171, a, i32Const(bits));
export const vShiftRight = (a: Code, bits: number): Code => simd(173, a, i32Const(bits));
export const vAdd = (a: Code, ...others: Code[]): Code => others.reduce((sum, b) => simd(174, sum, b), a);

export interface WasmFunction {
  readonly name: string;
  /** Types; parameters are the first locals. All return nothing. */
  readonly parameters: Code;
  readonly locals: Code;
  readonly body: Code;
}

/** A module with one memory of so many pages of 64 KB, exported as `memory`, and these functions, exported by name (§5.5). */
export function wasmModule(pages: number, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: Code): Code => sequence([[id], u32(content.length), content]);
  const exported = (name: string, kind: number, index: number): Code =>
    sequence([vector([...Buffer.from(name)].map((byte) => [byte])), [kind], u32(index)]);
  const type = ({ parameters }: WasmFunction): Code =>
    sequence([[FUNCTION], u32(parameters.length), parameters, [0]]);
  const code = ({ locals, body }: WasmFunction): Code => {
    const content = sequence([vector(locals.map((local) => [1, local])), body, [END]]);
    return sequence([u32(content.length), content]);
  };
  const exports = functions.map(({ name }, index) => exported(name, 0, index));
  return new Uint8Array(
    sequence([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(functions.map(type))),
      section(3, vector(functions.map((_, index) => u32(index)))),
      section(5, vector([[0, ...u32(pages)]])),
      section(7, vector([exported("memory", 2, 0), ...exports])),
      section(10, vector(functions.map(code))),
    ]),
  );
}
