// Session affinity in the kernel: clients with addresses of their own connect from this node to endpoints on it. Runs alone
// in a network namespace: see sticky.test.ts.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLibnftables } from '../../host/libnftables.ts';
import { runCommand } from '../../host/process.ts';
import { IP_FAMILIES, type IPFamily, mustParseCIDR } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { localitiesOf } from '../locality.ts';
import type { Mode } from '../mode.ts';
import { type ServiceSpec, service, slice } from '../testing/builders.ts';
import { setService } from '../testing/node.ts';
import { nftablesMode } from './nftables-mode.ts';

const PORT = 8080;
const HOSTS = [1, 2, 3, 4] as const;
const CLIENTS = Array.from({ length: 12 }, (_, number) => number + 1);
const VIP = { IPv4: '10.96.0.10', IPv6: 'fd00:10:96::10' } as const;
const endpoint = (family: IPFamily, host: number) =>
  family === 'IPv4' ? `10.244.1.${host}` : `fd00:10:244:1::${host}`;
const clientAddress = (family: IPFamily, host: number) =>
  family === 'IPv4' ? `10.244.9.${host}` : `fd00:10:244:9::${host}`;

await runCommand(['ip', 'link', 'set', 'lo', 'up']);
for (const family of IP_FAMILIES) {
  const width = family === 'IPv4' ? 32 : 128;
  await runCommand(['ip', 'route', 'add', 'local', `${VIP[family]}/${width}`, 'dev', 'lo']);
  for (const ip of [
    ...HOSTS.map((host) => endpoint(family, host)),
    ...CLIENTS.map((host) => clientAddress(family, host)),
  ]) {
    await runCommand(['ip', 'address', 'add', `${ip}/${width}`, 'dev', 'lo', ...(width === 128 ? ['nodad'] : [])]);
  }
}

const servers = await Promise.all(IP_FAMILIES.flatMap((family) => HOSTS.map((host) => serve(endpoint(family, host)))));
const runner = await openLibnftables();
const table = new ForwardingTable(IP_FAMILIES);
const mode = openMode();
await mode.load(table);
// Whatever of ours is left in the scratch register when a packet leaves.
await runner.run(`table inet pst-watch {
  counter left { }
  chain out {
    type filter hook postrouting priority 300
    meta priority 6000:0-7fff:ffff counter name left
  }
}`);

after(async () => {
  for (const close of servers) close();
  await runner.close();
});

function openMode(): Mode {
  const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR);
  return nftablesMode({
    netfilter: kernelNetfilter(runner),
    localities: localitiesOf({ podCIDRs: [], clusterCIDRs }),
  });
}

/** Answers every connection and datagram with its own address. */
async function serve(ip: string): Promise<() => void> {
  const tcp = createServer((socket) => socket.end(ip)).listen(PORT, ip);
  const udp = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (_, { port, address }) => udp.send(ip, port, address));
  udp.bind(PORT, ip);
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
  return () => {
    tcp.close();
    udp.close();
  };
}

async function forward(family: IPFamily, hosts: readonly number[], spec: ServiceSpec): Promise<void> {
  describe(table, family, hosts, spec);
  await mode.change(table.takeChanges());
}

function describe(into: ForwardingTable, family: IPFamily, hosts: readonly number[], spec: ServiceSpec): void {
  const protocol = spec.ports?.[0]?.protocol ?? 'TCP';
  const web = service('web', { clusterIPs: [VIP[family]], ...spec });
  const ips = hosts.map((host) => endpoint(family, host));
  setService(into, web, [slice('web', ips, { addressType: family, protocol, port: PORT })]);
}

const sticky = (seconds: number, protocol: 'TCP' | 'UDP' = 'TCP'): ServiceSpec => ({
  ports: [{ port: 80, protocol }],
  sessionAffinity: 'ClientIP',
  sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } },
});

/** Who answers a client. */
async function ask(family: IPFamily, client: number): Promise<string> {
  const socket = connect({ host: VIP[family], port: 80, localAddress: clientAddress(family, client) });
  const chunks = await socket.setEncoding('utf8').toArray();
  return chunks.join('');
}

async function askByUDP(family: IPFamily, client: number): Promise<string> {
  const socket = createSocket(family === 'IPv4' ? 'udp4' : 'udp6');
  socket.bind(0, clientAddress(family, client));
  socket.send('?', 80, VIP[family]);
  const [answer] = await once(socket, 'message');
  socket.close();
  return String(answer);
}

