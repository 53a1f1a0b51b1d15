import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { silentLogger } from '../../host/log.ts';
import { ServerKubeconfig } from './server-kubeconfig.ts';

test('the administrator’s kubeconfig names the servers that there are, whole at any time', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'postern-kubeconfig-'));
  const path = join(dir, 'kubeconfig');
  const own = { server: 'https://192.0.2.1:6443', caData: 'CA' };
  const kubeconfig = await ServerKubeconfig.open(path, own, silentLogger);
  await kubeconfig.write([]);
  assert.deepEqual(await loadKubeconfig(path), own);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const others = ['https://192.0.2.2:6443', 'https://192.0.2.3:6443'];
  const written = Promise.all([kubeconfig.write([own.server, ...others]), kubeconfig.write(others.slice(1))]);
  for (let i = 0; i < 20; i++) assert.equal((await loadKubeconfig(path)).server, own.server);
  await written;
  assert.deepEqual(await loadKubeconfig(path), { ...own, otherServers: others.slice(1) });
  await kubeconfig.close();
  await rm(dir, { recursive: true });
});
