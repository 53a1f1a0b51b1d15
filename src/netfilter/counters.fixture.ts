// What packets count in a set is read back as they were. Runs alone in a network namespace: see kernel.test.ts.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { openLibnftables } from '../host/libnftables.ts';
import { runCommand } from '../host/process.ts';
import { kernelNetfilter } from './kernel.ts';
import type { Concatenation, CountingElement, NamedSet, Rule, Table } from './model.ts';

/** In an IP and a UDP header. */
const HEADERS = { ip: 20 + 8, ip6: 40 + 8 } as const;
const PORTS = [4000, 4001] as const;
const FAMILIES = [
  { family: 'ip', loopback: '127.0.0.1', type: 'udp4' },
  { family: 'ip6', loopback: '::1', type: 'udp6' },
] as const;

const original: Concatenation = [{ kind: 'original-daddr' }, { kind: 'original-dport' }];
const key: Concatenation = [...original, { kind: 'reply-saddr' }, { kind: 'reply-sport' }, { kind: 'direction' }];
const seen: NamedSet = {
  name: 'seen',
  key: { kind: 'types', types: ['address', 'inet_service', 'address', 'inet_service', 'ct_dir'] },
  dynamic: { size: 16, seconds: 60 },
};
const count: Rule = {
  matches: [{ kind: 'protocol', protocol: 'udp' }],
  statement: { kind: 'count', key, set: 'seen' },
};
const table = (family: Table['family']): Table => ({
  ...{ family, name: 'pst-counters', sets: [seen] },
  chains: [{ name: 'sent', hook: { type: 'filter', hook: 'output', priority: 0 }, rules: [count] }],
});

await runCommand(['ip', 'link', 'set', 'lo', 'up']);
const netfilter = kernelNetfilter(await openLibnftables());

async function read(family: Table['family']): Promise<readonly CountingElement[]> {
  const all: CountingElement[] = [];
  for await (const some of netfilter.counters(table(family), seen)) all.push(...some);
  return all.sort((a, b) => Number(a.key[1]) - Number(b.key[1]) || Number(a.key[4]) - Number(b.key[4]));
}

for (const { family, loopback, type } of FAMILIES) {
  assert.deepEqual(await read(family), [], 'a table that is not there counts nothing');
  await netfilter.apply([{ kind: 'replace-table', table: table(family), elements: [] }]);
  const server = createSocket(type);
  server.bind(PORTS[0], loopback);
  await once(server, 'listening');
  const client = createSocket(type);
  const send = (by: Socket, what: Buffer | string, port: number) =>
    new Promise((resolve) => by.send(what, port, loopback, resolve));
  const arrival = once(server, 'message');
  for (const size of [10, 200, 3000]) await send(client, Buffer.alloc(size), PORTS[0]);
  const [, from] = await arrival;
  await send(server, 'answer', from.port);
  const element = (port: number, direction: number, packets: number, payload: number): CountingElement => ({
    key: [loopback, port, loopback, port, direction],
    counter: { packets, bytes: packets * HEADERS[family] + payload },
  });
  assert.deepEqual(await read(family), [element(PORTS[0], 0, 3, 3210), element(PORTS[0], 1, 1, 6)]);
  // Another port, another element; the first ones go on.
  for (const port of PORTS) await send(client, 'x', port);
  assert.deepEqual(await read(family), [
    ...[element(PORTS[0], 0, 4, 3211), element(PORTS[0], 1, 1, 6)],
    element(PORTS[1], 0, 1, 1),
  ]);
  client.close();
  server.close();
}
process.exit(0);
