// Runs alone in namespaces of its own: this one is a node, and there are two more on its LAN, a client, which is also the
// switch, and a stranger. Prints what the real tools saw as JSON.
import { execFile, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '../../host/clock.ts';
import { openLinkWatch } from '../../host/link-watch.ts';
import { silentLogger } from '../../host/log.ts';
import { openMulticastGroups } from '../../host/multicast-groups.ts';
import { openPacketSocket } from '../../host/packet-socket.ts';
import { type IPFamily, mustParseIP } from '../../lib/ip.ts';
import { parseMAC } from '../../lib/mac.ts';
import { arp } from '../frames/arp/arp.ts';
import { ndp } from '../frames/ndp/ndp.ts';
import { Announcer } from './announcer.ts';
import { L2Stats } from './stats.ts';

const family: IPFamily = process.argv[2] === 'IPv6' ? 'IPv6' : 'IPv4';
const protocol = family === 'IPv4' ? arp : ndp;
/** The address of a host on this LAN. */
const host = (number: number): string => (family === 'IPv4' ? `192.168.77.${number}` : `fd77::${number}`);

const exec = promisify(execFile);
type Run = (...args: readonly string[]) => Promise<string>;
const node: Run = (file = '', ...args) => exec(file, args).then(({ stdout }) => stdout);
const sleepers: ReturnType<typeof spawn>[] = [];
const namespace = async (): Promise<readonly [string, Run]> => {
  const sleeper = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' });
  sleepers.push(sleeper);
  const pid = String(sleeper.pid);
  while (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) await setTimeout(5);
  return [pid, (...args) => node('nsenter', '-t', pid, '-n', ...args)];
};
const [clientPid, client] = await namespace();
const [strangerPid, stranger] = await namespace();

const MAC = '02:00:00:00:00:01';
const STRANGER = '02:00:00:00:00:ee';
/** Puts an interface on the LAN. */
const plug = async (name: string, mac: string, pid: string | undefined): Promise<void> => {
  await node('ip', 'link', 'add', name, 'address', mac, 'type', 'veth', 'peer', 'name', `port-${name}`);
  await node('ip', 'link', 'set', `port-${name}`, 'netns', clientPid);
  await client('ip', 'link', 'set', `port-${name}`, 'master', 'lan', 'up');
  if (pid !== undefined) await node('ip', 'link', 'set', name, 'netns', pid);
};
await client('ip', 'link', 'add', 'lan', 'address', '02:00:00:00:00:99', 'type', 'bridge', 'mcast_snooping', '0');
await plug('eth0', MAC, undefined);
await plug('other0', STRANGER, strangerPid);
const nodad = family === 'IPv6' ? ['nodad'] : [];
const length = family === 'IPv6' ? 64 : 24;
for (const [run, device, number] of [
  [node, 'eth0', 1],
  [client, 'lan', 2],
  [stranger, 'other0', 3],
] as const) {
  await run('ip', 'address', 'add', `${host(number)}/${length}`, 'dev', device, ...nodad);
  await run('ip', 'link', 'set', device, 'up');
}

const until = async (holds: () => boolean | Promise<boolean>): Promise<boolean> => {
  for (let i = 0; i < 300; i++) {
    if (await holds()) return true;
    await setTimeout(10);
  }
  return false;
};
/** Who answers the client, by MAC: the usual tools are asked, and may be answered by several. */
const whoHas = async (address: string): Promise<readonly string[]> => {
  const said = (error: unknown) => String((error as { readonly stdout?: string }).stdout);
  const out =
    family === 'IPv4'
      ? await client('arping', '-c', '1', '-w', '1', '-I', 'lan', address).catch(said)
      : await client('ndisc6', '-m', '-q', '-r', '1', '-w', '150', address, 'lan').catch(said);
  const macs = out.toLowerCase().match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g) ?? [];
  return [...new Set(macs)].sort();
};
/** The same where an answer is expected: a switch may take a second to notice that a cable has been plugged in. */
const found = async (address: string): Promise<readonly string[]> => {
  let macs: readonly string[] = [];
  for (let i = 0; i < 3 && macs.length === 0; i++) macs = await whoHas(address);
  return macs;
};
const neighbor = async (address: string) =>
  /lladdr (\S+)/.exec(await client('ip', 'neigh', 'show', address, 'dev', 'lan'))?.[1];
