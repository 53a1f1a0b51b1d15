import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Node } from '../api/core/v1/node.ts';
import { AGENT_ID } from '../api/core/v1/node-identity.ts';
import { fakeClient } from '../client/fake.ts';
import { settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { NodeTakenError } from './claim.ts';
import { startNode } from './node.ts';
import { MACHINE } from './testing.ts';

function world() {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const client = fakeClient([], { clock });
  const agent = (agentId: string, address: string, bootID = 'b') => {
    const ended = new AbortController();
    const taken: NodeTakenError[] = [];
    const options = {
      ...{ client, nodeName: 'node1', addresses: [address], log: silentLogger, clock, agentId },
      machine: { ...MACHINE, bootID },
      taken: (by: NodeTakenError) => taken.push(by),
    };
    return { taken, start: () => startNode(options, ended.signal), end: () => ended.abort() };
  };
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      await settle();
      await clock.advance(1000);
    }
    await settle();
  };
  const owner = async () => (await client.get(Node, { name: 'node1' })).metadata.annotations?.[AGENT_ID];
  return { client, agent, pass, owner };
}

describe('two machines with the name of one node', () => {
  it('the second refuses, and says where the first is, as long as that one renews its lease', async () => {
    const { agent, pass, owner } = world();
    const [first, second] = [agent('a', '192.0.2.1'), agent('b', '192.0.2.2')];
    await first.start();
    const starting = second.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    await pass(15);
    const error = await starting;
    assert.ok(error instanceof NodeTakenError);
    assert.match(error.message, /another machine is the node "node1" and gives signs of life, at 192\.0\.2\.1/);
    assert.equal(await owner(), 'a');
    assert.deepEqual(first.taken, []);
    first.end();
  });

  it('takes the node over from one that is silent for as long as its lease is good, whatever the clocks say', async () => {
    const { client, agent, pass, owner } = world();
    const [first, second] = [agent('a', '192.0.2.1'), agent('b', '192.0.2.2')];
    await first.start();
    await pass(1);
    first.end();
    const lease = await client.get(Lease, { namespace: 'kube-node-lease', name: 'node1' });
    client.seed({ ...lease, spec: { ...lease.spec, renewTime: '2036-01-01T00:00:00.000000Z' } });
    let isStarted = false;
    void second.start().then(() => {
      isStarted = true;
    });
    await pass(38);
    assert.equal(isStarted, false);
    await pass(4);
    assert.equal(isStarted, true);
    assert.equal(await owner(), 'b');
    second.end();
  });

  it('is itself again at once when it comes back, and so is a node that is known to be lost', async () => {
    const { client, agent, owner } = world();
    const first = agent('a', '192.0.2.1');
    await first.start();
    first.end();
    const again = agent('a', '192.0.2.1');
    await again.start();
    again.end();
    const node = await client.get(Node, { name: 'node1' });
    client.seed({ ...node, status: { ...node.status, conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    const second = agent('b', '192.0.2.2');
    await second.start();
    assert.equal(await owner(), 'b');
    second.end();
  });

  it('one that was silent for too long leaves the node to who has it now, and writes nothing more', async () => {
    const { client, agent, pass, owner } = world();
    const [first, second] = [agent('a', '192.0.2.1'), agent('b', '192.0.2.2')];
    await first.start();
    await pass(1);
    const node = await client.get(Node, { name: 'node1' });
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    client.seed({
      ...node,
      metadata: { ...node.metadata, annotations: { [AGENT_ID]: 'b' } },
      status: { ...node.status, conditions },
    });
    await second.start();
    await pass(25);
    assert.equal(first.taken.length, 1);
    assert.equal(await owner(), 'b');
    await pass(20);
    assert.deepEqual(second.taken, []);
    second.end();
    first.end();
  });

  it('puts its name back when nobody else is there who has it', async () => {
    const { client, agent, pass, owner } = world();
    const first = agent('a', '192.0.2.1');
    await first.start();
    await pass(1);
    const node = await client.get(Node, { name: 'node1' });
    client.seed({ ...node, metadata: { ...node.metadata, annotations: { [AGENT_ID]: 'typed-by-hand' } } });
    await pass(45);
    assert.equal(await owner(), 'a');
    assert.deepEqual(first.taken, []);
    first.end();
  });
});

describe('a machine and its copy, whose agents have one id', () => {
  it('the copy, started elsewhere, refuses before it writes anything', async () => {
    const { client, agent, pass } = world();
    const [first, copy] = [agent('a', '192.0.2.1'), agent('a', '192.0.2.2', 'another')];
    await first.start();
    const before = await client.get(Node, { name: 'node1' });
    const starting = copy.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    await pass(12);
    const error = await starting;
    assert.ok(error instanceof NodeTakenError && error.isCopy);
    assert.match(error.message, /with a copy of the same state directory, and gives signs of life, at 192\.0\.2\.1/);
    assert.deepEqual(await client.get(Node, { name: 'node1' }), before);
    assert.deepEqual(first.taken, []);
    first.end();
  });

  it('the one that came later ends when both run, however often it is started, and the first goes on', async () => {
    const { agent, pass } = world();
    const first = agent('a', '192.0.2.1');
    await first.start();
    await pass(1);
    for (const copy of [agent('a', '192.0.2.2'), agent('a', '192.0.2.2')]) {
      await copy.start();
      await pass(25);
      assert.equal(copy.taken.length, 1);
      assert.equal(copy.taken[0]?.isCopy, true);
    }
    assert.deepEqual(first.taken, []);
    first.end();
  });

  it('of three that run, the first goes on', async () => {
    const { agent, pass } = world();
    const [first, second, third] = [agent('a', '192.0.2.1'), agent('a', '192.0.2.2'), agent('a', '192.0.2.3')];
    for (const each of [first, second, third]) {
      await each.start();
      await pass(2);
    }
    await pass(40);
    assert.deepEqual(
      [first, second, third].map(({ taken }) => taken.length),
      [0, 1, 1],
    );
    first.end();
  });

  it('an agent that was killed goes on at once, and one whose machine started anew after it has listened', async () => {
    const { agent, pass } = world();
    const first = agent('a', '192.0.2.1');
    await first.start();
    await pass(3);
    first.end();
    const again = agent('a', '192.0.2.1');
    await again.start();
    await pass(30);
    assert.deepEqual(again.taken, []);
    again.end();
    const anew = agent('a', '192.0.2.1', 'another');
    let isStarted = false;
    const starting = anew.start().then(() => {
      isStarted = true;
    });
    await pass(13);
    assert.equal(isStarted, false);
    await pass(4);
    await starting;
    await pass(30);
    assert.deepEqual(anew.taken, []);
    anew.end();
  });

  it('reads the lease once, and again only when somebody else wrote it, whose notes stay', async () => {
    const { client, agent, pass } = world();
    const first = agent('a', '192.0.2.1');
    await first.start();
    await pass(1);
    let reads = 0;
    client.failWith((verb, kind) => {
      if (verb === 'get' && kind === 'Lease') reads++;
      return undefined;
    });
    await pass(40);
    assert.equal(reads, 0);
    const key = { namespace: 'kube-node-lease', name: 'node1' };
    const patch = { type: 'merge', body: { metadata: { labels: { noted: 'yes' } } } } as const;
    await client.patch(Lease, key, patch);
    const { renewTime } = (await client.get(Lease, key)).spec ?? {};
    reads = 0;
    await pass(20);
    assert.equal(reads, 1);
    const lease = await client.get(Lease, key);
    assert.equal(lease.metadata.labels?.['noted'], 'yes');
    assert.notEqual(lease.spec?.renewTime, renewTime);
    assert.deepEqual(first.taken, []);
    first.end();
  });

  it('goes on when a backup was restored that has the lease as an earlier run left it', async () => {
    const { client, agent, pass } = world();
    const key = { namespace: 'kube-node-lease', name: 'node1' };
    const first = agent('a', '192.0.2.1');
    await first.start();
    await pass(1);
    const { metadata, ...kept } = await client.get(Lease, key);
    await pass(15);
    first.end();
    const again = agent('a', '192.0.2.1');
    await again.start();
    await pass(5);
    const { resourceVersion: _, ...restored } = metadata;
    client.seed({ ...kept, metadata: restored });
    await pass(40);
    assert.deepEqual(again.taken, []);
    again.end();
  });

  it('one that was silent for too long leaves the node to the one that has it since', async () => {
    const { client, agent, pass } = world();
    const [first, second] = [agent('a', '192.0.2.1'), agent('a', '192.0.2.2')];
    await first.start();
    await pass(1);
    // What it writes while it is cut off does not arrive.
    client.failWith((verb, kind) => (verb === 'patch' && kind === 'Lease' ? new Error('cut off') : undefined));
    await pass(50);
    client.failWith(undefined);
    await second.start();
    await pass(40);
    assert.equal(first.taken.length, 1);
    assert.deepEqual(second.taken, []);
    second.end();
  });
});
