import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openPki } from '../../apiserver/pki/pki.ts';
import type { Endpoint } from '../../client/client.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { hours } from '../../lib/duration.ts';
import { keepOwnCertificates, OwnClients, ownEndpoint } from './own-clients.ts';

const USER = { name: 'controllers', groups: ['system:masters'] };

it('a server that runs for a year renews what its own controllers show, and all their clients have it', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'postern-own-'));
  t.after(() => rm(dir, { recursive: true }));
  const clock = new FakeClock(Date.now());
  const pki = await openPki(dir, { hosts: [], clock });
  const server = 'https://127.0.0.1:1';
  const clients = new OwnClients(await ownEndpoint(server, pki, USER));
  const shown = (client: ReturnType<OwnClients['connect']>) => client.servers.all()[0]?.clientCertificate;
  const [client, closed] = [clients.connect(), clients.connect()];
  closed.close();
  const first = shown(client);
  const ended = new AbortController();
  const renewals: Endpoint[] = [];
  const renewed = (next: Endpoint) => {
    renewals.push(next);
    clients.renew(next);
    ended.abort();
  };
  const keeping = keepOwnCertificates(
    { pki, server, users: [{ ...USER, renewed }], clock, log: silentLogger },
    ended.signal,
  );
  for (let half = 0; half < 2 * 300 && renewals.length === 0; half++) {
    await clock.advance(hours(12));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await keeping;
  assert.equal(renewals.length, 1);
  assert.notEqual(shown(client), first);
  assert.equal(shown(client), shown(clients.connect()), 'those that come later have it too');
  assert.equal(shown(closed), first);
  client.close();
});
