import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import { openStore } from './store.ts';

test('an etcd that does not answer at the start is told of with what to do, without a stack', async () => {
  const ended = new AbortController();
  const told: object[] = [];
  const warn = (fields: object, message: string) => {
    if (!message.startsWith('etcd does not answer')) return;
    told.push(fields);
    ended.abort();
  };
  // Port 1 is nobody's.
  const plan = { kind: 'etcd', options: { endpoints: ['http://127.0.0.1:1'], timeout: 200 } } as const;
  await assert.rejects(openStore(plan, '', { ...silentLogger, warn }, ended.signal), /ECONNREFUSED/);
  assert.match(
    JSON.stringify(told),
    /^\[\{"reason":"[^"]*ECONNREFUSED[^"]*","remedy":"start etcd, .* --etcd-endpoints/,
  );
});
