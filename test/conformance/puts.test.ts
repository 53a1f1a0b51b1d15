/** PUT of a Service and of what is around it: what is not there, what is the same, and what never changes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Endpoints } from '../../src/api/core/v1/endpoints.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { AnyKind } from '../../src/api/kinds.ts';
import { IPAddress } from '../../src/api/networking/v1/ipaddress.ts';
import { ServiceCIDR } from '../../src/api/networking/v1/servicecidr.ts';
import { type Json, startTestServer, type TestServer } from '../../src/apiserver/testing/server.ts';
import { resourcePath } from '../../src/client/resource-path.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());

const pathOf = (kind: AnyKind, name: string) => `${resourcePath(kind, { namespace: 'default' })}/${name}`;
const put = (kind: AnyKind, name: string, { metadata, ...fields }: Json) =>
  api.call('PUT', pathOf(kind, name), { body: { ...fields, metadata: { name, ...metadata } } });
const create = async (kind: AnyKind, body: object): Promise<Json> => {
  const reply = await api.call('POST', resourcePath(kind, { namespace: 'default' }), { body });
  assert.equal(reply.code, 201, reply.text);
  return reply.body;
};

const manifest = { spec: { type: 'NodePort', ports: [{ port: 80 }] } };
const slice = { addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }] };
const subsets = { subsets: [{ addresses: [{ ip: '192.0.2.1' }] }] };
const claim = (name: string) => ({ spec: { parentRef: { resource: 'services', namespace: 'default', name } } });
const range = (...cidrs: string[]) => ({ spec: { cidrs } });

describe('of what is not there', () => {
  for (const [kind, body] of [
    [Service, manifest],
    [Endpoints, subsets],
  ] as const) {
    test(`makes it: ${kind.kind}`, async () => {
      const made = await put(kind, 'made', body);
      assert.deepEqual([made.code, typeof made.body.metadata.uid], [201, 'string'], made.text);
    });
  }

  for (const [kind, name, body] of [
    [EndpointSlice, 'nobody', slice],
    [ServiceCIDR, 'nobody', range('198.51.100.0/24')],
    [IPAddress, '192.0.2.1', claim('a')],
  ] as const) {
    test(`is not found: ${kind.kind}`, async () => {
      const reply = await put(kind, name, body);
      assert.deepEqual([reply.code, reply.body.reason], [404, 'NotFound']);
    });
  }

  test('has its mistakes told, and takes what addresses and ports there are, like a create', async () => {
    const wrong = await put(Service, 'wrong', { spec: { ports: [] } });
    assert.deepEqual([wrong.code, wrong.body.details.causes[0].field], [422, 'spec.ports']);
    const { body } = await put(Service, 'one', { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] } });
    assert.deepEqual([body.spec.ports[0].nodePort, typeof body.spec.clusterIP], [30123, 'string']);
    const late = await put(Service, 'late', { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] } });
    assert.equal(late.code, 422);
  });

  test('is not found when it names a version or an object that was there', async () => {
    for (const metadata of [{ resourceVersion: '3' }, { uid: '5f0c' }]) {
      assert.equal((await put(Service, 'gone', { ...manifest, metadata })).code, 404);
    }
  });
});

test('of the very same manifest writes nothing', async () => {
  const first = await put(Service, 'same', manifest);
  const before = await api.store.revision();
  const second = await put(Service, 'same', manifest);
  assert.deepEqual([second.code, second.body], [200, first.body]);
  assert.equal(await api.store.revision(), before);
});

test('under another name or in another namespace than the path says is refused', async () => {
  for (const [metadata, message] of [
    [{ name: 'b' }, 'the name of the object (b) does not match the name on the URL (a)'],
    [{ namespace: 'b' }, 'the namespace of the provided object does not match the namespace sent on the request'],
  ] as const) {
    const reply = await put(Service, 'a', { ...manifest, metadata });
    assert.deepEqual([reply.code, reply.body.reason, reply.body.message], [400, 'BadRequest', message]);
  }
});

describe('of a change that is not allowed is refused by its field', () => {
  const CASES: readonly [kind: AnyKind, name: string, old: object, next: object, ...causes: string[]][] = [
    [
      EndpointSlice,
      'slice',
      slice,
      { addressType: 'IPv6', endpoints: [] },
      'addressType: Invalid value: "IPv6": field is immutable',
    ],
    [
      IPAddress,
      '192.0.2.9',
      claim('a'),
      claim('b'),
      'spec.parentRef: Invalid value: {"resource":"services","namespace":"default","name":"b"}: field is immutable',
    ],
    [
      ServiceCIDR,
      'moved',
      range('198.51.100.0/24'),
      range('203.0.113.0/24'),
      'spec.cidrs[0]: Invalid value: "203.0.113.0/24": field is immutable',
    ],
    [
      ServiceCIDR,
      'reduced',
      range('198.51.100.0/24', '2001:db8::/112'),
      range('198.51.100.0/24'),
      'spec.cidrs: Invalid value: ["198.51.100.0/24"]: field is immutable',
    ],
  ];
  for (const [kind, name, old, next, ...causes] of CASES) {
    test(`${kind.kind} ${name}`, async () => {
      await create(kind, { ...old, metadata: { name } });
      const before = await api.store.revision();
      const reply = await put(kind, name, next);
      assert.equal(reply.code, 422, reply.text);
      const found = reply.body.details.causes.map(({ field, message }: Json) => `${field}: ${message}`);
      assert.deepEqual([found, await api.store.revision()], [causes, before]);
    });
  }

  test('but a ServiceCIDR may get its second family', async () => {
    await create(ServiceCIDR, { ...range('198.51.100.0/24'), metadata: { name: 'grows' } });
    const reply = await put(ServiceCIDR, 'grows', range('198.51.100.0/24', '2001:db8::/112'));
    assert.deepEqual([reply.code, reply.body.spec?.cidrs], [200, ['198.51.100.0/24', '2001:db8::/112']], reply.text);
  });
});
