import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import { type EnvironmentInputs, environment, linkedServices } from './environment.ts';
import { expand } from './expand.ts';
import { goQuote } from './go-quote.ts';
import { isProblem } from './problems.ts';
import { container, objects, pod, service } from './testing.ts';

const addresses = { podIPs: ['10.244.1.7', 'fd00:10:244:1::7'], hostIPs: ['192.0.2.10', '2001:db8::10'] };

function inputs(fields: Partial<Container>, more: Partial<EnvironmentInputs> = {}): EnvironmentInputs {
  const main = container(fields);
  const allocatable = { cpu: '4', memory: '8Gi' };
  const whole = pod({ containers: [main], serviceAccountName: 'robot', nodeName: 'n1' }, { labels: { app: 'web' } });
  return { pod: whole, container: main, addresses, allocatable, objects: objects(), services: [], ...more };
}

/** The variables as a plain object, or the message of the problem. */
function made(fields: Partial<Container>, more: Partial<EnvironmentInputs> = {}): unknown {
  const result = environment(inputs(fields, more));
  if (!isProblem(result)) return Object.fromEntries(result);
  assert.equal(result.reason, 'CreateContainerConfigError');
  return result.message;
}

test('references in a text are replaced where they are known, and two dollars stand for one', () => {
  const known = (name: string) => ({ A: 'x', 'B.c': '$(A)' })[name];
  const cases: readonly (readonly [string, string])[] = [
    ['$(A)-$(A)', 'x-x'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$x'],
    ['$(B.c)', '$(A)'],
    ['$(missing)', '$(missing)'],
    ['$(A', '$(A'],
    ['$A $ $', '$A $ $'],
  ];
  for (const [text, expected] of cases) assert.equal(expand(text, known), expected);
});

test('values that double with each variable end as a problem, not in all of the memory', () => {
  const env = Array.from({ length: 64 }, (_, i) => ({ name: `V${i + 1}`, value: `$(V${i})$(V${i})` }));
  const result = made({ env: [{ name: 'V0', value: 'x'.repeat(1000) }, ...env] });
  assert.equal(result, 'variable V8 is longer than the 128 KiB that Linux allows');
  assert.equal(
    expand('$(A)'.repeat(200_000), () => 'x'.repeat(100_000)),
    undefined,
  );
});

test('a value may refer to variables before it, to those of envFrom and to Services', () => {
  const env = [
    { name: 'URL', value: 'http://$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)/$(GREETING)?$(LATER)' },
    { name: 'LATER', value: 'z' },
  ];
  const services = [service('db', { clusterIP: '10.96.0.7', ports: [{ port: 5432 }] })];
  const more = { services, objects: objects({ ConfigMap: { settings: { GREETING: 'hello' } } }) };
  const result = made({ env, envFrom: [{ configMapRef: { name: 'settings' } }] }, more) as Record<string, string>;
  assert.equal(result['URL'], 'http://10.96.0.7:5432/hello?$(LATER)');
});

test('a variable of the container hides one of envFrom, and both hide one of a Service', () => {
  const services = [service('db', { clusterIP: '10.96.0.7', ports: [{ port: 1 }] })];
  const more = { services, objects: objects({ Secret: { s: { DB_PORT: 'secret', A: 'secret' } } }) };
  const env = [
    { name: 'A', value: 'own' },
    { name: 'DB_SERVICE_HOST', value: '$(DB_SERVICE_HOST)' },
  ];
  const result = made({ env, envFrom: [{ secretRef: { name: 's' } }] }, more) as Record<string, string>;
  assert.equal(result['A'], 'own');
  assert.equal(result['DB_PORT'], 'secret');
  // The Service's is not there once the container has one of that name.
  assert.equal(result['DB_SERVICE_HOST'], '$(DB_SERVICE_HOST)');
});

test('later sources of envFrom count more, and each name gets its prefix', () => {
  const more = { objects: objects({ ConfigMap: { a: { X: '1', Y: '1' }, b: { Y: '2' } } }) };
  const envFrom = [
    { prefix: 'P_', configMapRef: { name: 'a' } },
    { prefix: 'P_', configMapRef: { name: 'b' } },
  ];
  assert.deepEqual(made({ envFrom }, more), { P_X: '1', P_Y: '2' });
});

test('the pod’s own fields and resources are told', () => {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const amount = (name: string, resource: string, divisor?: string) => ({
    name,
    valueFrom: { resourceFieldRef: { resource, ...(divisor === undefined ? {} : { divisor }) } },
  });
  const env = [
    field('NAME', 'metadata.name'),
    field('APP', "metadata.labels['app']"),
    field('NONE', "metadata.annotations['none']"),
    field('PROTO', "metadata.labels['constructor']"),
    field('NODE', 'spec.nodeName'),
    field('ACCOUNT', 'spec.serviceAccountName'),
    field('IP', 'status.podIP'),
    field('IPS', 'status.podIPs'),
    field('HOST', 'status.hostIP'),
    field('HOSTS', 'status.hostIPs'),
    amount('CPU', 'limits.cpu', '1m'),
    amount('CORES', 'limits.cpu'),
    amount('MEMORY', 'limits.memory', '1Mi'),
    amount('REQUEST', 'requests.memory'),
  ];
  const resources = { limits: { cpu: '1.1' }, requests: { memory: '10M' } };
  assert.deepEqual(made({ env, resources }), {
    NAME: 'web',
    APP: 'web',
    NONE: '',
    PROTO: '',
    NODE: 'n1',
    ACCOUNT: 'robot',
    IP: '10.244.1.7',
    IPS: '10.244.1.7,fd00:10:244:1::7',
    HOST: '192.0.2.10',
    HOSTS: '192.0.2.10,2001:db8::10',
    CPU: '1100',
    CORES: '2',
    // Without a limit of its own: what the node has.
    MEMORY: '8192',
    REQUEST: '10000000',
  });
});

test('what is missing is said in the kubelet’s words, unless it is optional', () => {
  const more = { objects: objects({ ConfigMap: { settings: {} } }) };
  const configMap = (name: string, optional?: boolean) => ({
    name: 'V',
    valueFrom: { configMapKeyRef: { name, key: 'k', ...(optional === undefined ? {} : { optional }) } },
  });
  const secret = { name: 'V', valueFrom: { secretKeyRef: { name: 'gone', key: 'k' } } };
  assert.equal(made({ env: [configMap('gone')] }, more), 'configmap "gone" not found');
  assert.equal(made({ env: [configMap('settings')] }, more), "couldn't find key k in ConfigMap shop/settings");
  assert.equal(made({ env: [secret] }, more), 'secret "gone" not found');
  assert.equal(made({ envFrom: [{ secretRef: { name: 'gone' } }] }, more), 'secret "gone" not found');
  assert.deepEqual(made({ env: [configMap('gone', true), configMap('settings', true)] }, more), {});
  assert.deepEqual(made({ envFrom: [{ secretRef: { name: 'gone', optional: true } }] }, more), {});
});

test('a Service is told in all the forms that programs look for, in both families', () => {
  const ports = [
    { port: 80, name: 'http' },
    { port: 53, name: 'dns-udp', protocol: 'UDP' as const },
  ];
  const services = [
    service('my-db', { clusterIP: 'fd00:10:96::7', ports }),
    service('headless', { clusterIP: 'None', ports }),
    service('alias', { type: 'ExternalName', externalName: 'example.com' }),
  ];
  assert.deepEqual(made({}, { services }), {
    MY_DB_SERVICE_HOST: 'fd00:10:96::7',
    MY_DB_SERVICE_PORT: '80',
    MY_DB_SERVICE_PORT_HTTP: '80',
    MY_DB_SERVICE_PORT_DNS_UDP: '53',
    MY_DB_PORT: 'tcp://[fd00:10:96::7]:80',
    MY_DB_PORT_80_TCP: 'tcp://[fd00:10:96::7]:80',
    MY_DB_PORT_80_TCP_PROTO: 'tcp',
    MY_DB_PORT_80_TCP_PORT: '80',
    MY_DB_PORT_80_TCP_ADDR: 'fd00:10:96::7',
    MY_DB_PORT_53_UDP: 'udp://[fd00:10:96::7]:53',
    MY_DB_PORT_53_UDP_PROTO: 'udp',
    MY_DB_PORT_53_UDP_PORT: '53',
    MY_DB_PORT_53_UDP_ADDR: 'fd00:10:96::7',
  });
});

test('a pod that wants no links is still told where the API is', () => {
  const kubernetes = service('kubernetes', { clusterIP: '10.96.0.1' }, 'default');
  const db = service('db', { clusterIP: '10.96.0.7' });
  const names = (enableServiceLinks: boolean, others: readonly (typeof db)[]) =>
    linkedServices(pod({ enableServiceLinks }), others, kubernetes).map(({ metadata }) => metadata.name);
  assert.deepEqual(names(true, [db]), ['db', 'kubernetes']);
  assert.deepEqual(names(true, [db, kubernetes]), ['db', 'kubernetes']);
  assert.deepEqual(names(false, [db]), ['kubernetes']);
});

test('quoted text is as Go quotes it', () => {
  assert.equal(goQuote('a"b\\c\n\u0000é\u200b'), '"a\\"b\\\\c\\n\\x00é\\u200b"');
});
