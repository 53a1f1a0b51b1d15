import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { MemoryNetfilter } from '../../netfilter/memory.ts';
import { SCRATCH, type Transaction } from '../../netfilter/model.ts';
import { printTransaction } from '../../netfilter/print.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import { endpointKey, type Forwarding } from '../forwarding/forwarding.ts';
import { service, slice } from '../testing/builders.ts';
import { numbered } from '../testing/many.ts';
import { LOCALITIES, NODE_NAME, NodeRules, nodeRules, type Objects, setService } from '../testing/node.ts';
import { randomChange, randomFrom } from '../testing/random-changes.ts';
import { tableName } from './layout.ts';
import { nftablesMode } from './nftables-mode.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const web = service('web', { clusterIPs: ['10.200.0.10'] });
const elements = (transaction: Transaction): string[] =>
  transaction.flatMap((operation) =>
    'placed' in operation
      ? [`${operation.kind} ${operation.placed.set} ${operation.placed.element.key.join(' ')}`]
      : [operation.kind],
  );

/** Rules where `web` has these endpoints, all of it in the kernel. */
function serving(...ips: string[]): NodeRules {
  const node = nodeRules([web, slice('web', ips)]);
  node.takeAll();
  return node;
}

function change(node: NodeRules, ...ips: string[]): string[] {
  const objects = [web, slice('web', ips, { addressType: 'IPv4' })];
  setService(node.table, web, objects);
  return elements(node.takeChanges());
}

describe('a change of one Service', () => {
  test('that replaces an endpoint changes one slot', () => {
    const node = serving('10.244.1.1', '10.244.1.2', '10.244.1.3');
    assert.deepEqual(change(node, '10.244.1.1', '10.244.1.9', '10.244.1.3'), [
      'delete-element service-endpoint-tcp 10.200.0.10 80 1',
      'add-element service-endpoint-tcp 10.200.0.10 80 1',
    ]);
  });

  test('that removes an endpoint moves the last into its slot, and changes the number', () => {
    const node = serving('10.244.1.1', '10.244.1.2', '10.244.1.3');
    assert.deepEqual(change(node, '10.244.1.2', '10.244.1.3'), [
      'add-chain',
      `add-element service-chain tcp ${SCRATCH.first + 2}`,
      'delete-element service 10.200.0.10 tcp 80',
      'delete-element service-endpoint-tcp 10.200.0.10 80 0',
      'delete-element service-endpoint-tcp 10.200.0.10 80 2',
      'add-element service 10.200.0.10 tcp 80',
      'add-element service-endpoint-tcp 10.200.0.10 80 0',
    ]);
  });

  test('that changes nothing for this node is nothing', () => {
    const node = serving('10.244.1.1', '10.244.1.2');
    assert.deepEqual(change(node, '10.244.1.2', '10.244.1.1'), []);
  });

  test('and back again, before anyone looked, is nothing but the chain', () => {
    const node = serving('10.244.1.1');
    setService(node.table, web, [web]);
    assert.deepEqual(change(node, '10.244.1.1'), []);
  });

  test('costs the same, however many Services there are', () => {
    const objects = Array.from({ length: 2000 }, (_, number) => numbered(number)).flat() as Objects;
    const node = new NodeRules();
    for (let number = 0; number < 2000; number++) {
      const [first, ...slices] = objects.slice(3 * number, 3 * number + 3);
      if (first?.kind === 'Service') setService(node.table, first as typeof web, slices);
    }
    setService(node.table, web, [slice('web', ['10.244.1.1'])]);
    node.takeAll();
    assert.equal(change(node, '10.244.1.2').length, 2);
  });
});

