import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Namespace } from '../../api/core/v1/namespace.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { type World, world } from '../testing.ts';
import { namespaceController } from './namespace.ts';

const namespace = (deleted: boolean): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'ns', ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: deleted ? 'Terminating' : 'Active' },
});
const service = (at: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: at },
});
const pod = (finalizers: string[]): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', finalizers },
});

/** Answers the finalize subresource as the server does. */
function finalizes(w: World): string[] {
  const paths: string[] = [];
  w.client.answerRawWith((method, path, body) => {
    paths.push(`${method} ${path} ${JSON.stringify((body as Namespace).spec?.finalizers)}`);
    w.client.remove(Namespace, { name: 'ns' });
    return body;
  });
  return paths;
}

describe('the namespace controller', () => {
  it('leaves namespaces alone that are not being deleted', async () => {
    const w = await world([namespace(false), service('ns')], namespaceController);
    assert.deepEqual(w.client.writes, []);
    await w.stop();
  });

  it('empties a namespace, waits for what has to end, says what that is, and then lets it go', async () => {
    const w = await world(
      [namespace(false), service('ns'), service('other'), pod(['example.org/wait'])],
      namespaceController,
    );
    const paths = finalizes(w);
    w.client.seed(namespace(true));
    await w.settle();
    assert.deepEqual(
      (await w.all(Service)).map(({ metadata }) => metadata.namespace),
      ['other'],
    );
    const { status } = (await w.find(Namespace, { name: 'ns' })) ?? {};
    assert.match(findCondition(status?.conditions, 'NamespaceContentRemaining')?.message ?? '', /pods has 1/);
    assert.match(
      findCondition(status?.conditions, 'NamespaceFinalizersRemaining')?.message ?? '',
      /example\.org\/wait/,
    );
    assert.deepEqual(paths, []);
    w.client.remove(Pod, { namespace: 'ns', name: 'p' });
    await w.pass(1000);
    assert.deepEqual(paths, ['PUT /api/v1/namespaces/ns/finalize []']);
    assert.equal(await w.find(Namespace, { name: 'ns' }), undefined);
    await w.stop();
  });
});