const sender = fileURLToPath(new URL('frame-sender.fixture.ts', import.meta.url));
const send = (run: Run, name: string, ...frames: readonly Uint8Array[]) =>
  run(process.execPath, sender, name, ...frames.map((frame) => Buffer.from(frame).toString('hex')));
const bytes = (mac: string) => parseMAC(mac) ?? new Uint8Array();

/** Real time, but that long waits are short. */
const clock: Clock = {
  now: () => systemClock.now(),
  sleep: (duration, signal) => systemClock.sleep(duration > 5000 ? duration / 8 : duration, signal),
};
const ended = new AbortController();
const conflicts: string[] = [];
const stats = new L2Stats();
const announcer = new Announcer({
  links: await openLinkWatch(silentLogger, ended.signal),
  openSocket: openPacketSocket,
  openGroups: openMulticastGroups,
  clock,
  log: silentLogger,
  stats,
  onClaim: () => 'stranger',
  onConflict: ({ address, interface: name, mac }, state) => void conflicts.push(`${state} ${address} ${name} ${mac}`),
  onChange: () => {},
});
announcer.start(ended.signal);
announcer.setReach({ defaults: ['eth0'], allowed: undefined, own: [host(1)] });
const announce = (address: string, probe = false, interfaces?: readonly string[]) =>
  announcer.set(address, { ip: mustParseIP(address), interfaces, services: [] }, { probe });
const isOn = (address: string, ...names: readonly string[]) =>
  until(() => announcer.get(address)?.interfaces.join() === names.join());
const result: Record<string, unknown> = {};

// Taking over, as tcpdump sees it, and as a client does that has an entry of a node that has failed.
const tcpdump = spawn('nsenter', ['-t', clientPid, '-n', 'tcpdump', '-Z', 'root', '-lnnvei', 'lan', 'arp or icmp6']);
let dump = '';
tcpdump.stdout.on('data', (data) => (dump += data));
await new Promise((resolve) => tcpdump.stderr.on('data', (data) => /listening/.test(String(data)) && resolve(true)));
await client('ip', 'neigh', 'replace', host(100), 'lladdr', '02:00:00:00:00:98', 'nud', 'stale', 'dev', 'lan');
announce(host(100));
result['tookOver'] = await until(async () => (await neighbor(host(100))) === MAC);
await setTimeout(family === 'IPv4' ? 300 : 1200);
tcpdump.kill();
const told = dump.split('\n').filter((line) => line.startsWith(MAC, line.indexOf(' ') + 1) && line.includes(host(100)));
const FORMS = [/Announcement|Request who-has/, /Reply .* is-at/, /neighbor advertisement.*\[override\]/] as const;
result['told'] = FORMS.map((form) => told.filter((line) => form.test(line)).length > 1);
result['answers'] = [await whoHas(host(100)), await whoHas(host(101))];

// An address that a stranger has.
await stranger('ip', 'address', 'add', `${host(110)}/${length}`, 'dev', 'other0', ...nodad);
announce(host(110), true);
result['held'] = [
  await until(() => conflicts.length === 1),
  await whoHas(host(110)),
  announcer.get(host(110))?.interfaces,
];
await stranger('ip', 'address', 'del', `${host(110)}/${length}`, 'dev', 'other0');
result['letGo'] = [await isOn(host(110), 'eth0'), await whoHas(host(110)), conflicts.splice(0)];

// A stranger that comes and takes ours.
const claim = () =>
  send(stranger, 'other0', ...protocol.announcement(mustParseIP(host(100)), bytes(STRANGER)).slice(0, 1));
const defences = () => stats.counts()[`${protocol.name} defence`] ?? 0;
await claim();
result['defended'] = [
  await until(() => defences() === 1),
  await until(async () => (await neighbor(host(100))) === MAC),
];
await claim();
result['gaveUp'] = [await isOn(host(100)), await whoHas(host(100))];
result['backAgain'] = [await isOn(host(100), 'eth0'), await whoHas(host(100)), conflicts.splice(0)];

