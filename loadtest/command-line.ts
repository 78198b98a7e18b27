/** The command line of a tool: options within limits, `--help`, and one line for each mistake. */
import { parseArgs } from "node:util";
import { z } from "zod";

/** Exit status after wrong usage. */
const WRONG_USAGE = 2;

export type Parsed<Options> =
  | { readonly ok: true; readonly options: Options }
  | { readonly ok: false; readonly error: string }
  | { readonly ok: "help" };

export interface CommandLine<S extends z.ZodObject> {
  readonly usage: string;
  readonly options: S;
  /** Positional options, in order. */
  readonly places?: readonly (keyof z.infer<S> & string)[];
  /** What is wrong with options that are each valid on their own. */
  readonly contradiction?: (options: z.infer<S>) => string | undefined;
}

/** `args`: what follows the script's name. */
export function parseCommandLine<S extends z.ZodObject>(
  { options: schema, places = [], contradiction }: CommandLine<S>,
  args: readonly string[],
): Parsed<z.infer<S>> {
  const flags: Record<string, { type: "string" | "boolean"; multiple: boolean }> = {
    help: { type: "boolean", multiple: false },
  };
  for (const [name, option] of Object.entries(schema.shape)) {
    const type = option instanceof z.ZodDefault ? option.unwrap() : option;
    flags[name] = {
      type: type instanceof z.ZodBoolean ? "boolean" : "string",
      multiple: type instanceof z.ZodArray,
    };
  }
  let values: Record<string, unknown>;
  try {
    const parsed = parseArgs({ args: [...args], options: flags, allowPositionals: places.length > 0 });
    if (parsed.positionals.length > places.length) {
      return { ok: false, error: `Unexpected argument '${parsed.positionals[places.length]}'` };
    }
    const placed = Object.fromEntries(parsed.positionals.map((value, i) => [places[i], value]));
    values = { ...parsed.values, ...placed };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
  if (values.help === true) return { ok: "help" };
  const checked = schema.safeParse(values);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const name = String(issue!.path[0]);
    return { ok: false, error: `${places.includes(name) ? name : `--${name}`}: ${issue!.message}` };
  }
  const error = contradiction?.(checked.data);
  return error === undefined ? { ok: true, options: checked.data } : { ok: false, error };
}

/** The options of this process. Ends it with status 0 after `--help`, with 2 after wrong usage. */
export function commandLine<S extends z.ZodObject>(command: CommandLine<S>): z.infer<S> {
  const parsed = parseCommandLine(command, process.argv.slice(2));
  if (parsed.ok === true) return parsed.options;
  if (parsed.ok === "help") {
    process.stdout.write(command.usage);
    process.exit(0);
  }
  refuse(parsed.error);
}

export function refuse(error: string): never {
  process.stderr.write(`${error}\n\nSee --help.\n`);
  process.exit(WRONG_USAGE);
}

export const whole = (min: number, max: number) => z.coerce.number<string>().int().min(min).max(max);

/** Comma-separated whole numbers. */
export const wholes = (min: number, max: number) =>
  z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(whole(min, max)));

/** Comma-separated words, all of them among `known`. */
export const words = <const T extends readonly string[]>(...known: T) =>
  z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(known)));
