import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RUNTIME_CONDITION } from '../api/core/v1/node.conditions.ts';
import { Node } from '../api/core/v1/node.ts';
import { fakeClient } from '../client/fake.ts';
import { Informer } from '../client/informer.ts';
import { settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { NodeReport } from './node-report.ts';

it('a node says whether it has a runtime, keeps what others say, and says it again when they do not keep it', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const nodeInfo = { containerRuntimeVersion: 'postern://0.1.0', osImage: 'Debian' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const client = fakeClient(
    [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1' }, status: { nodeInfo, conditions } } as Node],
    { clock },
  );
  const nodes = new Informer({ client, kind: Node, log: silentLogger, clock });
  const ended = new AbortController();
  const report = new NodeReport({ client, nodeName: 'node1', nodes, clock, log: silentLogger });
  nodes.start(ended.signal);
  await nodes.synced;
  void report.run(ended.signal);
  const told = async () => {
    await settle();
    const { status } = await client.get(Node, { name: 'node1' });
    const condition = status?.conditions?.find(({ type }) => type === RUNTIME_CONDITION);
    return [condition?.status, condition?.reason, status?.nodeInfo?.containerRuntimeVersion];
  };
  assert.deepEqual(await told(), [undefined, undefined, 'postern://0.1.0']);
  report.tell({ kind: 'absent', reason: 'NoContainerRuntime', message: 'none' });
  assert.deepEqual(await told(), ['False', 'NoContainerRuntime', 'postern://0.1.0']);
  report.tell({ kind: 'there', version: { name: 'containerd', version: '1.6.20' } });
  assert.deepEqual(await told(), ['True', 'ContainerRuntimeReady', 'containerd://1.6.20']);
  const node = await client.get(Node, { name: 'node1' });
  assert.equal(node.status?.nodeInfo?.osImage, 'Debian');
  assert.deepEqual(node.status?.conditions?.[0]?.type, 'Ready');
  client.seed({ ...node, status: { conditions } } as Node);
  assert.deepEqual(await told(), ['True', 'ContainerRuntimeReady', 'containerd://1.6.20']);
  client.failWith((verb) => (verb === 'updateStatus' ? new Error('down') : undefined));
  report.tell({ kind: 'absent', reason: 'ContainerRuntimeDown', message: 'down' });
  await settle();
  client.failWith(undefined);
  await clock.advance(1000);
  assert.deepEqual((await told()).slice(0, 2), ['False', 'ContainerRuntimeDown']);
  ended.abort();
});
