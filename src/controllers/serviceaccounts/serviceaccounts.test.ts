import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import { Namespace } from '../../api/core/v1/namespace.ts';
import { ServiceAccount } from '../../api/core/v1/serviceaccount.ts';
import { world } from '../testing.ts';
import { serviceAccountsController } from './serviceaccounts.ts';

const namespace = (name: string, metadata: object = {}): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...metadata },
});
const ACCOUNT = { namespace: 'shop', name: 'default' };
const ROOT = { namespace: 'shop', name: 'kube-root-ca.crt' };

const start = (rootCA?: string, ...objects: Namespace[]) =>
  world(objects, (parts) => serviceAccountsController({ ...parts, ...(rootCA === undefined ? {} : { rootCA }) }));

test('every namespace has a default account and the certificate, and has them again when they are deleted', async () => {
  const w = await start('PEM', namespace('shop'));
  try {
    assert.ok(await w.find(ServiceAccount, ACCOUNT));
    assert.deepEqual((await w.find(ConfigMap, ROOT))?.data, { 'ca.crt': 'PEM' });
    await w.client.delete(ServiceAccount, ACCOUNT);
    await w.client.delete(ConfigMap, ROOT);
    await w.settle();
    assert.ok(await w.find(ServiceAccount, ACCOUNT));
    assert.ok(await w.find(ConfigMap, ROOT));
    await w.client.create(Namespace, namespace('later'));
    await w.settle();
    assert.ok(await w.find(ServiceAccount, { namespace: 'later', name: 'default' }));
  } finally {
    await w.stop();
  }
});

test('the certificate is put right when somebody has changed it', async () => {
  const w = await start('PEM', namespace('shop'));
  try {
    await w.client.patch(ConfigMap, ROOT, { type: 'merge', body: { data: { 'ca.crt': 'forged', more: 'x' } } });
    await w.settle();
    assert.deepEqual((await w.find(ConfigMap, ROOT))?.data, { 'ca.crt': 'PEM' });
  } finally {
    await w.stop();
  }
});

test('a namespace that is going away is left alone', async () => {
  const going = namespace('shop', { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x'] });
  const w = await start('PEM', going);
  try {
    assert.deepEqual(await w.all(ServiceAccount), []);
    assert.deepEqual(await w.all(ConfigMap), []);
  } finally {
    await w.stop();
  }
});

test('without a certificate of our own there is no map of it', async () => {
  const w = await start(undefined, namespace('shop'));
  try {
    assert.ok(await w.find(ServiceAccount, ACCOUNT));
    assert.deepEqual(await w.all(ConfigMap), []);
  } finally {
    await w.stop();
  }
});
