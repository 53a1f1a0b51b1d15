/** What the proxy does as a whole: each has the node to itself, and looks at both address families. */
import assert from 'node:assert/strict';
import { Event } from '../../../api/core/v1/event.ts';
import type { Case } from './case.ts';
import { MODES, type ModeName } from './modes.ts';
import { HEALTH_PORT, METRICS_PORT, type NodeUnderTest } from './node-under-test.ts';

export interface Story {
  readonly name: string;
  /** Throws when it goes otherwise. The proxy runs when it begins, and its first argument has one case for each family. */
  run(cases: readonly Case[], node: NodeUnderTest): Promise<void>;
}

/** The time within which the proxy notices that its rules are gone, in milliseconds: its interval, and some. */
const NOTICED = 8000;

/** What is in the names of everything of ours, by mode. */
const OURS = /postern-proxy|^(-A|:)POSTERN|-j POSTERN/m;

/** Each serves one pod and has one client, who keeps a connection open. */
async function serve(cases: readonly Case[]): Promise<void> {
  for (const it of cases) await it.put(it.loadBalancer(), it.serves(['a1']));
  await connect(cases);
}

async function connect(cases: readonly Case[]): Promise<void> {
  for (const it of cases) {
    assert.equal(await it.open('client', 'story', [it.nodeIP, it.nodePort()]), 'a1 saw node1');
    assert.equal(await it.open('a2', 'story', [it.vip(), 80]), 'a1 saw a2');
  }
}

async function connectionsGoOn(cases: readonly Case[]): Promise<void> {
  for (const it of cases) {
    assert.equal(await it.say('client', 'story'), 'a1 saw node1');
    assert.equal(await it.say('a2', 'story'), 'a1 saw a2');
  }
}

/** Clients that connect while something happens are served, every one. */
async function expectServed(cases: readonly Case[], answer: string, happens: () => Promise<void>): Promise<void> {
  const happening = happens();
  const seen = await Promise.all(cases.map((it) => it.during('client', [it.nodeIP, it.nodePort()], () => happening)));
  for (const answers of seen) assert.deepEqual(answers, [answer]);
}

/** One that programs the kernel in another way and can do so here. */
function otherMode(own: ModeName): ModeName | undefined {
  const [kind] = own.split(' ');
  const names = Object.keys(MODES) as ModeName[];
  return names.find((name) => !name.startsWith(`${kind}`) && MODES[name].skip() === false);
}

export const STORIES: readonly Story[] = [
  {
    name: 'rules that someone removes are back within seconds, counted and told',
    async run(cases, node) {
      for (const it of cases) await it.put(it.loadBalancer(), it.serves(['a1']));
      const restored = node.stats.restored;
      await node.flush();
      for (const it of cases) assert.doesNotMatch(await it.ask('client', [it.nodeIP, it.nodePort()]), / saw /);
      const deadline = performance.now() + NOTICED;
      while (node.stats.restored === restored && performance.now() < deadline) await node.nextSync();
      for (const it of cases) await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1']);
      assert.equal(node.stats.restored, restored + 1);
      assert(
        node.said.some((text) => text.includes('someone removed rules of ours')),
        node.said.join('\n'),
      );
      const { items } = await node.client.list(Event);
      assert(items.some(({ reason, type }) => reason === 'ServiceRulesRemoved' && type === 'Warning'));
      for (const it of cases) {
        const { body } = await it.fetch('client', [it.nodeIP, METRICS_PORT], '/metrics');
        assert.match(body, new RegExp(`^postern_proxy_rules_restored_total ${restored + 1}$`, 'm'));
      }
    },
  },

  {
    name: '/healthz says whether new connections may come by this node, /livez whether the proxy works',
    async run(cases, node) {
      for (const it of cases) {
        const ask = async (path: string) => {
          const { status, body } = await it.fetch('client', [it.nodeIP, HEALTH_PORT], path);
          return [status, JSON.parse(body).nodeEligible];
        };
        assert.deepEqual(await ask('/healthz'), [200, true]);
        node.eligible = false;
        assert.deepEqual(await ask('/healthz'), [503, false]);
        assert.deepEqual(await ask('/livez'), [200, undefined]);
        node.eligible = true;
        assert.equal((await it.fetch('client', [it.nodeIP, HEALTH_PORT], '/metrics')).status, 404);
      }
    },
  },

  {
    name: 'a restart leaves rules as they are that are as they should be',
    async run(cases, node) {
      await serve(cases);
      const before = await node.handles();
      await node.start();
      assert.equal(await node.handles(), before);
      assert.equal(node.stats.restored, 0);
    },
  },

  {
    name: 'while the proxy is stopped, connections go on and begin; what changed meanwhile is served once it is back',
    async run(cases, node) {
      await serve(cases);
      await expectServed(cases, 'a1 saw node1', async () => {
        await node.stop();
        await node.start();
        await node.stop();
      });
      await connectionsGoOn(cases);
      for (const it of cases) await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1']);
      for (const it of cases) node.client.seed(it.serves(['b1']));
      await node.start();
      for (const it of cases) await it.expect('client', [it.nodeIP, it.nodePort()], ['b1 saw node1']);
      await connectionsGoOn(cases);
    },
  },

  {
    name: 'cleaning up leaves what others put there and nothing else, and connections go on',
    async run(cases, node) {
      await node.stop();
      await node.remove();
      // Without anyone else who translates addresses, the kernel would stop doing so for established connections, too.
      await node.addForeign();
      const before = await node.rules();
      await node.start();
      await serve(cases);
      assert.notEqual(await node.rules(), before);
      await node.stop();
      await node.remove();
      assert.equal(await node.rules(), before);
      for (const it of cases) await it.expect('client', [it.nodeIP, it.nodePort()], ['refused']);
      await connectionsGoOn(cases);
      await node.start();
    },
  },

  {
    name: 'another mode takes over and gives back: connections go on, and nothing of the first is left meanwhile',
    async run(cases, node) {
      await serve(cases);
      const own = node.name;
      const other = otherMode(own);
      if (other === undefined) return;
      await expectServed(cases, 'a1 saw node1', () => node.start(other));
      await connectionsGoOn(cases);
      for (const it of cases) await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1']);
      assert.doesNotMatch(await MODES[own].rules(), OURS);
      for (const it of cases) await it.put(it.serves(['b1']));
      await expectServed(cases, 'b1 saw node1', () => node.start(own));
      await connectionsGoOn(cases);
      for (const it of cases) await it.expect('client', [it.nodeIP, it.nodePort()], ['b1 saw node1']);
      assert.doesNotMatch(await MODES[other].rules(), OURS);
    },
  },
];
