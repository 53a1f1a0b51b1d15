import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Lease } from './coordination/v1/lease.ts';
import { Namespace } from './core/v1/namespace.ts';
import { Pod } from './core/v1/pod.ts';
import { Service } from './core/v1/service.ts';
import { checkStructure, structureError, unknownField } from './decode.ts';
import type { AnyKind } from './kinds.ts';
import { VirtualMachine } from './kubevirt/v1/virtualmachine.ts';
import { IPAddressPool } from './metallb/v1beta1/ipaddresspool.ts';

/** The messages for a manifest, each with its field. */
function mistakes(kind: AnyKind, manifest: string): readonly string[] {
  return checkStructure(kind, parse(manifest)).causes.map(({ field, message }) => `${field}: ${message}`);
}

test('says what to write when the ports of a Service are a mapping instead of a list', () => {
  const manifest = `
    metadata: {name: example-service}
    spec:
      ports:
        name: http
        port: 80
        targetPort: 9376`;
  const { causes } = checkStructure(Service, parse(manifest));
  assert.deepEqual(causes, [
    {
      field: 'spec.ports',
      reason: 'FieldValueTypeInvalid',
      message: `found a mapping with the keys name, port, targetPort; spec.ports is a list: begin each port with '- ':
  ports:
  - name: http
    port: 80
    targetPort: 9376
`,
    },
  ]);
  const error = structureError(Service, 'example-service', causes);
  assert.equal(error?.code, 400);
  assert.equal(error?.reason, 'BadRequest');
  assert.match(
    error?.message ?? '',
    /^Service in version "v1" cannot be handled as a Service: spec\.ports: found a mapping/,
  );
  assert.deepEqual(error?.status.details?.causes?.[0]?.field, 'spec.ports');
});

