import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { program } from '../program.ts';
import { commandOf } from './argv.ts';
import { configFields } from './fields.ts';
import { CONFIG_COMMANDS, type ConfigKind } from './kinds.ts';
import { readConfig } from './read.ts';

const FOLDER = new URL('../../../examples/several-machines/', import.meta.url);
const postern = program();
const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), 'utf8') }));

for (const { name, text } of files.filter((file) => file.name.endsWith('.yaml'))) {
  test(`examples/several-machines/${name} is a configuration file without mistakes`, () => {
    const { mistakes } = readConfig(text, (kind: ConfigKind) => configFields(commandOf(postern, kind)));
    assert.deepEqual(mistakes, []);
  });
}

for (const { name, text } of files.filter((file) => file.name.endsWith('.service'))) {
  test(`examples/several-machines/${name} starts a command that takes a configuration file`, () => {
    const command = /^ExecStart=\S+ (\w+) --config \S+$/m.exec(text)?.[1];
    assert.ok(Object.values(CONFIG_COMMANDS).some((each) => each === command));
  });
}