// A host that checks its own address before it uses it finds out that it is taken.
if (family === 'IPv6') {
  await stranger('ip', 'address', 'add', `${host(100)}/64`, 'dev', 'other0');
  const addresses = () => stranger('ip', '-6', 'address', 'show', 'dev', 'other0', 'to', host(100));
  result['duplicate'] = await until(async () => (await addresses()).includes('dadfailed'));
} else {
  const probe = ['arping', '-D', '-c', '2', '-w', '2', '-I', 'other0', host(100)] as const;
  result['duplicate'] = await stranger(...probe).then(
    () => false,
    () => true,
  );
}

// Frames of a VLAN that the node has no interface for.
const ask = Buffer.from(protocol.question(mustParseIP(host(100)), bytes(STRANGER), mustParseIP(host(3))));
const tagged = Buffer.concat([ask.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 7), ask.subarray(12)]);
const answered = () => stats.counts()[`${protocol.name} reply`] ?? 0;
const before = answered();
await send(stranger, 'other0', tagged);
result['tagged'] = answered() - before;
await send(stranger, 'other0', ask);
result['untagged'] = (await until(() => answered() === before + 1)) && answered() - before;

// Interfaces of every kind, that come and change.
announce(host(120), false, ['eth1']);
await plug('eth1', '02:00:00:00:01:01', undefined);
await node('ip', 'link', 'set', 'eth1', 'up');
result['appeared'] = [await isOn(host(120), 'eth1'), await found(host(120))];
await client('ip', 'neigh', 'replace', host(120), 'lladdr', '02:00:00:00:01:01', 'nud', 'stale', 'dev', 'lan');
await node('ip', 'link', 'set', 'eth1', 'address', '02:00:00:00:01:02');
result['newMAC'] = [
  await until(async () => (await neighbor(host(120))) === '02:00:00:00:01:02'),
  await found(host(120)),
];
await node('ip', 'link', 'set', 'eth1', 'down');
result['down'] = [await isOn(host(120)), await whoHas(host(120))];
await node('ip', 'link', 'set', 'eth1', 'up');
result['up'] = [await isOn(host(120), 'eth1'), await found(host(120))];
await client('ip', 'link', 'set', 'port-eth1', 'down');
result['unplugged'] = await isOn(host(120));
await client('ip', 'link', 'set', 'port-eth1', 'up');
result['plugged'] = [await isOn(host(120), 'eth1'), await found(host(120))];
await node('ip', 'link', 'add', 'br0', 'address', '02:00:00:00:01:0b', 'type', 'bridge');
await node('ip', 'link', 'set', 'br0', 'up');
await node('ip', 'link', 'set', 'eth1', 'master', 'br0');
result['bridge'] = [await isOn(host(120), 'br0'), await found(host(120))];
await node('ip', 'link', 'del', 'br0');
result['noBridge'] = [await isOn(host(120), 'eth1'), await found(host(120))];
announce(host(121), false, ['mv0']);
await node(
  'ip',
  'link',
  'add',
  'mv0',
  'link',
  'eth1',
  'address',
  '02:00:00:00:01:0c',
  'type',
  'macvlan',
  'mode',
  'bridge',
);
await node('ip', 'link', 'set', 'mv0', 'up');
result['macvlan'] = [await isOn(host(121), 'mv0'), await found(host(121)), await found(host(120))];
await node('ip', 'link', 'del', 'eth1');
result['gone'] = [await isOn(host(120)), await isOn(host(121)), await whoHas(host(120))];

// The node's own.
announce(host(1));
result['own'] = [announcer.get(host(1))?.interfaces, await whoHas(host(1))];

// Whether anybody is there.
result['asked'] = [await announcer.ask([host(3)], 300), await announcer.ask([host(200)], 90)];
ended.abort();
for (const sleeper of sleepers) sleeper.kill();
process.stdout.write(JSON.stringify(result));
