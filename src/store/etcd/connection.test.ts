import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import { connector, openConnector } from './connection.ts';

test('certificates that cannot be read again are told of once, and once more when that has another reason, or comes back', async () => {
  const told: string[] = [];
  const warn = ({ err }: { readonly err: Error }) => told.push(err.message);
  const log = Object.assign(Object.create(silentLogger), { warn });
  let reason: string | undefined = 'denied';
  const reload = async () => {
    if (reason !== undefined) throw new Error(reason);
    return {};
  };
  const connector = await openConnector({ security: {}, reload, log });
  for (const next of ['denied', 'denied', 'gone', undefined, 'gone']) {
    reason = next;
    await connector.refresh();
  }
  assert.deepEqual(told, ['denied', 'gone', 'gone']);
});

test('a member that refuses connections is told of without the words of gRPC', async (t) => {
  const connection = (await connector({}))('http://127.0.0.1:1');
  t.after(() => connection.close());
  await assert.rejects(connection.call('Status', {}, 5000), {
    message: 'Status at http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
  });
});
