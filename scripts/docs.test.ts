/** The public documents speak of files that exist, and of tests that are there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const documents = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((document) => existsSync(join(root, document)));

/** What a document's links lead to, and the paths it has in code style, with the folder that they begin in. */
function references(document: string, text: string): readonly { readonly from: string; readonly path: string }[] {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path = '']) => ({
    from: dirname(document),
    path,
  }));
  const paths = [...text.matchAll(/`((?:src|test|scripts|docs|bench|examples)\/[\w./-]*)`/g)];
  return [...links, ...paths.map(([, path = '']) => ({ from: '.', path }))];
}

for (const document of documents) {
  test(`${document} names files that exist`, () => {
    const text = readFileSync(join(root, document), 'utf8');
    const missing = references(document, text).filter(({ from, path }) => !existsSync(join(root, from, path)));
    assert.deepEqual(missing, []);
  });
}

test('every folder under src has a README', () => {
  const table = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const folders = [...table.matchAll(/^\| `(\w+)\/` \|/gm)].map(([, folder]) => `src/${folder}`);
  assert.ok(folders.length > 0);
  assert.deepEqual(
    folders.filter((folder) => !existsSync(join(root, folder, 'README.md'))),
    [],
  );
});

test('what compatibility.md says is done, its tests say too', () => {
  const lines = readFileSync(join(root, 'docs/compatibility.md'), 'utf8').split('\n');
  const rows = lines.filter((line) => line.startsWith('| ')).map((line) => line.split(' | '));
  const wrong = rows.flatMap(([what, , shown = '']) => {
    let file = '';
    return [...shown.matchAll(/`([^`]+\.(?:test|fixture|feature)\.ts)`|"([^"]+)"/g)].flatMap(([, path, quotation]) => {
      if (path !== undefined) file = path;
      if (!existsSync(join(root, file))) return [`${what}: no file ${file}`];
      const found = quotation === undefined || readFileSync(join(root, file), 'utf8').includes(quotation);
      return found ? [] : [`${what}: ${file} has no test "${quotation}"`];
    });
  });
  assert.deepEqual(wrong, []);
});

test('compatibility.md claims nothing as done without a test', () => {
  const lines = readFileSync(join(root, 'docs/compatibility.md'), 'utf8').split('\n');
  assert.deepEqual(
    lines.filter((line) => /^\|[^|]*\| done/.test(line) && !/\.(test|fixture|feature)\.ts`/.test(line)),
    [],
  );
});
