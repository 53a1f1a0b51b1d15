import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InClusterError, inClusterEndpoint } from './in-cluster.ts';

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

describe('a program in a pod', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'postern-in-cluster-'));
    await writeFile(join(dir, 'token'), 'TOKEN\n');
    await writeFile(join(dir, 'ca.crt'), 'CA\n');
  });
  after(() => rm(dir, { recursive: true }));

  it('finds the API by its environment and the files of its service account', async () => {
    assert.deepEqual(await inClusterEndpoint(env, dir), {
      server: 'https://10.96.0.1:443',
      caData: 'CA\n',
      tokenFile: join(dir, 'token'),
    });
    const ipv6 = await inClusterEndpoint({ ...env, KUBERNETES_SERVICE_HOST: 'fd00:10:96::1' }, dir);
    assert.equal(ipv6?.server, 'https://[fd00:10:96::1]:443');
  });

  it('is told what to do when the files are not there, and when the environment makes no sense', async () => {
    await assert.rejects(inClusterEndpoint(env, join(dir, 'none')), (error) => {
      return (
        error instanceof InClusterError && /none\/token cannot be read: there is no such file\. Let/.test(error.message)
      );
    });
    await assert.rejects(inClusterEndpoint({ ...env, KUBERNETES_SERVICE_PORT: 'x' }, dir), InClusterError);
  });

  it('is one only where both variables are set', async () => {
    assert.equal(await inClusterEndpoint({}, dir), undefined);
    assert.equal(await inClusterEndpoint({ ...env, KUBERNETES_SERVICE_PORT: '' }, dir), undefined);
  });
});
