import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { runCommand } from '../../host/process.ts';
import { broughtKubectl, goOn } from './go-on.ts';

test('what is printed works in a shell as it stands, in paths with spaces', async (t) => {
  const dir = join(tempDir(t), "it's a lab");
  const tools = join(dir, 'my tools');
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'kubectl'), '#!/bin/sh\necho "$KUBECONFIG: $*"\n');
  chmodSync(join(tools, 'kubectl'), 0o755);
  const lines = goOn({ dir, url: 'http://192.0.2.1/', tools }).split('\n');
  const script = lines.filter((line) => /^ {2}(export|kubectl)/.test(line)).join('\n');
  const { stdout } = await runCommand(['/bin/sh', '-euc', script], { env: { PATH: '/nowhere' } });
  assert.match(stdout, /it's a lab\/kubeconfig: get virtualmachines/);
});

test('a PATH is only spoken of when the system has no kubectl of its own', (t) => {
  const dir = tempDir(t);
  const [own, tools] = [join(dir, 'own'), join(dir, 'tools')];
  for (const folder of [own, tools]) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'kubectl'), '', { mode: 0o755 });
  }
  assert.equal(broughtKubectl(`/nowhere:${own}:${tools}`, tools), undefined);
  assert.equal(broughtKubectl(`/nowhere:${tools}`, tools), tools);
  assert.doesNotMatch(goOn({ dir, url: 'http://192.0.2.1/', tools: undefined }), /PATH/);
});
