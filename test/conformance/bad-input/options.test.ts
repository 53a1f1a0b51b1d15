/** Options of requests that mean nothing: 422 in the words of an API server, and nothing changed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SERVICES, service, startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { refused } from './asking.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
  assert.equal((await api.call('POST', SERVICES, { body: service('a') })).code, 201);
});
after(() => api.close());

const MERGE = 'application/merge-patch+json';
const dryRun = 'dryRun: Unsupported value: ["Some"]: supported values: "All"';
const CASES: readonly [what: string, method: string, path: string, body: object, message: string][] = [
  ['a dry run of a create', 'POST', '?dryRun=Some', service('b'), `CreateOptions.meta.k8s.io "" is invalid: ${dryRun}`],
  [
    'a dry run of an update',
    'PUT',
    '/a?dryRun=Some',
    service('a'),
    `UpdateOptions.meta.k8s.io "" is invalid: ${dryRun}`,
  ],
  ['a dry run of a patch', 'PATCH', '/a?dryRun=Some', {}, `PatchOptions.meta.k8s.io "" is invalid: ${dryRun}`],
  ['a dry run of a delete', 'DELETE', '/a', { dryRun: ['Some'] }, `DeleteOptions.meta.k8s.io "" is invalid: ${dryRun}`],
  [
    'a field validation',
    'POST',
    '?fieldValidation=Loose',
    service('b'),
    'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Loose": supported values: "", "Ignore", "Strict", "Warn"',
  ],
  [
    'a propagation policy',
    'DELETE',
    '/a',
    { propagationPolicy: 'X' },
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "X": supported values: "Foreground", "Background", "Orphan", "nil"',
  ],
  [
    'a propagation policy in its old form besides',
    'DELETE',
    '/a',
    { propagationPolicy: 'Orphan', orphanDependents: true },
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
  ],
];
for (const [what, method, path, body, message] of CASES) {
  test(`${what}: refused`, async () => {
    const type = method === 'PATCH' ? MERGE : 'application/json';
    const reply = await refused(api, method, `${SERVICES}${path}`, { body, type });
    assert.deepEqual([reply.code, reply.body.reason, reply.body.message], [422, 'Invalid', message]);
    const [{ field }] = reply.body.details.causes;
    assert.ok(message.includes(`: ${field}: `), field);
  });
}
