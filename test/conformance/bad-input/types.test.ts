/** A wrong type in any field of the kinds around a Service: 400, the field by its path, and nothing changed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Endpoints } from '../../../src/api/core/v1/endpoints.ts';
import { Service } from '../../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../../src/api/discovery/v1/endpointslice.ts';
import type { AnyKind } from '../../../src/api/kinds.ts';
import { IPAddress } from '../../../src/api/networking/v1/ipaddress.ts';
import { ServiceCIDR } from '../../../src/api/networking/v1/servicecidr.ts';
import type { SchemaNode } from '../../../src/api/schema.ts';
import { startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { resourcePath } from '../../../src/client/resource-path.ts';
import { refused } from './asking.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api.close());

/** An object whose only fault is the type of the value at `field`. */
interface Fault {
  readonly field: string;
  readonly body: object;
}

/** A value of another type than the node's; undefined where anything may stand. */
function wrong({ type, ...node }: SchemaNode): unknown {
  if (node['x-kubernetes-int-or-string']) return true;
  if (type === undefined) return undefined;
  const values = { object: 'text', array: { key: 'value' }, string: 7, integer: 'seven', number: 'x', boolean: 'yes' };
  return values[type];
}

/** A fault for every field under a node. `place` puts a value where the node is. */
function faults(node: SchemaNode, field: string, place: (value: unknown) => object): readonly Fault[] {
  const value = wrong(node);
  const own = value === undefined || field === '' ? [] : [{ field, body: place(value) }];
  const inside = Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    faults(child, field === '' ? key : `${field}.${key}`, (deeper) => place({ [key]: deeper })),
  );
  const items = node.items ? faults(node.items, `${field}[0]`, (deeper) => place([deeper])) : [];
  const chosen = node.additionalProperties
    ? faults(node.additionalProperties, `${field}[some-key]`, (deeper) => place({ 'some-key': deeper }))
    : [];
  return [...own, ...inside, ...items, ...chosen];
}

for (const kind of [Service, Endpoints, EndpointSlice, ServiceCIDR, IPAddress] as readonly AnyKind[]) {
  const all = faults(kind.schema.node, '', (value) => value as object);
  const path = resourcePath(kind, { namespace: 'default' });
  describe(`a ${kind.kind}`, () => {
    for (const { field, body } of all.filter(({ field }) => field !== 'apiVersion' && field !== 'kind')) {
      test(`is refused when the type of ${field} is wrong`, async () => {
        const reply = await refused(api, 'POST', path, { body });
        assert.deepEqual([reply.code, reply.body.reason], [400, 'BadRequest']);
        const causes: readonly { field: string; reason: string }[] = reply.body.details.causes;
        const found = causes.filter(({ reason }) => reason === 'FieldValueTypeInvalid');
        assert.deepEqual(
          found.map((cause) => cause.field),
          [field],
        );
      });
    }
  });
}

test('several fields of a wrong type are named in one answer', async () => {
  const spec = { type: 1, ports: [{ port: 'x', nodePort: [] }], selector: 'a=b', externalIPs: {} };
  const reply = await refused(api, 'POST', resourcePath(Service, { namespace: 'default' }), { body: { spec } });
  const fields: readonly string[] = reply.body.details.causes.map(({ field }: { field: string }) => field);
  const expected = ['spec.externalIPs', 'spec.ports[0].nodePort', 'spec.ports[0].port', 'spec.selector', 'spec.type'];
  assert.deepEqual([...fields].sort(), expected);
});
