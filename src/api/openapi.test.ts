import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from './kinds.ts';
import { type Document, openApiIndex, openApiPath, openApiV2, openApiV3 } from './openapi.ts';
import { definitionName } from './openapi-names.ts';
import { isMapping } from './value.ts';

const GROUP_VERSIONS = [...new Map(KINDS.map((kind) => [kind.apiVersion, kind])).values()];

/** The value at a path of keys; fails the test where there is none. */
function at(document: unknown, ...keys: readonly string[]): Document {
  return keys.reduce<Document>((value, key) => {
    const next = value[key];
    assert.ok(isMapping(next), `no ${key} in ${Object.keys(value).join(', ').slice(0, 400)}`);
    return next;
  }, document as Document);
}

/** Every `$ref` of a document. */
function references(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isMapping(value)) return [];
  const own = typeof value['$ref'] === 'string' ? [value['$ref']] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

for (const kind of KINDS.filter(({ called }) => !called)) {
  test(`the version 3 document tells kubectl how to patch and explain a ${kind.kind}`, () => {
    const document = openApiV3(KINDS, kind);
    const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
    const scope = kind.namespaced ? 'namespaces/{namespace}/' : '';
    const patch = at(document, 'paths', `/${openApiPath(kind)}/${scope}${kind.plural}/{name}`, 'patch');
    assert.deepEqual(patch['x-kubernetes-group-version-kind'], gvk);
    const names = (patch['parameters'] as { name: string }[]).map(({ name }) => name);
    for (const name of ['fieldValidation', 'dryRun', 'fieldManager', 'force']) assert.ok(names.includes(name), name);
    const schema = at(document, 'components', 'schemas', definitionName(kind));
    assert.deepEqual(schema['x-kubernetes-group-version-kind'], [gvk]);
    assert.ok(at(schema, 'properties', 'metadata'));
  });
}

test('every reference of every document leads somewhere', () => {
  const documents: [string, Document][] = GROUP_VERSIONS.map((kind) => [kind.apiVersion, openApiV3(KINDS, kind) ?? {}]);
  for (const [name, document] of [...documents, ['v2', openApiV2(KINDS)] as [string, Document]]) {
    const found = references(document);
    assert.ok(found.length > 0, name);
    for (const reference of new Set(found)) at(document, ...reference.slice(2).split('/'));
  }
});

test('definitions have the names that clients know', () => {
  const names = KINDS.map(definitionName);
  for (const name of [
    'io.k8s.api.core.v1.Service',
    'io.k8s.api.discovery.v1.EndpointSlice',
    'io.k8s.api.coordination.v1.Lease',
    'io.kubevirt.v1.VirtualMachine',
    'io.metallb.v1beta1.IPAddressPool',
  ]) {
    assert.ok(names.includes(name), name);
  }
});

test('a list says by which key a patch merges it', () => {
  const document = openApiV3(KINDS, { group: '', version: 'v1' });
  const ports = at(
    document,
    'components',
    'schemas',
    'io.k8s.api.core.v1.Service',
    'properties',
    'spec',
    'properties',
    'ports',
  );
  assert.equal(ports['x-kubernetes-patch-merge-key'], 'port');
  assert.equal(ports['x-kubernetes-patch-strategy'], 'merge');
  assert.deepEqual(ports['x-kubernetes-list-map-keys'], ['port', 'protocol']);
  const targetPort = at(ports, 'items', 'properties', 'targetPort');
  assert.deepEqual(targetPort['oneOf'], [{ type: 'integer' }, { type: 'string' }]);
  assert.equal(targetPort['x-kubernetes-int-or-string'], undefined);
});

test('the index leads to a document of every group and version', () => {
  const paths = at(
    openApiIndex(KINDS, ({ group }) => `hash-of-${group}`),
    'paths',
  );
  assert.deepEqual(Object.keys(paths).sort(), GROUP_VERSIONS.map(openApiPath).sort());
  assert.equal(
    at(paths, 'apis/kubevirt.io/v1')['serverRelativeURL'],
    '/openapi/v3/apis/kubevirt.io/v1?hash=hash-of-kubevirt.io',
  );
});

test('there is no document of a group that is not served', () => {
  assert.equal(openApiV3(KINDS, { group: 'example.org', version: 'v1' }), undefined);
});

test('what pods and templates of pods share is published once, where it is used', () => {
  const apps = openApiV3(KINDS, { group: 'apps', version: 'v1' });
  const spec = at(apps, 'components', 'schemas', 'io.k8s.api.core.v1.PodSpec', 'properties');
  assert.deepEqual(at(spec, 'containers', 'items'), { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' });
  assert.equal(at(spec, 'containers')['x-kubernetes-patch-merge-key'], 'name');
  const leases = at(openApiV3(KINDS, { group: 'coordination.k8s.io', version: 'v1' }), 'components', 'schemas');
  assert.equal(leases['io.k8s.api.core.v1.PodSpec'], undefined);
});
