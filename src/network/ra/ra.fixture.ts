/**
 * A node and the network stack of a Linux guest that never solicits a router, for `ra.test.ts`, which runs this in namespaces of
 * its own: `node ra.fixture.ts STATE_DIR`.
 */
import { spawn } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { fakeClient } from '../../client/fake.ts';
import { silentLogger } from '../../host/log.ts';
import { runCommand } from '../../host/process.ts';
import { mustParseCIDR, printIP } from '../../lib/ip.ts';
import { deviceName } from '../leases.ts';
import { cleanupPodNetwork, startPodNetwork } from '../network.ts';

const [, , stateDir = ''] = process.argv;

const guest = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
const inGuest = async (...argv: string[]) =>
  (await runCommand(['nsenter', `--target=${guest.pid}`, '--net', '--', ...argv])).stdout;

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 500; i++) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${what}: not within 5 s`);
}

interface Address {
  readonly local?: string;
}

async function globalAddresses(): Promise<readonly string[] | undefined> {
  const text = await inGuest('ip', '-j', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global');
  const [listing] = JSON.parse(text) as readonly { readonly addr_info?: readonly Address[] }[];
  const found = (listing?.addr_info ?? []).flatMap(({ local }) => local ?? []);
  return found.length > 0 ? found : undefined;
}

const ownNamespace = await readlink('/proc/self/ns/net');
await until('the guest has a network stack of its own', async () =>
  (await readlink(`/proc/${guest.pid}/ns/net`)) === ownNamespace ? undefined : true,
);
await runCommand(['ip', 'link', 'set', 'lo', 'up']);
const ending = new AbortController();
const network = await startPodNetwork(
  {
    client: fakeClient([]),
    nodeName: 'node1',
    podCIDRs: ['fd00:10:244:1::/64'].map(mustParseCIDR),
    stateDir,
    clusterDomain: 'cluster.local',
    log: silentLogger,
  },
  ending.signal,
);
const device = deviceName('guest');
await runCommand(['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(guest.pid)]);
const port = await network.attach({ podUID: 'guest', podKey: 'ns/guest', hostname: 'guest' });
await inGuest('ip', 'link', 'set', 'eth0', 'address', port.mac);
for (const setting of ['router_solicitations=0', 'accept_ra=1', 'addr_gen_mode=0', 'use_tempaddr=0']) {
  await inGuest('sysctl', '-qw', `net.ipv6.conf.eth0.${setting}`);
}
await inGuest('ip', 'link', 'set', 'eth0', 'up');
const formed = await until('the guest has an address', globalAddresses);
const routes = (await inGuest('ip', '-6', 'route', 'show', 'dev', 'eth0')).split('\n').map((line) => line.trim());
const link = (await runCommand(['ip', '-6', '-o', 'addr', 'show', 'dev', 'postern0', 'scope', 'link'])).stdout;
ending.abort();
await cleanupPodNetwork();
guest.kill('SIGKILL');
const seen = {
  assigned: port.addresses.map(printIP),
  formed,
  defaultRoute: routes.find((route) => route.startsWith('default')) ?? '',
  prefixRoutes: routes.filter((route) => route.startsWith('fd00:10:244:1::/64')),
  router: /inet6 (\S+)\//.exec(link)?.[1] ?? '',
};
process.stdout.write(JSON.stringify(seen), () => process.exit(0));