const WRONG: readonly [what: string, kind: AnyKind, manifest: string, mistakes: readonly string[]][] = [
  [
    'a number in quotes',
    Service,
    'spec: {ports: [{port: "80"}]}',
    ['spec.ports[0].port: found the text "80"; spec.ports[0].port is a whole number: write 80 without quotes'],
  ],
  [
    'a word where a number is due',
    Service,
    'spec: {ports: [{port: 80, nodePort: abc}]}',
    [
      'spec.ports[0].nodePort: found the text "abc"; spec.ports[0].nodePort is a whole number: write digits only, without quotes',
    ],
  ],
  [
    'a fraction',
    Service,
    'spec: {ports: [{port: 80.5}]}',
    ['spec.ports[0].port: found the number 80.5; spec.ports[0].port is a whole number: write it without a fraction'],
  ],
  [
    'a number beyond 32 bits',
    Service,
    'spec: {ports: [{port: 99999999999}]}',
    [
      'spec.ports[0].port: found the number 99999999999; spec.ports[0].port is a whole number: from -2147483648 to 2147483647',
    ],
  ],
  [
    'a number as the value of an annotation',
    Service,
    'metadata: {annotations: {example.com/size: 5}}',
    [
      'metadata.annotations[example.com/size]: found the number 5; metadata.annotations[example.com/size] is text: put it in quotes: "5"',
    ],
  ],
  [
    'a list of one as the spec',
    Service,
    'spec: [{type: NodePort}]',
    [
      "spec: found a list of 1 item; spec is a mapping with fields such as type, selector, ports, clusterIP: leave out the '- '",
    ],
  ],
  [
    'an address instead of a list of them',
    IPAddressPool,
    'spec: {addresses: 192.0.2.0/24}',
    ['spec.addresses: found the text "192.0.2.0/24"; spec.addresses is a list: begin each address with \'- \''],
  ],
  [
    'true in quotes',
    VirtualMachine,
    'spec: {running: "true", template: {spec: {domain: {devices: {}}}}}',
    ['spec.running: found the text "true"; spec.running is true or false: write it without quotes'],
  ],
  [
    'a value outside an enumeration',
    Service,
    'spec: {type: Nodeport}',
    [
      'spec.type: Unsupported value: "Nodeport": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  ['what is required', VirtualMachine, 'spec: {running: true}', ['spec.template: Required value']],
  [
    'a time that is none',
    Lease,
    'spec: {renewTime: yesterday}',
    ['spec.renewTime: found the text "yesterday"; spec.renewTime is a time as in RFC 3339: 2006-01-02T15:04:05Z'],
  ],
  [
    'a mapping where a port number or name is due',
    Service,
    'spec: {ports: [{port: 80, targetPort: {}}]}',
    ['spec.ports[0].targetPort: found an empty mapping; spec.ports[0].targetPort is a number or text: write one value'],
  ],
  [
    'null in a list',
    Service,
    'spec: {externalIPs: [~]}',
    ['spec.externalIPs[0]: found nothing (null); spec.externalIPs[0] is text: write one value'],
  ],
];
for (const [what, kind, manifest, expected] of WRONG) {
  test(`names ${what}, and the remedy`, () => assert.deepEqual(mistakes(kind, manifest), expected));
}

test('finds every mistake in one pass', () => {
  const found = mistakes(Service, 'spec: {ports: [{port: "80"}, {port: x}], selector: [a]}');
  assert.deepEqual(
    found.map((text) => text.split(':')[0]),
    ['spec.ports[0].port', 'spec.ports[1].port', 'spec.selector'],
  );
});

test('answers 422 when types are right and something is missing', () => {
  const { causes } = checkStructure(VirtualMachine, { metadata: { name: 'a' }, spec: {} });
  const error = structureError(VirtualMachine, 'a', causes);
  assert.equal(error?.code, 422);
  assert.equal(error?.message, 'VirtualMachine.kubevirt.io "a" is invalid: spec.template: Required value');
});

test('answers nothing for a well-formed object', () => {
  const { causes } = checkStructure(Namespace, { metadata: { name: 'a' } });
  assert.equal(structureError(Namespace, 'a', causes), undefined);
});

test('drops unknown fields and names their paths', () => {
  const { object, unknown, causes } = checkStructure(Service, {
    metadata: { name: 'a', color: 'red' },
    spec: { prots: [], ports: [{ port: 80, tagetPort: 1 }] },
  });
  assert.deepEqual(causes, []);
  assert.deepEqual(unknown, ['metadata.color', 'spec.prots', 'spec.ports[0].tagetPort']);
  assert.deepEqual(object, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a' },
    spec: { ports: [{ port: 80 }] },
  });
  assert.deepEqual(unknown.map(unknownField)[1], 'unknown field "spec.prots"');
});

test('keeps unknown fields where a kind says so', () => {
  const spec = {
    containers: [{ name: 'c', image: 'i', livenessProbe: { exec: { command: ['x'] } } }],
    tolerations: [{}],
  };
  const { object, unknown } = checkStructure(Pod, { metadata: { name: 'a' }, spec });
  assert.deepEqual(unknown, []);
  assert.deepEqual((object as { spec: unknown }).spec, spec);
});

test('treats null as absent, and as empty text in maps of texts', () => {
  const { object, causes } = checkStructure(Service, {
    metadata: { name: 'a', creationTimestamp: null, labels: { a: null } },
    spec: { ports: null, type: '' },
  });
  assert.deepEqual(causes, []);
  assert.deepEqual(object, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', labels: { a: '' } },
    spec: {},
  });
});

test('lets no key reach a prototype', () => {
  const hostile = JSON.parse(
    '{"metadata":{"name":"a","__proto__":{"x":1},"labels":{"__proto__":"b","constructor":"c"}},"spec":{"__proto__":{"y":1},"constructor":1}}',
  );
  const { object, unknown } = checkStructure(Service, hostile);
  const { metadata } = object as { metadata: { labels: object } };
  assert.equal(Object.getPrototypeOf(metadata), Object.prototype);
  assert.equal(Object.getPrototypeOf(metadata.labels), Object.prototype);
  assert.deepEqual(unknown, ['metadata.__proto__', 'spec.__proto__', 'spec.constructor']);
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
});

test('refuses what is nested too deep instead of exhausting the stack', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`);
  const { causes } = checkStructure(Pod, { metadata: { name: 'a' }, spec: { containers: [], resourceClaims: deep } });
  assert.equal(causes.length, 1);
  assert.match(causes[0]?.message ?? '', /nested more than 64 levels deep/);
});

test('lists a bounded number of mistakes', () => {
  const ports = Array.from({ length: 10_000 }, () => ({ port: 'x', extra: 1 }));
  const { causes, unknown } = checkStructure(Service, { metadata: {}, spec: { ports } });
  assert.ok(causes.length <= 100 && unknown.length <= 100);
});
