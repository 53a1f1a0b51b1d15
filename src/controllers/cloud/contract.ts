/**
 * What every provider of load balancers promises, as tests: `providerContract('memory', open)` in a test file runs them against
 * one implementation. A provider that passes can stand in for any other.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { Ensured, LoadBalancerProvider, NodePortRule } from './provider.ts';

/** A load balancer as it is at the provider, whatever the provider calls its parts. */
export interface ContractBalancer {
  /** `namespace/name` of the Service that it was made for. */
  readonly owner: string;
  /** `TCP 80`, sorted. */
  readonly listeners: readonly string[];
  /** `192.0.2.1:30080`, sorted: where connections are led. */
  readonly backends: readonly string[];
}

/** A provider, with somebody who can look behind it, and let things go wrong. */
export interface ContractWorld {
  /** A provider as a process has it that was just started: it knows nothing but what is there. The one before is not used again. */
  open(): Promise<LoadBalancerProvider>;
  /** At least two that the provider knows, with InternalIPs of IPv4. */
  readonly nodes: readonly Node[];
  /** The Service with what makes this provider take it, such as its class. */
  taken(service: Service): Service;
  /** All that is there and costs money, but for what has wholly gone. */
  balancers(): readonly ContractBalancer[];
  /** Writes that were asked for in all, those that failed among them. */
  writes(): number;
  /** Lets time pass, and what goes on at the provider go on. */
  pass(ms: number): Promise<void>;
  /** Somebody else deletes the load balancer of a Service. */
  deleteByHand(owner: string): void | Promise<void>;
  /** Lets the nth write from now fail, 1 being the next: before it is done, or after; undefined: all succeed again. */
  interrupt(write: { readonly nth: number; readonly how: 'before' | 'after' } | undefined): void;
  /** `IPv4 TCP 30080 from 0.0.0.0/0`, sorted: what is let through for bare node ports. Left out: the provider has nothing to let through. */
  nodePorts?(): readonly string[];
}

export interface ContractOptions {
  /** Why the suite cannot run here. */
  readonly skip?: string | false;
}