describe('two Services that claim one address and port', () => {
  const older = service('older', { clusterIPs: ['10.96.0.1'], externalIPs: ['198.51.100.7'] });
  const newer = {
    ...service('newer', { clusterIPs: ['10.96.0.2'], externalIPs: ['198.51.100.7'] }),
    metadata: { name: 'newer', namespace: 'default', creationTimestamp: '2026-05-05T00:00:00Z' },
  };
  const objects = [older, newer, slice('older', ['10.244.1.1']), slice('newer', ['10.244.1.2', '10.244.1.3'])];

  test('the older keeps it, whichever came to this node first', () => {
    for (const order of [objects, [newer, older, ...objects.slice(2)]]) {
      const script = printTransaction(nodeRules(order).takeAll());
      assert.match(script, /198\.51\.100\.7 \. 80 \. 0 : 10\.244\.1\.1 \. 8080/);
      assert.doesNotMatch(script, /198\.51\.100\.7 \. 80 \. 1/);
    }
  });

  test('the other has it once the older is gone', () => {
    const node = nodeRules(objects);
    node.takeAll();
    node.table.set('default/older', undefined);
    const script = printTransaction(node.takeChanges());
    assert.match(script, /198\.51\.100\.7 \. tcp \. 80 : 6000:2\n/);
    assert.match(script, /198\.51\.100\.7 \. 80 \. 1 : 10\.244\.1\.3 \. 8080/);
  });
});

test('chains that nobody goes to are removed, and made again when they are needed', async () => {
  const netfilter = new MemoryNetfilter();
  const mode = nftablesMode({ netfilter, localities: LOCALITIES, keepIdle: 0 });
  const { table } = nodeRules([web, slice('web', ['10.244.1.1'])]);
  table.takeChanges();
  await mode.load(table);
  const chains = () => netfilter.table(tableName('IPv4'))?.chains;
  table.set('default/web', undefined);
  await mode.change(table.takeChanges());
  assert.equal(chains()?.has('service-tcp-pick-1'), true);
  await mode.tidy();
  assert.equal(chains()?.has('service-tcp-pick-1'), false);
  setService(table, web, [slice('web', ['10.244.1.1'])]);
  await mode.change(table.takeChanges());
  assert.equal(chains()?.has('service-tcp-pick-1'), true);
});

test('a change that the kernel refuses leaves no trace in the books', async () => {
  const netfilter = new MemoryNetfilter();
  const mode = nftablesMode({ netfilter, localities: LOCALITIES });
  const { table } = nodeRules([]);
  table.takeChanges();
  await mode.load(table);
  setService(table, web, [slice('web', ['10.244.1.1', '10.244.1.2'])]);
  const changes = table.takeChanges();
  netfilter.failNext(new Error('Device or resource busy'));
  await assert.rejects(mode.change(changes));
  assert(await mode.intact());
  await mode.change(changes);
  assert(netfilter.table(tableName('IPv4'))?.chains.has('service-tcp-pick-2'));
});

/** The same but for the order of slots, which depends on what came before. */
function comparable(forwarding: Forwarding | undefined): unknown {
  return [...(forwarding?.frontends ?? [])].map(([key, frontend]) => [
    key,
    { ...frontend, endpoints: frontend.endpoints.map(endpointKey).sort() },
  ]);
}

test(`any history forwards what its end alone would (SEED=${SEED})`, async () => {
  const random = randomFrom(SEED);
  const mode = nftablesMode({ netfilter: new MemoryNetfilter(), localities: LOCALITIES, keepIdle: 0 });
  const { table } = new NodeRules();
  await mode.load(table);
  const last = new Map<string, Forwarding | undefined>();
  for (let step = 0; step < 2000; step++) {
    const { name, service: one, slices } = randomChange(random);
    const wanted = one && desiredForwarding(one, slices, { name: NODE_NAME });
    last.set(name, wanted);
    table.set(name, wanted);
    if (random() < 0.7) await mode.change(table.takeChanges());
    if (random() < 0.05) await mode.tidy();
  }
  for (const [name, wanted] of last) assert.deepEqual(comparable(table.get(name)), comparable(wanted), name);
});

test(`in the kernel, any history leaves what a full load of its end does (SEED=${SEED})`, {
  skip: skipWithoutNft(),
}, () => {
  inNamespace(new URL('../testing/changes.fixture.ts', import.meta.url), [String(SEED)]);
});
