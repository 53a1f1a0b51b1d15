/** A node's pod network, for `network.test.ts`, which runs this in namespaces of its own: `node network.fixture.ts STATE_DIR`. */
import { Node } from '../api/core/v1/node.ts';
import { fakeClient } from '../client/fake.ts';
import { silentLogger } from '../host/log.ts';
import { runCommand } from '../host/process.ts';
import { mustParseCIDR, printIP } from '../lib/ip.ts';
import { cleanupPodNetwork, startPodNetwork } from './network.ts';

const [, , stateDir = ''] = process.argv;

function node(name: string, podCIDRs: readonly string[], addresses: readonly string[]): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDRs },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

const show = async (...argv: string[]) => (await runCommand(argv)).stdout.trim();

async function routes(): Promise<readonly string[]> {
  const both = [
    await show('ip', '-4', 'route', 'show', 'proto', '112'),
    await show('ip', '-6', 'route', 'show', 'proto', '112'),
  ];
  return both
    .flatMap((text) => text.split('\n'))
    .flatMap((line) => /^\S+ via \S+(?: dev postern\S+)?/.exec(line)?.[0] ?? []);
}

async function until<T>(look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
  for (let i = 0; ; i++) {
    const seen = await look();
    if (wanted(seen) || i === 500) return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function main(): Promise<object> {
  await runCommand(['ip', 'link', 'set', 'lo', 'up']);
  await runCommand(['ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'other']);
  await runCommand(['ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'lan']);
  await runCommand(['ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'lan', 'nodad']);
  for (const name of ['lan', 'other']) await runCommand(['ip', 'link', 'set', name, 'up']);
  // A route of an earlier run, to a node that is no more.
  await runCommand(['ip', 'route', 'add', '10.244.7.0/24', 'via', '192.0.2.7', 'proto', '112']);

  const client = fakeClient([
    node('node1', ['10.244.1.0/24', 'fd00:10:244:1::/64'], ['192.0.2.1', '2001:db8::1']),
    node('node2', ['10.244.2.0/24', 'fd00:10:244:2::/64'], ['192.0.2.2', '2001:db8::2']),
  ]);
  const options = {
    client,
    nodeName: 'node1',
    podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
    stateDir,
    lanInterface: 'lan',
    clusterDomain: 'cluster.local',
    log: silentLogger,
  };
  const first = new AbortController();
  const network = await startPodNetwork(options, first.signal);
  const port = await network.attach({ podUID: 'uid-1', podKey: 'ns/pod', hostname: 'guest' });
  const atStart = await until(routes, (seen) => seen.length === 2 && !seen.join().includes('10.244.7.0'));
  // It loses its IPv6 address and gets another IPv4 address.
  const { status } = node('node2', [], ['192.0.2.9']);
  await client.patch(Node, { name: 'node2' }, { type: 'merge', body: { status } }, 'status');
  const afterChange = await until(routes, (seen) => /192\.0\.2\.9.*postern-vxlan/.test(seen.join()));
  const isolated = /isolated on/.test(await show('ip', '-d', 'link', 'show', port.device));
  const neighbours = (await show('ip', 'neigh', 'show', 'dev', 'postern0', 'nud', 'permanent')).split('\n').length;

  // The agent ends and undoes nothing. The next one finds everything, and one tap that belongs to no lease.
  const dnsmasq = async () => (await show('pgrep', '-x', 'dnsmasq').catch(() => '')).split('\n').map(Number)[0] ?? 0;
  await until(dnsmasq, (pid) => pid > 0);
  // A bridge with a guest on it is up, and has a link-local address besides ours.
  await runCommand(['ip', 'addr', 'add', 'fe80::5/64', 'dev', 'postern0', 'nodad']);
  await runCommand(['ip', 'tuntap', 'add', 'dev', 'pststray', 'mode', 'tap']);
  first.abort();
  const second = new AbortController();
  const again = await startPodNetwork(options, second.signal);
  const same = await again.attach({ podUID: 'uid-1', podKey: 'ns/pod', hostname: 'guest' });
  const stray = await runCommand(['ip', 'link', 'show', 'pststray']).then(
    () => true,
    () => false,
  );
  const leased = await until(dnsmasq, (pid) => pid > 0);
  process.kill(leased, 'SIGKILL');
  const restarted = await until(dnsmasq, (pid) => pid > 0 && pid !== leased);

  await again.release('uid-1');
  second.abort();
  await cleanupPodNetwork();
  const left = {
    links: (await show('ip', '-br', 'link')).split('\n').map((line) => line.split(/[ @]/)[0]),
    routes: await routes(),
    rules: await show('nft', 'list', 'ruleset'),
  };
  return {
    addresses: port.addresses.map(printIP),
    atStart,
    afterChange,
    isolated,
    neighbours,
    samePort: JSON.stringify([same.device, same.mac]) === JSON.stringify([port.device, port.mac]),
    stray,
    dnsmasqRestarted: restarted > 0 && restarted !== leased,
    left,
  };
}

main().then(
  (seen) => process.stdout.write(JSON.stringify(seen), () => process.exit(0)),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
  },
);
