// Runs alone in network and process namespaces of its own, with a second namespace for a client on the same LAN. Prints
// what the real tools saw as JSON.
import { execFile, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Service } from '../api/core/v1/service.ts';
import { fakeClient } from '../client/fake.ts';
import { silentLogger } from '../host/log.ts';
import { startL2 } from './l2.ts';
import { advertisement, node, pool, service, slice } from './testing.ts';

const exec = promisify(execFile);
const run = (file: string, ...args: string[]) => exec(file, args).then(({ stdout }) => stdout);

const sleeper = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' });
const clientPid = String(sleeper.pid);
while (readlinkSync(`/proc/${clientPid}/ns/net`) === readlinkSync('/proc/self/ns/net')) await setTimeout(5);
const client = (...args: string[]) => run('nsenter', '-t', clientPid, '-n', ...args);

const NODE_MAC = '02:00:00:00:00:01';
await run('ip', 'link', 'add', 'lan0', 'address', NODE_MAC, 'type', 'veth', 'peer', 'name', 'eth0');
await run('ip', 'link', 'set', 'eth0', 'netns', clientPid);
for (const [where, device, host] of [
  [run, 'lan0', 1],
  [client, 'eth0', 2],
] as const) {
  await where('ip', 'address', 'add', `192.168.77.${host}/24`, 'dev', device);
  await where('ip', 'address', 'add', `fd77::${host}/64`, 'dev', device, 'nodad');
  await where('ip', 'link', 'set', device, 'up');
}
// Entries from an announcer that has failed: only an unasked-for announcement can put them right.
for (const address of ['192.168.77.100', 'fd77::100']) {
  await client('ip', 'neigh', 'replace', address, 'lladdr', '02:00:00:00:00:99', 'nud', 'stale', 'dev', 'eth0');
}

const api = fakeClient([
  node('n1', { internalIPs: ['192.168.77.1', 'fd77::1'] }),
  pool('lan', ['192.168.77.100-192.168.77.110', 'fd77::100/120', '192.168.77.1/32']),
  advertisement('lan'),
  service('web', ['192.168.77.100', 'fd77::100', '192.168.77.1']),
  slice('web', '10.244.1.5', ['n2']),
  slice('web', 'fd00:10:244:1::5', ['n2']),
]);
const ended = new AbortController();
const l2 = await startL2({ client: api, nodeName: 'n1', log: silentLogger }, ended.signal);
await l2.synced;

const neighbor = async (address: string) =>
  /lladdr (\S+)/.exec(await client('ip', 'neigh', 'show', address, 'dev', 'eth0'))?.[1];
const until = async (holds: () => Promise<boolean>): Promise<boolean> => {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return true;
    await setTimeout(10);
  }
  return false;
};
/** MACs that answered two questions; arping counts silence as failure, so its output is read either way. */
const arping = async (address: string) => {
  const said = (error: unknown) => String((error as { readonly stdout?: string }).stdout);
  const out = await client('arping', '-c', '2', '-w', '2', '-I', 'eth0', address).catch(said);
  return [...out.matchAll(/reply from \S+ \[(\S+)\]/g)].map(([, mac]) => mac?.toLowerCase());
};
const ndisc = (address: string) =>
  client('ndisc6', '-q', '-1', '-r', '2', '-w', '500', address, 'eth0').then(
    (out) => out.trim().toLowerCase(),
    () => 'no answer',
  );
const joined = async () => (await run('ip', '-6', 'maddr', 'show', 'dev', 'lan0')).includes('ff02::1:ff00:100');

const result: Record<string, unknown> = {};
result['tookOver'] = [
  await until(async () => (await neighbor('192.168.77.100')) === NODE_MAC),
  await until(async () => (await neighbor('fd77::100')) === NODE_MAC),
];
result['announcing'] = (await l2.status()).announcing.map(({ address, protocol, interfaces, services }) => {
  return { address, protocol, interfaces, services };
});
result['arping'] = await arping('192.168.77.100');
result['ndisc6'] = await ndisc('fd77::100');
result['unassigned'] = [await arping('192.168.77.101'), await ndisc('fd77::101')];
result['joined'] = await joined();
await client('ip', 'neigh', 'flush', 'dev', 'eth0');
await client('ping', '-c', '1', '-W', '1', '192.168.77.100').catch(() => {});
await client('ping', '-c', '1', '-W', '1', 'fd77::100').catch(() => {});
result['asked'] = [await neighbor('192.168.77.100'), await neighbor('fd77::100')];

api.remove(Service, { namespace: 'ns', name: 'web' });
await until(async () => (await l2.status()).announcing.length === 0);
result['withdrawn'] = [await arping('192.168.77.100'), await ndisc('fd77::100')];
result['left'] = await until(async () => !(await joined()));
ended.abort();
sleeper.kill();
process.stdout.write(JSON.stringify(result));
