import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readKeyFile } from './key-file.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-key-'));
});
after(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode });
  return path;
}

test('one line end is not part of the secret', async () => {
  for (const [content, secret] of [
    ['sixteen bytes...', 'sixteen bytes...'],
    ['sixteen bytes...\n', 'sixteen bytes...'],
    ['sixteen bytes...\n\n', 'sixteen bytes...\n'],
  ] as const) {
    assert.equal(Buffer.from(await readKeyFile(file('key', content))).toString(), secret);
  }
});

for (const [why, path, wrong] of [
  ['is not there', () => join(directory, 'none'), { message: /none cannot be read: ENOENT/, remedy: /openssl rand/ }],
  ['never ends', () => '/dev/zero', { message: /zero is no file/, remedy: /openssl rand/ }],
  ['can be guessed', () => file('short', 'fifteen bytes..\n'), { message: /has 16 bytes: it is 16 to 4096, line end/ }],
  ['is another file', () => file('long', 'x'.repeat(5000)), { message: /has 5000 bytes/ }],
  [
    'all may read',
    () => file('open', 'sixteen bytes...', 0o644),
    { message: /by everyone/, remedy: /chmod 600 .*open/ },
  ],
] as const) {
  test(`a key file that ${why} is refused`, async () => {
    await assert.rejects(readKeyFile(path()), { name: 'KeyFileError', ...wrong });
  });
}
