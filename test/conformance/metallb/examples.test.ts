/** The examples of MetalLB's guides, as ours: each is applied by kubectl to a server with its controllers, and judged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { Json } from '../../../src/apiserver/testing/server.ts';
import { CommandError, type CommandResult, runCommand } from '../../../src/host/process.ts';
import { parseAddressRange, rangeContains } from '../../../src/lib/address-range.ts';
import { mustParseIP } from '../../../src/lib/ip.ts';
import { type ControlledServer, startControlledServer, until } from '../controlled-server.ts';
import { announcersOf } from './announcers.ts';
import { EXPECTATIONS, type Expectation, NODES } from './examples.ts';

const EXAMPLES = join(import.meta.dirname, '../../../examples/metallb');
const METALLB = '/apis/metallb.io/v1beta1/namespaces/metallb-system';
/** Says on a Service which pool its addresses are from. */
const FROM_POOL = 'metallb.io/ip-allocated-from-pool';
const REFUSED = 'bgp-is-refused';

const skip = spawnSync('kubectl', ['version', '--client']).status === 0 ? false : 'kubectl is not installed';
let cluster: ControlledServer;
let env: Record<string, string>;
before(async () => {
  if (skip) return;
  cluster = await startControlledServer();
  env = { KUBECONFIG: await cluster.api.kubeconfig(), HOME: cluster.api.dir };
  for (const [name, labels] of Object.entries(NODES)) await makeNode(name, labels);
});
after(() => cluster?.close());

const fileOf = (example: string) => join(EXAMPLES, `${example}.yaml`);
const apply = (example: string): Promise<CommandResult> =>
  runCommand(['kubectl', 'apply', '-f', fileOf(example)], { env });

async function makeNode(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const metadata = { name, labels: { 'kubernetes.io/hostname': name, ...labels } };
  const made = await cluster.api.call('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata } });
  assert.equal(made.code, 201, made.text);
}

/** Keys of the Services of an example. */
function servicesOf(example: string): readonly string[] {
  return parseAllDocuments(readFileSync(fileOf(example), 'utf8'))
    .map((document) => document.toJS() as Json)
    .filter(({ kind }) => kind === 'Service')
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

const pathOf = (key: string) => {
  const [namespace, name = ''] = key.split('/');
  return { collection: `/api/v1/namespaces/${namespace}/services`, namespace, name };
};
const addressesOf = ({ status }: Json): readonly string[] =>
  (status.loadBalancer.ingress ?? []).map(({ ip }: Json) => ip);

/** Endpoints of both families on every node; of a Service called `local` on the first alone. */
async function makeEndpoints(key: string): Promise<void> {
  const { namespace, name } = pathOf(key);
  const nodes = name === 'local' ? ['node-a'] : Object.keys(NODES);
  for (const [addressType, prefix] of [
    ['IPv4', '10.244.0.'],
    ['IPv6', 'fd00:10:244::'],
  ] as const) {
    const body = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name}-${addressType.toLowerCase()}`,
        labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'test' },
      },
      addressType,
      endpoints: nodes.map((nodeName, i) => ({
        addresses: [`${prefix}${i + 1}`],
        conditions: { ready: true },
        nodeName,
      })),
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    };
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const made = await cluster.api.call('POST', path, { body });
    assert.equal(made.code, 201, made.text);
  }
}

afterEach(async () => {
  if (skip) return;
  const { body } = await cluster.api.call('GET', '/api/v1/services');
  for (const { metadata, spec } of body.items) {
    if (spec.type !== 'LoadBalancer') continue;
    await cluster.api.call('DELETE', `/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}`);
    const slices = `/apis/discovery.k8s.io/v1/namespaces/${metadata.namespace}/endpointslices`;
    await cluster.api.call('DELETE', `${slices}?labelSelector=kubernetes.io/service-name=${metadata.name}`);
  }
  for (const kind of ['ipaddresspools', 'l2advertisements', 'metallbs']) {
    assert.equal((await cluster.api.call('DELETE', `${METALLB}/${kind}`)).code, 200);
  }
});

for (const expectation of EXPECTATIONS) {
  test(`${expectation.example}.yaml applies and comes to what it says`, { skip }, async () => {
    const { stderr } = await apply(expectation.example);
    const warned = [...stderr.matchAll(/^Warning: spec\.(\w+) has no effect/gm)].map(([, field]) => field);
    assert.deepEqual(warned, expectation.warnings ?? []);
    assert.deepEqual([...servicesOf(expectation.example)].sort(), Object.keys(expectation.addresses).sort());
    for (const [key, expected] of Object.entries(expectation.addresses)) await checkAddresses(key, expected);
    for (const key of servicesOf(expectation.example)) await makeEndpoints(key);
    await checkAnnouncers(expectation);
  });
}

async function checkAddresses(key: string, expected: readonly string[]): Promise<void> {
  const { collection, name } = pathOf(key);
  const found = await until(
    cluster.api,
    collection,
    name,
    (service) => addressesOf(service).length === expected.length,
  );
  assert.deepEqual(addressesOf(found), expected, key);
  const pools = await Promise.all(expected.map(poolOf));
  assert.deepEqual(
    pools,
    expected.map(() => found.metadata.annotations[FROM_POOL]),
    key,
  );
}

/** The name of the pool that an address is from. */
async function poolOf(address: string): Promise<string | undefined> {
  const { items } = (await cluster.api.call('GET', `${METALLB}/ipaddresspools`)).body;
  const ip = mustParseIP(address);
  return items.find(({ spec }: Json) =>
    spec.addresses.some((text: string) => {
      const range = parseAddressRange(text);
      return range !== undefined && rangeContains(range, ip);
    }),
  )?.metadata.name;
}

async function checkAnnouncers({ addresses, announcers = {}, first = {} }: Expectation): Promise<void> {
  const found = await announcersOf(cluster.api);
  for (const address of Object.values(addresses).flat()) {
    const ranked = found[address] ?? [];
    assert.deepEqual([...ranked].sort(), announcers[address] ?? Object.keys(NODES), address);
    const best = first[address] ?? [];
    assert.deepEqual(ranked.slice(0, best.length), best, address);
  }
}

test('every object of bgp-is-refused.yaml is refused, with what to make instead', { skip }, async () => {
  await assert.rejects(apply(REFUSED), (error) => {
    assert.ok(error instanceof CommandError);
    const told = error.stderr.match(/layer 2 is what is supported: announce the pool with an L2Advertisement/g);
    assert.equal(told?.length, 4, error.stderr);
    return true;
  });
});

test('every example is judged, and begins with what it shows', () => {
  const files = readdirSync(EXAMPLES).map((file) => file.replace(/\.yaml$/, ''));
  assert.deepEqual(files.sort(), [...EXPECTATIONS.map(({ example }) => example), REFUSED].sort());
  for (const file of files) assert.match(readFileSync(fileOf(file), 'utf8'), /^# .+\n(apiVersion|---)/, file);
});
