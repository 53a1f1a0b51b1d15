import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbiddenImports, importCycles, parseImports, parseImportTable } from './import-rules.ts';

const table = parseImportTable(`
Prose, and another table:

| to change | open |
| --- | --- |
| a thing | \`api/\` |

| folder | what lives there | may import |
| --- | --- | --- |
| \`lib/\` | no I/O | nothing |
| \`host/\` | the machine | - |
| \`api/\` | kinds | - |
| \`proxy/\` | \`a\` and \`b\` | api host |
| \`cli/\` | commands | all |
`);

test('the table is read from its rows alone', () => {
  assert.deepEqual([...table.keys()], ['lib', 'host', 'api', 'proxy', 'cli']);
  assert.deepEqual(table.get('proxy'), new Set(['api', 'host']));
  assert.deepEqual(table.get('lib'), new Set());
  assert.equal(table.get('cli'), 'all');
});

test('every form of a relative import is found with its line, packages are not', () => {
  const source = [
    "import { spawn } from 'node:child_process';",
    "import type { A } from '../api/a.ts';",
    'import {',
    '  b,',
    '  c,',
    "} from './deep/b.ts';",
    "import './effect.ts';",
    "export * from '../lib/ip.ts';",
    "const late = await import('../host/clock.ts');",
  ].join('\n');
  assert.deepEqual(
    parseImports('proxy/x.ts', source).map(({ line, target, typeOnly }) => [line, target, typeOnly]),
    [
      [2, 'api/a.ts', true],
      [3, 'proxy/deep/b.ts', false],
      [7, 'proxy/effect.ts', false],
      [8, 'lib/ip.ts', false],
      [9, 'host/clock.ts', false],
    ],
  );
});

test('an import the table does not allow is named with file and line', () => {
  const imports = parseImports('proxy/deep/x.ts', "\nimport type { Vm } from '../../vm/vm.ts';");
  assert.deepEqual(forbiddenImports(table, imports), [
    { file: 'proxy/deep/x.ts', line: 2, message: 'proxy may not import vm: vm/vm.ts' },
  ]);
});

test('lib is for all, a folder may import itself, and cli may import everything', () => {
  const allowed = [
    ...parseImports('api/x.ts', "import '../lib/ip.ts';"),
    ...parseImports('proxy/x.ts', "import './y.ts'; "),
    ...parseImports('proxy/x.ts', "import '../host/y.ts';"),
    ...parseImports('cli/x.ts', "import '../proxy/x.ts';"),
  ];
  assert.equal(allowed.length, 4);
  assert.deepEqual(forbiddenImports(table, allowed), []);
});

test('tests, fixtures, contracts and what is in testing/ may import anything, and nobody else may import them', () => {
  const line = "import { x } from '../proxy/testing/x.ts';\nimport { y } from '../../test/support/y.ts';";
  for (const file of ['api/x.test.ts', 'api/x.fixture.ts', 'api/testing.ts']) {
    assert.deepEqual(forbiddenImports(table, parseImports(file, line)), [], file);
  }
  assert.deepEqual(
    forbiddenImports(table, parseImports('cli/x.ts', line)).map(({ message }) => message),
    ['only tests may import proxy/testing/x.ts', 'only tests may import ../test/support/y.ts'],
  );
});

test('lib may import nothing, and a folder that the table lacks is an error of its own', () => {
  const messages = [
    ...parseImports('lib/x.ts', "import '../api/x.ts';"),
    ...parseImports('new/x.ts', "import '../api/x.ts';"),
  ];
  assert.deepEqual(
    forbiddenImports(table, messages).map(({ message }) => message),
    ['lib may not import api: api/x.ts', 'the table has no folder new'],
  );
});

test('a cycle is reported once with its whole path, and one of types alone is none', () => {
  const cycle = (last: string) => [
    ...parseImports('a/a.ts', "import './b.ts';"),
    ...parseImports('a/b.ts', "import './c.ts';"),
    ...parseImports('a/c.ts', last),
  ];
  assert.deepEqual(importCycles(cycle("import { a } from './a.ts';")), [
    { file: 'a/c.ts', line: 1, message: 'import cycle: a/a.ts -> a/b.ts -> a/c.ts -> a/a.ts' },
  ]);
  assert.deepEqual(importCycles(cycle("import type { A } from './a.ts';")), []);
});