/** Registers the suite for one implementation. `open` registers with the test whatever is to be cleaned up. */
export function providerContract(
  name: string,
  open: (t: TestContext) => Promise<ContractWorld>,
  { skip = false }: ContractOptions = {},
): void {
  const check = (title: string, body: (world: ContractWorld) => Promise<void>) =>
    test(title, async (t) => body(await open(t)));

  describe(`the provider ${name}`, { skip }, () => {
    check('takes load balancers that are meant for it, and nothing else', async (world) => {
      const provider = await world.open();
      const own = world.taken(service('own'));
      assert.equal(provider.takes(own), true);
      assert.equal(provider.takes({ ...own, spec: { ...own.spec, type: 'NodePort' } }), false);
      assert.equal(provider.takes(service('other', { loadBalancerClass: 'example.com/other' })), false);
    });

    check('makes one load balancer, with the ports of the Service and the node ports of the nodes', async (world) => {
      const own = world.taken(service('web'));
      const { ingress } = await ensured(world, await world.open(), own);
      assert.ok(ingress.length > 0 && ingress.every(({ ip, hostname }) => (ip ?? hostname) !== undefined));
      assert.deepEqual(world.balancers(), [expected(own, world.nodes)]);
    });

    check('writes nothing when there is nothing to change, also after a restart', async (world) => {
      const own = world.taken(service('web'));
      const first = await ensured(world, await world.open(), own);
      const writes = world.writes();
      assert.deepEqual(await ensured(world, await world.open(), own), first);
      assert.equal(world.writes(), writes);
    });

    check('follows the ports of the Service, and the nodes', async (world) => {
      const provider = await world.open();
      const own = world.taken(service('web'));
      await ensured(world, provider, own);
      const more = world.taken(service('web', { ports: [port(80, 30080), port(443, 30443)] }));
      await ensured(world, provider, more);
      assert.deepEqual(world.balancers(), [expected(more, world.nodes)]);
      const fewer = world.taken(service('web', { ports: [port(443, 30444)] }));
      await ensured(world, provider, fewer, world.nodes.slice(0, 1));
      assert.deepEqual(world.balancers(), [expected(fewer, world.nodes.slice(0, 1))]);
    });

    check('makes anew what was deleted by hand', async (world) => {
      const provider = await world.open();
      const own = world.taken(service('web'));
      await ensured(world, provider, own);
      await world.deleteByHand('ns/web');
      assert.deepEqual(world.balancers(), []);
      await ensured(world, provider, own);
      assert.deepEqual(world.balancers(), [expected(own, world.nodes)]);
    });

    check('removes the load balancer of one Service, and leaves that of another', async (world) => {
      const provider = await world.open();
      const [one, other] = [world.taken(service('one')), world.taken(service('other', { ports: [port(80, 30081)] }))];
      await ensured(world, provider, one);
      await ensured(world, provider, other);
      await removed(world, provider, one);
      assert.deepEqual(world.balancers(), [expected(other, world.nodes)]);
    });

    check('has removed what never was, and what is removed already', async (world) => {
      const provider = await world.open();
      const own = world.taken(service('web'));
      assert.equal(await provider.remove(own), 'removed');
      await ensured(world, provider, own);
      await removed(world, provider, own);
      assert.equal(await provider.remove(own), 'removed');
      assert.deepEqual(world.balancers(), []);
    });

    check('leaves nothing when it is removed while it is still being made', async (world) => {
      const own = world.taken(service('web'));
      await (await world.open()).ensure(own, world.nodes);
      await removed(world, await world.open(), own);
      assert.deepEqual(world.balancers(), []);
    });

    for (const how of ['before', 'after'] as const) {
      for (const life of ['is asked again', 'is started anew'] as const) {
        check(`makes one, wherever a write fails ${how} it is done and it ${life}`, async (world) => {
          await atEveryWrite(world, how, {
            work: (own) => until(world, life, (provider) => ensured(world, provider, own)),
            async after(own) {
              assert.deepEqual(world.balancers(), [expected(own, world.nodes)]);
              await removed(world, await world.open(), own);
            },
          });
        });

        check(`leaves nothing, wherever a write of a removal fails ${how} it is done and it ${life}`, async (world) => {
          await atEveryWrite(world, how, {
            first: async (own) => void (await ensured(world, await world.open(), own)),
            work: (own) => until(world, life, (provider) => removed(world, provider, own)),
            after: async () => assert.deepEqual(world.balancers(), []),
          });
        });
      }
    }

    check('lets exactly the node ports through that it is told', async (world) => {
      const provider = await world.open();
      if (provider.ensureNodePorts === undefined || world.nodePorts === undefined) return;
      const before = world.nodePorts();
      const rule: NodePortRule = {
        owner: 'ns/bare',
        family: 'IPv4',
        protocol: 'TCP',
        port: 30100,
        sources: ['0.0.0.0/0'],
      };
      assert.deepEqual(await provider.ensureNodePorts([rule], world.nodes), []);
      assert.deepEqual(world.nodePorts(), [...before, 'IPv4 TCP 30100 from 0.0.0.0/0'].sort());
      const other = { ...rule, protocol: 'UDP' as const, port: 30101, sources: ['198.51.100.0/24'] };
      await provider.ensureNodePorts([other], world.nodes);
      assert.deepEqual(world.nodePorts(), [...before, 'IPv4 UDP 30101 from 198.51.100.0/24'].sort());
      const again = await world.open();
      await again.ensureNodePorts?.([], world.nodes);
      assert.deepEqual(world.nodePorts(), before);
    });

    check('knows its nodes, and says so of one that it does not know', async (world) => {
      const provider = await world.open();
      if (provider.node === undefined) return;
      for (const node of world.nodes) {
        const facts = await provider.node(node);
        assert.ok(facts !== undefined && facts.providerID !== '');
      }
      const stranger: Node = {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'stranger' },
        status: { addresses: [{ type: 'InternalIP', address: '203.0.113.250' }] },
      };
      assert.equal(await provider.node(stranger), undefined);
    });
  });
}

