import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Command } from 'commander';
import { parse } from 'yaml';
import { UserError } from '../errors.ts';
import { program } from '../program.ts';
import { commandOf, textOf, withConfigFile } from './argv.ts';
import { configExample } from './example.ts';
import { configFields } from './fields.ts';
import { CONFIG_COMMANDS, CONFIG_KINDS, type ConfigKind } from './kinds.ts';
import { nearest } from './nearest.ts';
import { readConfig } from './read.ts';
import { configSchema } from './schema.ts';

const postern = program();
const fieldsOf = (kind: ConfigKind) => configFields(commandOf(postern, kind));
const HEAD = 'apiVersion: config.postern.dev/v1\nkind: ';
const read = (text: string) => readConfig(text, fieldsOf);
const told = (body: string, kind = 'ServerConfiguration') =>
  read(`${HEAD}${kind}\n${body}`).mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`);

for (const kind of CONFIG_KINDS) {
  describe(kind, () => {
    const options = commandOf(postern, kind).options.filter(({ long }) => long !== '--config');
    const secrets = fieldsOf(kind).filter(({ shape }) => shape === 'secret');

    test(`every option of postern ${CONFIG_COMMANDS[kind]} has its key, in the schema and in the example`, () => {
      const properties = Object.keys(configSchema(kind, fieldsOf(kind))['properties'] as object);
      const wanted = options
        .map((option) => option.attributeName())
        .filter((key) => !secrets.some((secret) => secret.key === key));
      assert.deepEqual(properties, ['apiVersion', 'kind', ...wanted]);
      const example = configExample(kind, fieldsOf(kind));
      assert.deepEqual(
        [...example.matchAll(/^#(\w+):/gm)].map(([, key]) => key),
        wanted,
      );
    });

    test('a secret can be given as a file instead', () => {
      for (const { key } of secrets) {
        assert.ok(
          options.some((option) => option.attributeName() === `${key}File`),
          key,
        );
      }
    });

    test('the example is right as it is, and with every default taken in', () => {
      const example = configExample(kind, fieldsOf(kind));
      assert.deepEqual(read(example), { kind, settings: [], mistakes: [] });
      const all = read(example.replace(/^#(\w+: (?!.?<))/gm, '$1'));
      assert.deepEqual(all.mistakes, []);
      assert.equal(all.settings.length, fieldsOf(kind).filter(({ preset }) => preset !== undefined).length);
    });
  });
}

test('values are what the command line would be given', () => {
  const { settings, mistakes } = read(
    `${HEAD}ServerConfiguration\nlisten: "[::]:6443"\nclusterCidr: [10.1.0.0/16, "fd00:1::/48"]\nissue: [a=x, b=y]\ncloudSweep: 60s\n`,
  );
  assert.deepEqual(mistakes, []);
  assert.deepEqual(
    settings.map(({ field, values }) => [field.flag, values]),
    [
      ['--listen', ['[::]:6443']],
      ['--cluster-cidr', ['10.1.0.0/16,fd00:1::/48']],
      ['--issue', ['a=x', 'b=y']],
      ['--cloud-sweep', ['60s']],
    ],
  );
});

describe('mistakes are told with their place', () => {
  test('all of them at once, in the order of the file', () => {
    assert.deepEqual(told('datadir: /d\nlisten: here\nclusterCidr: {}\nstore:\n'), [
      '3:1 datadir: there is no such key: did you mean dataDir?',
      '4:9 listen: "here" is invalid. It is HOST:PORT, such as 127.0.0.1:6443 or [::1]:0 (0: any free port).',
      '5:14 clusterCidr: what is there is a mapping or an alias: it is a list of texts, or one text with commas between',
      '6:7 store: it has no value: write one, or take the line out',
    ]);
  });
  test('an option of another name, as it is typed', () => {
    assert.match(told('--data-dir: x\n').join(), /did you mean dataDir\?/);
  });
  test('a key that resembles none', () => {
    assert.match(told('banana: 1\n').join(), /3:1 banana: .*postern config example --kind ServerConfiguration/);
  });
  test('a choice that there is not', () => {
    assert.match(told('store: mysql\n').join(), /3:8 store: "mysql" is invalid\. Allowed choices are lmdb, etcd/);
  });
  test('a number in quotes, and a text for true or false', () => {
    const lines = told('heartbeatPort: "7952"\nfirewallVerify: sure\n', 'AgentConfiguration');
    assert.deepEqual(lines, [
      '3:16 heartbeatPort: "7952" is a text: it is a whole number, without quotes',
      '4:17 firewallVerify: "sure" is a text: it is true or false',
    ]);
  });
  test('one wrong element of a list', () => {
    assert.match(told('clusterCidr: [10.1.0.0/16, nonsense]\n').join(), /"nonsense" is not a prefix/);
  });
  test('a key that stands twice, and what is no YAML', () => {
    assert.match(told('listen: a:1\nlisten: b:2\n').join(), /^4:1 .*unique/);
    assert.match(told('listen: [\n').join(), /^\d+:\d+ /);
  });
  test('a file that does not say what it is, or says something else', () => {
    assert.match(read('').mistakes[0]?.message ?? '', /must be a mapping that begins with apiVersion/);
    assert.deepEqual(
      read('dataDir: x\n').mistakes.map(({ message }) => message.replace(/:.*/, '')),
      ['apiVersion is missing', 'kind is missing'],
    );
    assert.match(
      read('apiVersion: v1\nkind: Server\n')
        .mistakes.map(({ message }) => message)
        .join('\n'),
      /"v1" is not known.*\n.*"Server" is none/,
    );
  });
  test('nesting without end is told too', () => {
    assert.match(read('['.repeat(5000)).mistakes[0]?.message ?? '', /nested too deeply/);
  });
  test('aliases and names of prototypes are nothing special', () => {
    assert.deepEqual(told('__proto__: 1\nconstructor: 2\n').length, 2);
    assert.match(told('listen: &a x:1\nsocket: *a\n').join(), /4:9 socket: what is there is a mapping or an alias/);
  });
});

describe('a secret', () => {
  const command = new Command('agent').option('--token <token>', 'of the cluster').option('--token-file <file>', 'it');
  test('is refused, and said where it belongs', () => {
    const { mistakes } = readConfig(`${HEAD}AgentConfiguration\ntoken: abc\n`, () => configFields(command));
    assert.deepEqual(
      mistakes.map(({ message }) => message),
      ['token: a secret does not belong into this file: use tokenFile'],
    );
  });
});

describe('a command line with --config', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  async function expanded(body: string, ...typed: readonly string[]): Promise<readonly string[]> {
    const path = join(dir, 'config.yaml');
    await writeFile(path, body);
    return (await withConfigFile(postern, ['node', 'postern', 'server', '--config', path, ...typed])).filter(
      (word) => word !== '--config' && word !== path,
    );
  }

  test('gets what the file says, relative paths from where the file is', async () => {
    const body = `${HEAD}ServerConfiguration\ndataDir: data\nlisten: 127.0.0.1:0\nissue: n=f\n`;
    assert.deepEqual(await expanded(body), [
      ...['node', 'postern', 'server', `--data-dir=${join(dir, 'data')}`, '--listen=127.0.0.1:0', '--issue=n=f'],
    ]);
  });

  test('keeps what was typed, which counts more', async () => {
    const body = `${HEAD}ServerConfiguration\nadvertiseAddress: [192.0.2.1]\nissue: [n=f]\n`;
    assert.deepEqual(await expanded(body, '--issue', 'm=g', '--advertise-address='), [
      ...['node', 'postern', 'server', '--issue', 'm=g', '--advertise-address='],
    ]);
  });

  test('is refused with all mistakes of the file, and where the file is for another command', async () => {
    await assert.rejects(expanded(`${HEAD}AgentConfiguration\nstatedir: x\nonStop: x\n`), (error: Error) => {
      assert.match(error.message, /an? AgentConfiguration is for postern agent, not for postern server/);
      assert.match(error.message, /config\.yaml:3:1: .*stateDir\?\n.*config\.yaml:4:9: onStop/);
      return true;
    });
  });

  test('that is typed wrong is left to the parser, and two files are refused', async () => {
    const argv = ['node', 'postern', 'server', '--config'];
    assert.deepEqual(await withConfigFile(postern, argv), argv);
    await assert.rejects(withConfigFile(postern, [...argv, 'a', '--config=b']), /given 2 times/);
  });

  test('of a file that is not there says which', async () => {
    await assert.rejects(
      withConfigFile(postern, ['node', 'p', 'up', '--config', join(dir, 'none')]),
      /there is no file .*none/,
    );
  });

  test('of other commands is theirs', async () => {
    const argv = ['node', 'postern', 'lab', 'exec', '--config', 'x'];
    assert.deepEqual(await withConfigFile(postern, argv), argv);
  });
});

test('the schema says what values look like', () => {
  const { properties } = configSchema('AgentConfiguration', fieldsOf('AgentConfiguration')) as {
    properties: Record<string, Record<string, unknown>>;
  };
  assert.deepEqual(properties['onStop']?.['enum'], ['leave', 'end']);
  assert.equal(properties['heartbeatPort']?.['type'], 'integer');
  assert.equal(properties['heartbeatPort']?.['default'], 7952);
  assert.equal(properties['firewallVerify']?.['default'], true);
});

test('the nearest name is the one with the fewest other letters, and none is better than a wild guess', () => {
  assert.equal(nearest('etcdEndpoint', ['etcdEndpoints', 'etcdCa']), 'etcdEndpoints');
  assert.equal(nearest('xyz', ['listen', 'socket']), undefined);
});

test('the example is YAML', () => {
  for (const kind of CONFIG_KINDS) assert.equal(parse(configExample(kind, fieldsOf(kind))).kind, kind);
});

test('docs/configuration.md: its files are right, its mistakes are what is told, its keys exist', async () => {
  const text = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const files = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, file = '']) => read(file));
  assert.deepEqual(
    files.map(({ kind }) => kind),
    [...CONFIG_KINDS],
  );
  assert.deepEqual(
    files.flatMap(({ mistakes }) => mistakes),
    [],
  );
  for (const kind of CONFIG_KINDS)
    assert.match(text, new RegExp(`\\| \`${kind}\` \\| \`postern ${CONFIG_COMMANDS[kind]}\``));
  const wrong = read(`${HEAD}ServerConfiguration\ndatadir: /d\nlisten: here\n`).mistakes;
  for (const { line, column, message } of wrong) assert.ok(text.includes(`server.yaml:${line}:${column}: ${message}`));
});

test('a file that is not there says so, and what to do', async () => {
  await assert.rejects(textOf('/nope/server.yaml'), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, 'there is no file /nope/server.yaml');
    assert.match(error.remedy ?? '', /postern config example/);
    return true;
  });
});
