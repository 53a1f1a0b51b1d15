/** A configuration file with every key of its kind, commented out, and what counts without it. */
import { stringify } from 'yaml';
import type { ConfigField } from './fields.ts';
import { CONFIG_API_VERSION, CONFIG_COMMANDS, type ConfigKind } from './kinds.ts';

const WIDTH = 100;

export function configExample(kind: ConfigKind, fields: readonly ConfigField[]): string {
  const head = [
    `# Options of \`postern ${CONFIG_COMMANDS[kind]}\`, all of them. What stands behind a key counts without it; <…> stands for`,
    '# a value where nothing does. Relative paths begin at the directory of this file. Check: postern config check FILE',
    `apiVersion: ${CONFIG_API_VERSION}`,
    `kind: ${kind}`,
  ];
  const keys = fields.filter(({ shape }) => shape !== 'secret').flatMap((field) => ['', ...keyLines(field)]);
  return `${[...head, ...keys].join('\n')}\n`;
}

function keyLines(field: ConfigField): readonly string[] {
  const { key, description, choices, isMandatory } = field;
  const remarks = [
    description,
    ...(choices === undefined ? [] : [`One of: ${choices.join(', ')}.`]),
    ...(isMandatory ? ['It must be given, here or on the command line.'] : []),
  ];
  return [...wrapped(remarks.join('\n')).map((line) => `# ${line}`), `#${key}: ${shown(field)}`];
}

function shown({ preset, placeholder, shape }: ConfigField): string {
  if (shape === 'switch') return preset ?? 'false';
  return stringify(preset === undefined ? `<${placeholder}>` : typed(shape, preset)).trim();
}

function typed(shape: ConfigField['shape'], preset: string): unknown {
  if (shape === 'boolean') return preset === 'true';
  return shape === 'integer' ? Number(preset) : preset;
}

function wrapped(text: string): readonly string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines = [''];
    for (const word of paragraph.split(' ')) {
      const line = lines.at(-1) ?? '';
      if (line !== '' && line.length + word.length + 1 > WIDTH) lines.push(word);
      else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    }
    return lines;
  });
}