/** The endpoint of each client, each asked three times. Fails when one is led to several. */
async function led(family: IPFamily, by = ask): Promise<readonly string[]> {
  const all: string[] = [];
  for (const client of CLIENTS) {
    const answers = new Set<string>();
    for (let i = 0; i < 3; i++) answers.add(await by(family, client));
    assert.equal(answers.size, 1, `client ${client} was led to ${[...answers].join(' and ')}`);
    all.push(...answers);
  }
  return all;
}

async function spread(family: IPFamily, client: number): Promise<number> {
  const answers = new Set<string>();
  for (let i = 0; i < 30; i++) answers.add(await ask(family, client));
  return answers.size;
}

async function remembered(family: IPFamily): Promise<number> {
  const name = family === 'IPv4' ? 'ip' : 'ip6';
  const { stdout } = await runCommand(['nft', '--json', 'list', 'map', name, 'postern-proxy', 'affinity']);
  const { nftables } = JSON.parse(stdout) as { nftables: { map?: { elem?: unknown[] } }[] };
  return nftables.reduce((count, { map }) => count + (map?.elem?.length ?? 0), 0);
}

/** Which endpoint is in which slot. */
async function slots(family: IPFamily): Promise<string> {
  const map = ['map', family === 'IPv4' ? 'ip' : 'ip6', 'postern-proxy', 'service-sticky-number'];
  return (await runCommand(['nft', 'list', ...map])).stdout;
}

for (const family of IP_FAMILIES) {
  test(`over ${family}, clients stay with their endpoint, by TCP and UDP, and are spread over all`, async () => {
    for (const [protocol, by] of [
      ['TCP', ask],
      ['UDP', askByUDP],
    ] as const) {
      await forward(family, HOSTS, sticky(60, protocol));
      assert(new Set(await led(family, by)).size > 1);
    }
  });

  test(`over ${family}, only the clients of an endpoint that goes are led elsewhere, and stay there when it is back`, async () => {
    await forward(family, HOSTS, sticky(60));
    const before = await led(family);
    const gone = before[0];
    const left = HOSTS.filter((host) => endpoint(family, host) !== gone);
    await forward(family, left, sticky(60));
    const without = await led(family);
    for (const [client, was] of before.entries()) {
      if (was === gone) assert.notEqual(without[client], gone);
      else assert.equal(without[client], was);
    }
    await forward(family, HOSTS, sticky(60));
    assert.deepEqual(await led(family), without);
  });

  test(`over ${family}, an endpoint that comes takes nobody's clients away`, async () => {
    await forward(family, [1, 2], sticky(60));
    const before = await led(family);
    await forward(family, HOSTS, sticky(60));
    assert.deepEqual(await led(family), before);
  });

  test(`over ${family}, affinity is switched on, off and to another time under way`, async () => {
    await forward(family, HOSTS, { ports: [{ port: 80 }] });
    assert((await spread(family, 1)) > 1);
    await forward(family, HOSTS, sticky(60));
    const before = await led(family);
    await forward(family, HOSTS, sticky(90));
    assert.deepEqual(await led(family), before);
    await forward(family, HOSTS, { ports: [{ port: 80 }] });
    assert((await spread(family, 1)) > 1);
  });

  test(`over ${family}, a proxy that starts again forgets nobody, and leaves each endpoint in its slot`, async () => {
    await forward(family, [4, 2], sticky(60));
    await forward(family, [2, 3, 4], sticky(60));
    const before = await led(family);
    const numbers = await slots(family);
    const [next, again] = [openMode(), new ForwardingTable(IP_FAMILIES)];
    again.recallBy(await next.recall?.());
    describe(again, family, [2, 3, 4], sticky(60));
    await next.load(again);
    assert.equal(await slots(family), numbers);
    assert.deepEqual(await led(family), before);
  });

  test(`over ${family}, a client that stays away is forgotten, and one that comes back is not`, async () => {
    await runner.run(`flush map ${family === 'IPv4' ? 'ip' : 'ip6'} postern-proxy affinity`);
    await forward(family, HOSTS, sticky(2));
    const first = await ask(family, 1);
    await ask(family, 2);
    for (let i = 0; i < 6; i++) {
      await sleep(500);
      assert.equal(await ask(family, 1), first);
    }
    assert.equal(await remembered(family), 1);
  });
}

test('nothing is left in the scratch register of packets that leave', async () => {
  const { stdout } = await runCommand(['nft', 'list', 'counter', 'inet', 'pst-watch', 'left']);
  assert.match(stdout, /packets 0 /);
});
