import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { withClientOf } from './kubeconfig.ts';

test('who waits for a server is told so after two seconds', async (t) => {
  const server = createServer(() => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const said = Promise.withResolvers<string>();
  t.mock.method(process.stderr, 'write', (text: string) => {
    if (text.includes('asking')) said.resolve(text);
    return true;
  });
  const text = await withClientOf({ server: url }, (client) => {
    client.raw('GET', '/api').catch(() => {}); // Ended with the client.
    return said.promise;
  });
  assert.match(text, new RegExp(`asking the API: waiting for ${url} \\(2s\\)`));
});
