import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionOptions } from './connection-options.ts';
import { Session } from './session.ts';

test('connections go to servers with an address of either family', async () => {
  // Nobody serves at that port: getting as far as to be refused is what counts.
  for (const server of ['https://127.0.0.1:1', 'https://[::1]:1']) {
    const session = new Session(connectionOptions({ server }), 1000);
    await assert.rejects(session.ready, /ECONNREFUSED|EADDRNOTAVAIL/, server);
  }
});
