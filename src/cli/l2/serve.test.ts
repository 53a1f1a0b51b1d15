import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import type { LanStatus } from '../../l2/lan/messages.ts';
import { DEFAULT_HEARTBEATS } from '../../l2/settings.ts';
import type { Answer, Answerer } from '../../proxy/health/listen.ts';
import type { L2Report } from './report.ts';
import { type Asked, serveL2 } from './serve.ts';

const STATUS: LanStatus = {
  ...{ announcing: [], conflicts: [], peers: [], silent: undefined, counts: { elections: 3 } },
  elected: { '192.168.77.9': 'node2', '192.168.77.10': undefined },
};

const L2: Asked = {
  status: async () => STATUS,
  metrics: () => [{ name: 'announced', help: 'Addresses.', type: 'gauge', samples: [{ value: 1 }] }],
};

/** What is answered to a path, by a clock that the test moves. */
async function ask(path: string, l2: Asked = L2): Promise<Answer | undefined> {
  let answer: Answerer | undefined;
  const listeners = serveL2({
    ...{ node: 'node1', heartbeats: DEFAULT_HEARTBEATS, l2, clock: new FakeClock(5000), log: silentLogger },
    at: [{ address: '/run/l2.sock', port: 0 }],
    listen: async (_, given) => {
      answer = given;
      return { port: 0, close: async () => {} };
    },
  });
  await new Promise(setImmediate);
  assert(answer);
  try {
    return await answer(path);
  } finally {
    await listeners.close();
  }
}

test('status is the report of this node, by its clock', async () => {
  const { code, headers, body = '' } = (await ask('/status')) ?? {};
  assert.deepEqual([code, headers?.['Content-Type']], [200, 'application/json']);
  const { node, at, elected, nobody, counts, heartbeats } = JSON.parse(body) as L2Report;
  assert.deepEqual(
    { node, at, elected, nobody, counts },
    {
      ...{ node: 'node1', at: 5000, elected: { '192.168.77.9': 'node2' }, nobody: ['192.168.77.10'] },
      counts: { elections: 3 },
    },
  );
  assert.deepEqual(heartbeats, DEFAULT_HEARTBEATS);
});

test('metrics are text for Prometheus; what is not there is not answered', async () => {
  const { headers, body } = (await ask('/metrics')) ?? {};
  assert.match(headers?.['Content-Type'] ?? '', /version=0\.0\.4/);
  assert.match(body ?? '', /^announced 1$/m);
  assert.equal(await ask('/traffic'), undefined);
});

test('it lives as long as its thread answers', async () => {
  assert.equal((await ask('/livez'))?.body, 'ok\n');
  const stuck = ask('/livez', { ...L2, status: () => Promise.reject(new Error('it has not answered')) });
  await assert.rejects(stuck, /it has not answered/);
});
