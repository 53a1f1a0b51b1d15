/**
 * The keys of a configuration file, taken from the options of the command that it is for: an option that is added to the
 * command has its key without anybody thinking of it.
 */
import type { Command, Option } from 'commander';

/**
 * What the value of a key looks like. `switch`: an option without a value, given or not. `list`: an option that takes several
 * with commas between. `repeated`: one that is given several times. `secret`: one that no file may hold.
 */
export type Shape = 'text' | 'boolean' | 'integer' | 'switch' | 'list' | 'repeated' | 'secret';

export interface ConfigField {
  /** The option's name in camel case. */
  readonly key: string;
  /** `--data-dir`. */
  readonly flag: string;
  readonly description: string;
  readonly shape: Shape;
  /** What the option's help calls its value, without brackets; empty for a switch. */
  readonly placeholder: string;
  readonly choices: readonly string[] | undefined;
  /** What counts without the key, as it would be typed; undefined: nothing does. */
  readonly preset: string | undefined;
  readonly isMandatory: boolean;
  /** What is wrong with values for the option, in the option's own words, told with the first that is; undefined: nothing. */
  mistakeIn(values: readonly string[]): { readonly value: string; readonly message: string } | undefined;
}

const LISTS: ReadonlySet<string> = new Set([
  ...['addresses', 'cidrs', 'endpoints', 'families', 'hosts', 'list', 'names', 'prefixes', 'servers', 'urls', 'zones'],
]);
const INTEGERS: ReadonlySet<string> = new Set(['port', 'count']);
const REPEATED: ReadonlySet<string> = new Set(['address', 'node=path']);
const SECRETS: ReadonlySet<string> = new Set(['token', 'secret', 'password']);

/** The option that names the file, which has no key in it. */
export const CONFIG_FLAG = '--config';

export function configFields(command: Command): readonly ConfigField[] {
  return command.options.filter(({ long }) => long !== undefined && long !== null && long !== CONFIG_FLAG).map(fieldOf);
}

function fieldOf(option: Option): ConfigField {
  const placeholder = /<([^>]+)>/.exec(option.flags)?.[1] ?? '';
  return {
    key: option.attributeName(),
    flag: option.long ?? '',
    description: option.description,
    shape: shapeOf(option, placeholder),
    placeholder,
    choices: option.argChoices,
    preset: presetOf(option),
    isMandatory: option.mandatory,
    mistakeIn: (values) => mistakeIn(option, values),
  };
}

function shapeOf(option: Option, placeholder: string): Shape {
  if (placeholder === '') return 'switch';
  if (placeholder === 'bool' || placeholder === 'boolean') return 'boolean';
  if (SECRETS.has(placeholder)) return 'secret';
  if (INTEGERS.has(placeholder)) return 'integer';
  if (LISTS.has(placeholder)) return 'list';
  return option.variadic || REPEATED.has(placeholder) ? 'repeated' : 'text';
}

function presetOf({ defaultValue, defaultValueDescription }: Option): string | undefined {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  return defaultValue === undefined ? undefined : String(defaultValue);
}

function mistakeIn({ parseArg }: Option, values: readonly string[]): ReturnType<ConfigField['mistakeIn']> {
  if (parseArg === undefined) return undefined;
  let previous: unknown;
  for (const value of values) {
    try {
      previous = parseArg(value, previous);
    } catch (error) {
      return { value, message: error instanceof Error ? error.message : String(error) };
    }
  }
  return undefined;
}
