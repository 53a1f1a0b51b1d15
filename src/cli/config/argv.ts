/** A command line that names a configuration file, with the file's settings put into it. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../errors.ts';
import { unreadable } from '../given-file.ts';
import { CONFIG_FLAG, type ConfigField, configFields } from './fields.ts';
import { CONFIG_COMMANDS, CONFIG_KINDS, type ConfigKind } from './kinds.ts';
import type { Setting } from './read.ts';

/** Gives the option that names a file to every command that has a kind of file. */
export function addConfigOptions(postern: Command): void {
  for (const kind of CONFIG_KINDS) {
    commandOf(postern, kind).addOption(
      new Option(`${CONFIG_FLAG} <file>`, `options from a file of kind ${kind}; what is given here too counts more`),
    );
  }
}

export function commandOf(postern: Command, kind: ConfigKind): Command {
  const command = postern.commands.find((candidate) => candidate.name() === CONFIG_COMMANDS[kind]);
  if (command === undefined) throw new Error(`there is no command ${CONFIG_COMMANDS[kind]}`);
  return command;
}

/**
 * The command line to run: `argv`, and where it names a file, that file's settings before what was typed, but for options that
 * were typed too. Throws {@link UserError} with all that is wrong with the file.
 */
export async function withConfigFile(postern: Command, argv: readonly string[]): Promise<readonly string[]> {
  const [node = '', program = '', name = '', ...typed] = argv;
  const kind = CONFIG_KINDS.find((candidate) => CONFIG_COMMANDS[candidate] === name);
  const path = kind === undefined ? undefined : configPath(typed);
  if (kind === undefined || path === undefined) return argv;
  const { readConfig } = await import('./read.ts'); // YAML is loaded only for those who have such a file.
  const read = readConfig(await textOf(path), (of) => configFields(commandOf(postern, of)));
  const mistakes = read.mistakes.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
  if (read.kind !== undefined && read.kind !== kind) {
    mistakes.unshift(`${path}: a ${read.kind} is for postern ${CONFIG_COMMANDS[read.kind]}, not for postern ${name}`);
  }
  if (mistakes.length > 0)
    throw new UserError(mistakes.join('\n'), `Nothing was started. postern config check ${path}`);
  const given = new Set(typed.map((word) => word.replace(/=.*/s, '')));
  const settings = read.settings.filter(({ field }) => !given.has(field.flag));
  return [node, program, name, ...settingsArgv(settings, dirname(resolve(path))), ...typed];
}

/** As it would be typed. Paths in a file begin at the file's directory, wherever the program was started. */
function settingsArgv(settings: readonly Setting[], directory: string): readonly string[] {
  return settings.flatMap(({ field, values }) =>
    values.map((value) => (field.shape === 'switch' ? field.flag : `${field.flag}=${placed(field, value, directory)}`)),
  );
}

const PATHS: ReadonlySet<string> = new Set(['file', 'dir', 'path']);

function placed({ placeholder }: ConfigField, value: string, directory: string): string {
  return PATHS.has(placeholder) ? resolve(directory, value) : value;
}

/** The file that is named, undefined where none is. */
function configPath(typed: readonly string[]): string | undefined {
  const end = typed.indexOf('--');
  const words = end === -1 ? typed : typed.slice(0, end);
  const found = words.flatMap((word, i) => {
    if (word === CONFIG_FLAG) return words[i + 1] ?? []; // Without a value: the parser says so.
    return word.startsWith(`${CONFIG_FLAG}=`) ? word.slice(CONFIG_FLAG.length + 1) : [];
  });
  if (found.length > 1)
    throw new UserError(`${CONFIG_FLAG} is given ${found.length} times`, 'One file has everything.');
  return found[0];
}

/** Bytes that a file may have: far more than all keys need. */
const MAX_BYTES = 1 << 20;

/** Throws {@link UserError}. */
export async function textOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause, 'Name a configuration file. One to begin with: postern config example --help');
  });
  if (text.length <= MAX_BYTES) return text;
  throw new UserError(`${path} is longer than 1 MiB`, 'It is no configuration file: postern config example --help');
}
