/** Random histories of Services against the simplest model of them: the answers, and every claim in the store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '../../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import { type Reply, SERVICES, service, startTestServer, type TestServer } from '../testing/server.ts';
import {
  type Action,
  type Expected,
  type Has,
  has,
  Model,
  type Policy,
  type Pools,
  type Type,
  type Wanted,
} from './model.fixture.ts';
import { assertSound } from './testing.ts';

// Small, so that they run out again and again.
const OPTIONS = { serviceCIDRs: ['10.0.0.0/28', 'fd00::/125'], nodePortRange: { first: 30000, last: 30006 } };
const POOLS: Pools = {
  addresses: {
    IPv4: Array.from({ length: 14 }, (_, i) => `10.0.0.${i + 1}`),
    IPv6: Array.from({ length: 7 }, (_, i) => `fd00::${i + 1}`),
  },
  ports: Array.from({ length: 7 }, (_, i) => 30000 + i),
};
const TYPES: readonly Type[] = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];
const POLICIES: readonly Policy[] = ['SingleStack', 'PreferDualStack', 'RequireDualStack'];
const FAMILIES = [['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']] as const;
const ADDRESSES = ['None', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.15', 'fd00::2', 'fd00::3'];
const PORTS = [30000, 30001, 30002, 30007];
const HISTORIES = 4;
const ACTIONS = 120;

function randomAction(random: Random): Action {
  const of = <T>(all: readonly T[]): T => all[randomBelow(random, all.length)] as T;
  const maybe = <T>(chance: number, value: () => T): T | undefined => (random() < chance ? value() : undefined);
  const name = `s${randomBelow(random, 14)}`;
  switch (randomBelow(random, 8)) {
    case 0:
    case 1:
    case 2: {
      const asked = {
        clusterIP: maybe(0.25, () => of(ADDRESSES)),
        ipFamilyPolicy: maybe(0.5, () => of(POLICIES)),
        ipFamilies: maybe(0.4, () => of(FAMILIES)),
        nodePort: maybe(0.2, () => of(PORTS)),
      };
      const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
      return { act: 'create', name, spec: { type: of(TYPES), ...given } as Wanted };
    }
    case 3:
    case 4:
      return { act: 'turn', name, type: of(TYPES) };
    case 5:
      return { act: 'policy', name, policy: of(POLICIES) };
    case 6:
      return random() < 0.5 ? { act: 'port', name, nodePort: of(PORTS) } : { act: 'replace', name };
    default:
      return { act: 'delete', name };
  }
}

const externalName = (type: Type) => (type === 'ExternalName' ? { externalName: 'a.example' } : {});

/** Asks the server for an action. `old`: what the Service has. */
function ask(api: TestServer, action: Action, old: Has | undefined): Promise<Reply> {
  const path = `${SERVICES}/${action.name}`;
  const patch = (spec: object) => api.call('PATCH', path, { body: { spec }, type: 'application/merge-patch+json' });
  switch (action.act) {
    case 'create': {
      const { nodePort, ...spec } = action.spec;
      const port = nodePort === undefined ? {} : { nodePort };
      const body = service(action.name, { ...spec, ...externalName(spec.type), ports: [{ port: 80, ...port }] });
      return api.call('POST', SERVICES, { body });
    }
    case 'turn':
      return patch({ type: action.type, ...externalName(action.type) });
    case 'policy':
      return patch({ ipFamilyPolicy: action.policy });
    case 'port':
      return patch({ ports: [{ port: 80, nodePort: action.nodePort }] });
    case 'replace': {
      const type = old?.type ?? 'ClusterIP';
      return api.call('PUT', path, { body: service(action.name, { type, ...externalName(type) }) });
    }
    case 'delete':
      return api.call('DELETE', path);
  }
}

/** Fails unless the answer is the expected one, with free values where something was to be chosen. */
function compare({ code, body, text }: Reply, expected: Expected, claimed: readonly string[]): Has | undefined {
  assert.equal(code, expected.code, text);
  if (expected.has === undefined) return undefined;
  const found = has(body);
  const filled = <T>(wanted: readonly (T | undefined)[], given: readonly (T | undefined)[]) =>
    wanted.map((value, i) => {
      if (value !== undefined) return value;
      assert.ok(!claimed.includes(String(given[i])), `${given[i]} was taken already`);
      return given[i];
    });
  const { ips, ports } = expected.has;
  assert.deepEqual(found, { ...expected.has, ips: filled(ips, found.ips), ports: filled(ports, found.ports) }, text);
  return found;
}

async function claimsOf({ store }: TestServer): Promise<readonly string[]> {
  const prefixes = ['/registry/ipaddresses/', '/registry/postern.dev/nodeports/'];
  const lists = await Promise.all(prefixes.map((prefix) => store.list(prefix)));
  return lists.flatMap(({ entries }) => entries.map(({ key }) => key.slice(key.lastIndexOf('/') + 1))).sort();
}

const seed = testSeed();
for (let history = 0; history < HISTORIES; history++) {
  test(`answers and allocations are those of the model through a random history (POSTERN_SEED=${seed}, ${history})`, async () => {
    const random = seededRandom(seed + history);
    const api = await startTestServer(OPTIONS);
    const model = new Model(POOLS);
    const codes = new Map<number, number>();
    try {
      for (let i = 0; i < ACTIONS; i++) {
        const action = randomAction(random);
        const expected = model.expected(action);
        const reply = await ask(api, action, model.services.get(action.name));
        const where = `action ${i}: ${JSON.stringify(action)} on ${JSON.stringify(model.services.get(action.name))}`;
        try {
          const found = compare(reply, expected, model.claims());
          if (found !== undefined) model.services.set(action.name, found);
          else if (expected.code === 200) model.services.delete(action.name);
          assert.deepEqual(await claimsOf(api), model.claims());
        } catch (error) {
          throw new Error(where, { cause: error });
        }
        codes.set(reply.code, (codes.get(reply.code) ?? 0) + 1);
      }
      await assertSound(api.store, OPTIONS.nodePortRange);
      assert.ok(codes.size >= 4, 'the history has answers of every sort');
    } finally {
      await api.close();
    }
  });
}
