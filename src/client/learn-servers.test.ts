import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import { silentLogger } from '../host/log.ts';
import { ApiServers } from './api-servers.ts';
import { fakeClient } from './fake.ts';
import { Informer } from './informer.ts';
import { learnServers, serverURLs } from './learn-servers.ts';
import { eventually, settle } from './testing.ts';

const slice = (name: string, addresses: readonly string[], port = 6443, addressType: 'IPv4' | 'IPv6' = 'IPv4') => ({
  apiVersion: EndpointSlice.apiVersion,
  kind: EndpointSlice.kind,
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
  addressType,
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: 'https', port, protocol: 'TCP' as const }],
});

test('servers are those that are ready in any slice of the Service, in one order', () => {
  const own = slice('kubernetes', ['192.0.2.2', '192.0.2.1']);
  const gone = {
    ...slice('old', ['192.0.2.9']),
    endpoints: [{ addresses: ['192.0.2.9'], conditions: { ready: false } }],
  };
  assert.deepEqual(serverURLs([own, slice('kubernetes-7443', ['fd00::1'], 7443, 'IPv6'), gone, own]), [
    'https://192.0.2.1:6443',
    'https://192.0.2.2:6443',
    'https://[fd00::1]:7443',
  ]);
});

test('a process learns of servers as they come and go, and keeps them; one that is alone is no news', async () => {
  const client = fakeClient();
  const servers = new ApiServers({ server: 'https://api.example:6443' }, { lookUp: async () => [] });
  const slices = new Informer({ client, kind: EndpointSlice, log: silentLogger });
  const saved: (readonly string[])[] = [];
  learnServers({ servers, slices, log: silentLogger, save: async (urls) => void saved.push(urls) });
  const ended = new AbortController();
  await client.create(EndpointSlice, slice('kubernetes', ['192.0.2.1']));
  slices.start(ended.signal);
  await slices.synced;
  await settle();
  assert.deepEqual([servers.urls, saved], [['https://api.example:6443'], []]);

  await client.update(EndpointSlice, slice('kubernetes', ['192.0.2.1', '192.0.2.2']));
  await eventually(() => saved.length === 1);
  assert.deepEqual(servers.urls, ['https://api.example:6443', 'https://192.0.2.1:6443', 'https://192.0.2.2:6443']);
  await client.create(EndpointSlice, {
    ...slice('web', ['192.0.2.7']),
    metadata: { name: 'web', namespace: 'default' },
  });
  await servers.choose();
  await client.update(EndpointSlice, slice('kubernetes', ['192.0.2.2']));
  await eventually(() => saved.length === 2);
  assert.deepEqual(servers.urls, ['https://api.example:6443', 'https://192.0.2.2:6443']);
  // What is in use is known to work.
  assert.deepEqual(saved, [
    ['https://192.0.2.1:6443', 'https://192.0.2.2:6443'],
    ['https://192.0.2.2:6443', 'https://api.example:6443'],
  ]);
  ended.abort();
});
