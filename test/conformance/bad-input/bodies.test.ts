/** Bodies that are no object at all, or meant to do harm: an answer with a Status, and the server goes on. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { SERVICES, service, startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { processorTimeOfAll } from '../../support/processor-time.ts';
import { refused } from './asking.ts';

const YAML = 'application/yaml';
const MB = 2 ** 20;
let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api.close());
afterEach(async () => {
  const { code, body } = await api.call('GET', SERVICES);
  assert.equal(code, 200, 'the server still answers');
  assert.ok(!body.items.some(({ metadata }: { metadata: { name: string } }) => metadata.name === 'bad'));
});

const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

describe('a body that is no object', () => {
  const CASES: readonly (readonly [what: string, body: string, says: RegExp, type?: string])[] = [
    ['nothing', '', /not JSON/],
    ['broken JSON', '{"metadata": {"name": "bad"}', /not JSON/],
    ['JSON with a comma too many', '{"metadata": {"name": "bad"},}', /not JSON/],
    ['two JSON objects', '{} {}', /not JSON/],
    ['null', 'null', /null/],
    ['a list', '[{}]', /a list/],
    ['a text', '"Service"', /text/],
    ['a number', '42', /42/],
    ['broken YAML', 'metadata:\n  name: bad\n name: x', /not YAML: line 3/, YAML],
    ['YAML with tabs', 'metadata:\n\tname: bad', /not YAML/, YAML],
    ['two YAML documents', 'kind: Service\n---\nkind: Service', /not YAML/, YAML],
    ['YAML that is a text', 'Service', /text/, YAML],
    ['bytes that are no text', '\u0000\u0001\u0002', /not JSON/],
    ['another kind', '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}}', /kind in the data \(Pod\)/],
    ['another version', '{"apiVersion": "v2", "kind": "Service"}', /API version in the data \(v2\)/],
    ['kind and version of wrong types', '{"apiVersion": {}, "kind": []}', /does not match/],
  ];
  for (const [what, body, says, type] of CASES) {
    test(`${what}: 400 that says so`, async () => {
      const reply = await refused(api, 'POST', SERVICES, { body, ...(type ? { type } : {}) });
      assert.deepEqual([reply.code, reply.body.reason], [400, 'BadRequest']);
      assert.match(reply.body.message, says);
    });
  }

  test('an unknown type: 415 that names those that are known', async () => {
    const reply = await refused(api, 'POST', SERVICES, { body: '<a/>', type: 'text/xml' });
    assert.deepEqual([reply.code, reply.body.reason], [415, 'UnsupportedMediaType']);
    assert.match(reply.body.message, /application\/json/);
  });
});

test('ports as a mapping: the answer says so and shows the list to write', async () => {
  const spec = {
    type: 'NodePort',
    selector: { special: 'key' },
    ports: { port: 80, targetPort: 9376, nodePort: 30001 },
  };
  const reply = await refused(api, 'POST', SERVICES, { body: { metadata: { name: 'bad' }, spec } });
  assert.equal(reply.code, 400);
  assert.match(
    reply.body.message,
    /spec\.ports: found a mapping with the keys port, targetPort, nodePort; spec\.ports is a list/,
  );
  assert.ok(
    reply.body.message.includes('\n  ports:\n  - port: 80\n    targetPort: 9376\n    nodePort: 30001\n'),
    reply.body.message,
  );
});

test('ports as a mapping by name: every one is shown as an element of the list', async () => {
  const spec = { ports: { http: { port: 80 }, dns: { port: 53, protocol: 'UDP' } } };
  const reply = await refused(api, 'POST', SERVICES, { body: { metadata: { name: 'bad' }, spec } });
  assert.ok(
    reply.body.message.includes('\n  ports:\n  - port: 80\n  - port: 53\n    protocol: UDP\n'),
    reply.body.message,
  );
});

describe('a body that is too large', () => {
  const large = JSON.stringify({ ...service('bad'), extra: 'x'.repeat(10 * MB) });
  const expected = [413, 'RequestEntityTooLarge'];

  test('10 MB of JSON: 413', async () => {
    const reply = await refused(api, 'POST', SERVICES, { body: large });
    assert.deepEqual([reply.code, reply.body.reason], expected);
    assert.match(reply.body.message, /limit is 3145728/);
  });

  test('10 MB that come packed as 10 kB: 413', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const reply = await refused(api, 'POST', SERVICES, { body: gzipSync(large), headers });
    assert.deepEqual([reply.code, reply.body.reason], expected);
  });

  test('10 MB in a patch: 413', async () => {
    await api.call('POST', SERVICES, { body: service('patched') });
    const type = 'application/merge-patch+json';
    const reply = await refused(api, 'PATCH', `${SERVICES}/patched`, { body: large, type });
    assert.deepEqual([reply.code, reply.body.reason], expected);
  });

  test('an object of 2 MB, which no store would take: 413', async () => {
    const annotations = { a: 'x'.repeat(200_000) };
    const labels = Object.fromEntries(Array.from({ length: 25_000 }, (_, i) => [`label-${i}`, 'x'.repeat(60)]));
    const reply = await refused(api, 'POST', SERVICES, {
      body: { ...service('bad'), metadata: { name: 'bad', annotations, labels } },
    });
    assert.deepEqual([reply.code, reply.body.reason], expected);
  });
});

describe('YAML that takes long to parse', () => {
  const mapping = (count: number) =>
    `metadata:\n  name: yaml\n  annotations:\n${Array.from({ length: count }, (_, i) => `    key-${i}: x\n`).join('')}spec:\n  ports:\n  - port: 80\n`;

  test('as much of it as of JSON is taken, and others are answered meanwhile', async () => {
    const body = `# ${'x'.repeat(2 * MB)}\n${mapping(10_000)}`;
    let isRead = false;
    const reading = api.call('POST', `${SERVICES}?dryRun=All`, { body, type: YAML }).finally(() => {
      isRead = true;
    });
    await api.call('GET', SERVICES);
    assert.equal(isRead, false, 'nobody waited for it');
    const reply = await reading;
    assert.equal(reply.code, 201, reply.text.slice(0, 300));
    assert.equal(Object.keys(reply.body.metadata.annotations).length, 10_000);
  });

  test('more than 3 MiB is refused', async () => {
    const reply = await refused(api, 'POST', SERVICES, { body: `# ${'x'.repeat(4 * MB)}`, type: YAML });
    assert.deepEqual([reply.code, reply.body.reason], [413, 'RequestEntityTooLarge']);
  });

  test('2 MB of JSON under the type of YAML, as kubectl sends it, are read as JSON', async () => {
    const metadata = { name: 'applied', annotations: { a: 'x'.repeat(200_000) } };
    const body = JSON.stringify({ ...service('applied'), metadata, unknown: 'x'.repeat(2 * MB) });
    const path = `${SERVICES}/applied?fieldManager=kubectl&dryRun=All`;
    const began = processorTimeOfAll();
    const reply = await api.call('PATCH', path, { body, type: 'application/apply-patch+yaml' });
    assert.equal(reply.code, 201, reply.text.slice(0, 300));
    assert.ok(processorTimeOfAll() - began < 1500);
  });
});

describe('nesting of 100,000', () => {
  const DEPTH = 100_000;
  const DEEP: readonly (readonly [what: string, body: string, type?: string])[] = [
    [
      'mappings of JSON in a field that nobody knows',
      `{"metadata":{"name":"bad"},"spec":{"x":${nested('{"a":', '}', DEPTH).replace(':}', ':1}')}}}`,
    ],
    ['lists of JSON', nested('[', ']', DEPTH)],
    ['lists of JSON in ports', `{"metadata":{"name":"bad"},"spec":{"ports":${nested('[', ']', DEPTH)}}}`],
    ['mappings of JSON without an end', '{"a":'.repeat(DEPTH)],
    ['lists of YAML', nested('[', ']', DEPTH), YAML],
    ['mappings of YAML', nested('{a: ', '}', DEPTH / 2), YAML],
    ['sequences of YAML', '- '.repeat(DEPTH), YAML],
  ];
  for (const [what, body, type] of DEEP) {
    test(`${what}: 400 or 422, soon`, async () => {
      const began = processorTimeOfAll();
      const query = '?fieldValidation=Strict';
      const reply = await refused(api, 'POST', SERVICES + query, { body, ...(type ? { type } : {}) });
      assert.ok(reply.code === 400 || reply.code === 422, reply.text.slice(0, 300));
      assert.ok(reply.text.length < 20_000, 'the answer is not as long as the question');
      assert.ok(processorTimeOfAll() - began < 5000);
    });
  }

  for (const type of ['merge-patch', 'strategic-merge-patch', 'json-patch', 'apply-patch']) {
    test(`in a ${type}: refused`, async () => {
      await api.call('POST', SERVICES, { body: service('deep') });
      const value = nested('{"a":', '}', DEPTH).replace(':}', ':1}');
      const bodies: Readonly<Record<string, string>> = {
        'json-patch': `[{"op":"add","path":"/metadata/annotations","value":${value}}]`,
        'apply-patch': `{"apiVersion":"v1","kind":"Service","metadata":{"annotations":${value}}}`,
      };
      const body = bodies[type] ?? `{"metadata":{"annotations":${value}}}`;
      const media = type === 'apply-patch' ? 'application/apply-patch+yaml' : `application/${type}+json`;
      const reply = await refused(api, 'PATCH', `${SERVICES}/deep?fieldManager=t`, { body, type: media });
      assert.ok(reply.code === 400 || reply.code === 422, reply.text.slice(0, 300));
    });
  }
});

test('YAML whose aliases would unfold to a thousand million values: 400', async () => {
  const letters = [...'abcdefghi'];
  const lines = letters.map((letter, i) => {
    const before = letters[i - 1];
    return `${letter}: &${letter} [${Array(10)
      .fill(before === undefined ? 'x' : `*${before}`)
      .join(', ')}]`;
  });
  const reply = await refused(api, 'POST', SERVICES, { body: lines.join('\n'), type: YAML });
  assert.equal(reply.code, 400);
  assert.match(reply.body.message, /alias/i);
});

describe('keys that could reach a prototype', () => {
  const strict = `${SERVICES}?fieldValidation=Strict`;

  test('in fields: unknown fields like any other, and nothing is polluted', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      for (const body of [
        `{"${key}": {"polluted": true}, "metadata": {"name": "bad"}, "spec": {"ports": [{"port": 80}]}}`,
        `{"metadata": {"name": "bad"}, "spec": {"${key}": {"polluted": true}, "ports": [{"port": 80}]}}`,
      ]) {
        const reply = await refused(api, 'POST', strict, { body });
        assert.deepEqual([reply.code, reply.body.reason], [400, 'BadRequest']);
        assert.match(reply.body.message, new RegExp(`unknown field "(spec\\.)?${key}"`));
      }
    }
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  test('in labels: __proto__ is no label, and in annotations constructor is one', async () => {
    const labels = '{"metadata": {"name": "bad", "labels": {"__proto__": "x"}}, "spec": {"ports": [{"port": 80}]}}';
    assert.equal((await refused(api, 'POST', SERVICES, { body: labels })).code, 422);
    const body =
      '{"metadata": {"name": "odd", "annotations": {"constructor": "x"}}, "spec": {"ports": [{"port": 80}]}}';
    const created = await api.call('POST', SERVICES, { body });
    assert.deepEqual([created.code, created.body.metadata.annotations], [201, { constructor: 'x' }], created.text);
  });

  test('in paths of a JSON patch: refused', async () => {
    await api.call('POST', SERVICES, { body: service('path') });
    for (const path of ['/__proto__/polluted', '/constructor/prototype/polluted', '/metadata/__proto__/polluted']) {
      const body = [{ op: 'add', path, value: true }];
      const type = 'application/json-patch+json';
      await refused(api, 'PATCH', `${SERVICES}/path?fieldValidation=Strict`, { body, type });
    }
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  test('in merge patches: dropped, and nothing is polluted', async () => {
    await api.call('POST', SERVICES, { body: service('merged') });
    for (const type of ['merge-patch', 'strategic-merge-patch']) {
      const body = '{"__proto__": {"polluted": true}, "spec": {"__proto__": {"polluted": true}}}';
      const reply = await api.call('PATCH', `${SERVICES}/merged`, { body, type: `application/${type}+json` });
      assert.ok(reply.code < 500, reply.text);
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    }
  });
});
