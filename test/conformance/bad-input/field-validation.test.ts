/** Fields that nobody knows and fields that stand twice, as the request wants to hear of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SERVICES, startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { refused } from './asking.ts';

const YAML = 'application/yaml';
const PODS = '/api/v1/namespaces/default/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api.close());

const odd = (name: string) =>
  `{"metadata": {"name": "${name}"}, "spec": {"prots": 1, "ports": [{"port": 81, "port": 80, "tagetPort": 1}]}}`;
const oddYAML = (name: string) => `metadata:\n  name: ${name}\nspec:\n  ports:\n  - port: 81\n    port: 80\n`;
const found = [
  'duplicate field "spec.ports[0].port"',
  'unknown field "spec.prots"',
  'unknown field "spec.ports[0].tagetPort"',
];

describe('fieldValidation', () => {
  test('Strict refuses them, all in one answer', async () => {
    const reply = await refused(api, 'POST', `${SERVICES}?fieldValidation=Strict`, { body: odd('strict') });
    assert.deepEqual([reply.code, reply.body.reason], [400, 'BadRequest']);
    assert.match(
      reply.body.message,
      /^Service in version "v1" cannot be handled as a Service: strict decoding error: /,
    );
    for (const problem of found) assert.ok(reply.body.message.includes(problem), reply.body.message);
  });

  test('Strict finds them in pods and their templates, and takes what Kubernetes has there and Postern does not do', async () => {
    const container = { name: 'c', image: 'i', imagePulPolicy: 'Never', env: [{ name: 'A', vaule: '1' }] };
    const spec = { containers: [container], volumes: [{ name: 'v', confgMap: { name: 'm' } }], hostNetwrok: true };
    const labels = { app: 'a' };
    const template = { metadata: { labels }, spec };
    const problems = [
      'containers[0].imagePulPolicy',
      'containers[0].env[0].vaule',
      'volumes[0].confgMap',
      'hostNetwrok',
    ];
    for (const [path, object, at] of [
      [PODS, { metadata: { name: 'p' }, spec }, 'spec'],
      [
        DEPLOYMENTS,
        { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template } },
        'spec.template.spec',
      ],
    ] as const) {
      const reply = await refused(api, 'POST', `${path}?fieldValidation=Strict`, { body: JSON.stringify(object) });
      for (const problem of problems) assert.ok(reply.body.message.includes(`"${at}.${problem}"`), reply.body.message);
    }
    const claims = [{ name: 'gpu', resourceClaimName: 'g' }];
    const known = {
      containers: [{ name: 'c', image: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }],
      ...{ volumes: [{ name: 'v', nfs: { server: 's', path: '/' } }], hostUsers: true, resourceClaims: claims },
    };
    const body = JSON.stringify({ metadata: { name: 'k' }, spec: known });
    const made = await api.call('POST', `${PODS}?fieldValidation=Strict`, { body });
    assert.deepEqual([made.code, made.body.spec.volumes[0].nfs.server], [201, 's']);
    assert.deepEqual(made.body.spec.resourceClaims, claims);
  });

  test('Warn makes the object without them and warns of each, and so does saying nothing', async () => {
    for (const [name, query] of [
      ['warned', '?fieldValidation=Warn'],
      ['silent', ''],
    ] as const) {
      const reply = await api.call('POST', SERVICES + query, { body: odd(name) });
      assert.deepEqual([reply.code, reply.body.spec.ports[0].port, reply.body.spec.prots], [201, 80, undefined]);
      const warning = String(reply.headers['warning']).replaceAll('\\"', '"');
      for (const problem of found) assert.ok(warning.includes(problem), warning);
    }
  });

  test('Ignore makes the object without them and says nothing', async () => {
    const reply = await api.call('POST', `${SERVICES}?fieldValidation=Ignore`, { body: odd('ignored') });
    assert.deepEqual([reply.code, reply.body.spec.ports[0].port, reply.headers['warning']], [201, 80, undefined]);
  });

  test('keys that stand twice in YAML are told by their line', async () => {
    const strict = await refused(api, 'POST', `${SERVICES}?fieldValidation=Strict`, { body: oddYAML('y'), type: YAML });
    assert.match(strict.body.message, /line 6: key "port" already set in map/);
    const warned = await api.call('POST', SERVICES, { body: oddYAML('y1'), type: YAML });
    assert.deepEqual([warned.code, warned.body.spec.ports[0].port], [201, 80]);
    assert.match(String(warned.headers['warning']), /already set in map/);
    const ignored = await api.call('POST', `${SERVICES}?fieldValidation=Ignore`, { body: oddYAML('y2'), type: YAML });
    assert.deepEqual([ignored.code, ignored.headers['warning']], [201, undefined]);
  });

  test('goes for updates and patches too', async () => {
    const { body: stored } = await api.call('POST', SERVICES, {
      body: { metadata: { name: 'changed' }, spec: { ports: [{ port: 80 }] } },
    });
    const path = `${SERVICES}/changed?fieldValidation=Strict`;
    const put = await refused(api, 'PUT', path, { body: { ...stored, spec: { ...stored.spec, prots: 1 } } });
    assert.match(put.body.message, /unknown field "spec\.prots"/);
    for (const type of ['application/merge-patch+json', 'application/strategic-merge-patch+json']) {
      const twice = await refused(api, 'PATCH', path, { body: '{"metadata": {"labels": {"a": "1", "a": "2"}}}', type });
      assert.match(twice.body.message, /duplicate field "metadata\.labels\.a"/);
      const unknown = await refused(api, 'PATCH', path, { body: { spec: { prots: 1 } }, type });
      assert.match(unknown.body.message, /unknown field "spec\.prots"/);
    }
    const type = 'application/json-patch+json';
    const json = await refused(api, 'PATCH', path, { body: [{ op: 'add', path: '/spec/prots', value: 1 }], type });
    assert.match(json.body.message, /unknown field "spec\.prots"/);
    const apply = await refused(api, 'PATCH', `${path}&fieldManager=t`, {
      body: '{"apiVersion": "v1", "kind": "Service", "spec": {"prots": 1, "selector": {"a": "1", "a": "2"}}}',
      type: 'application/apply-patch+yaml',
    });
    assert.match(apply.body.message, /duplicate field "spec\.selector\.a".*unknown field "spec\.prots"/);
  });

  test('is refused itself when it is none of the three', async () => {
    const reply = await refused(api, 'POST', `${SERVICES}?fieldValidation=Loose`, { body: odd('loose') });
    assert.match(reply.body.message, /fieldValidation: Unsupported value: "Loose": supported values/);
  });
});
