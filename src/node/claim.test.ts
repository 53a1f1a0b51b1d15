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

const machine = {
  hostname: 'host',
  architecture: 'amd64',
  cpus: 2,
  memory: 4 * 2 ** 30,
  kernelVersion: '6.1.0',
  osImage: 'Debian',
  machineID: 'm',
  bootID: 'b',
};

function world() {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const client = fakeClient([], { clock });
  const agent = (agentId: string, address: string) => {
    const ended = new AbortController();
    const taken: NodeTakenError[] = [];
    const options = {
      ...{ client, nodeName: 'node1', addresses: [address], log: silentLogger, clock, machine, agentId },
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