/** Rounds after which what has not come about never will. */
const ROUNDS = 200;

/** Asks until it is ready, as the controller does. */
async function ensured(
  world: ContractWorld,
  provider: LoadBalancerProvider,
  own: Service,
  nodes: readonly Node[] = world.nodes,
): Promise<Extract<Ensured, { kind: 'ready' }>> {
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = await provider.ensure(own, nodes);
    if (outcome.kind === 'ready') return outcome;
    assert.equal(outcome.kind, 'waiting', `refused: ${outcome.why}`);
    await world.pass(outcome.kind === 'waiting' ? outcome.after : 0);
  }
  return assert.fail(`it is not ready after ${ROUNDS} rounds`);
}

async function removed(world: ContractWorld, provider: LoadBalancerProvider, own: Service): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = await provider.remove(own);
    if (outcome === 'removed') return;
    await world.pass(outcome.after);
  }
  assert.fail(`it is not removed after ${ROUNDS} rounds`);
}

interface Steps {
  readonly first?: (own: Service) => Promise<void>;
  /** A write of this fails. */
  readonly work: (own: Service) => Promise<void>;
  readonly after: (own: Service) => Promise<void>;
}

/** Works with the first write failing, then the second, until there is none left that could. Each time has a Service of its own. */
async function atEveryWrite(
  world: ContractWorld,
  how: 'before' | 'after',
  { first, work, after }: Steps,
): Promise<void> {
  for (let nth = 1; nth < ROUNDS; nth++) {
    const own = world.taken(service(`web-${nth}`));
    await first?.(own);
    const before = world.writes();
    world.interrupt({ nth, how });
    await work(own);
    world.interrupt(undefined);
    const writes = world.writes() - before;
    await after(own);
    if (writes >= nth) continue;
    assert.ok(nth > 1, 'nothing was written at all');
    return;
  }
  assert.fail('there is no end of writes');
}

/** Works until it comes to its end, whatever fails meanwhile. */
async function until(
  world: ContractWorld,
  life: 'is asked again' | 'is started anew',
  work: (provider: LoadBalancerProvider) => Promise<unknown>,
): Promise<void> {
  let provider = await world.open();
  for (let round = 0; round < ROUNDS; round++) {
    try {
      await work(provider);
      return;
    } catch (error) {
      // What the suite itself finds wrong is no failure of the provider's that passes.
      if (error instanceof assert.AssertionError) throw error;
    }
    await world.pass(MINUTE);
    if (life === 'is started anew') provider = await world.open();
  }
  assert.fail(`it does not come to its end in ${ROUNDS} attempts`);
}

/** What a controller waits at most that was told nothing, in milliseconds. */
const MINUTE = 60_000;

const port = (number: number, nodePort: number) => ({
  name: `p${number}`,
  protocol: 'TCP' as const,
  port: number,
  nodePort,
});

function service(name: string, spec: Partial<NonNullable<Service['spec']>> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'ns',
      uid: `6f1c2a58-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}`,
    },
    spec: {
      type: 'LoadBalancer',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      externalTrafficPolicy: 'Cluster',
      ports: [port(80, 30080)],
      ...spec,
    },
  };
}

function expected(own: Service, nodes: readonly Node[]): ContractBalancer {
  const ports = own.spec?.ports ?? [];
  const addresses = nodes.flatMap(({ status }) =>
    (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
  );
  return {
    owner: keyText(keyOf(own)),
    listeners: ports.map(({ protocol, port: number }) => `${protocol} ${number}`).sort(),
    backends: ports.flatMap(({ nodePort }) => addresses.map((address) => `${address}:${nodePort}`)).sort(),
  };
}
