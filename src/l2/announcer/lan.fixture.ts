// Runs alone in namespaces of its own. Prints what the real tools saw as JSON.
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { mustParseIP } from '../../lib/ip.ts';
import { parseMAC } from '../../lib/mac.ts';
import { arp } from '../frames/arp/arp.ts';
import { ndp } from '../frames/ndp/ndp.ts';
import { MAC, STRANGER, TestAnnouncer, TestLan, until } from './testing.ts';

const lan = new TestLan(process.argv[2] === 'IPv6' ? 'IPv6' : 'IPv4');
const { family } = lan;
const protocol = family === 'IPv4' ? arp : ndp;
await lan.start();
const ended = new AbortController();
const node = await TestAnnouncer.start([lan.host(1)], ended.signal);
const bytes = (mac: string) => parseMAC(mac) ?? new Uint8Array();
const result: Record<string, unknown> = {};

// Taking over, as tcpdump sees it, and as a client does that has an entry of a node that has failed.
const tcpdump = spawn('nsenter', [
  '-t',
  lan.clientPid,
  '-n',
  'tcpdump',
  '-Z',
  'root',
  '-lnnvei',
  'lan',
  'arp or icmp6',
]);
let dump = '';
tcpdump.stdout.on('data', (data) => (dump += data));
await new Promise((resolve) => tcpdump.stderr.on('data', (data) => /listening/.test(String(data)) && resolve(true)));
await lan.deceive(lan.host(100), '02:00:00:00:00:98');
node.announce(lan.host(100));
result['tookOver'] = await until(async () => (await lan.neighbor(lan.host(100))) === MAC);
await setTimeout(family === 'IPv4' ? 300 : 1200);
tcpdump.kill();
const told = dump
  .split('\n')
  .filter((line) => line.startsWith(MAC, line.indexOf(' ') + 1) && line.includes(lan.host(100)));
const FORMS = [/Announcement|Request who-has/, /Reply .* is-at/, /neighbor advertisement.*\[override\]/] as const;
result['told'] = FORMS.map((form) => told.filter((line) => form.test(line)).length > 1);
result['answers'] = [await lan.whoHas(lan.host(100)), await lan.whoHas(lan.host(101))];

// An address that a stranger has.
await lan.stranger('ip', 'address', 'add', lan.prefix(110), 'dev', 'other0', ...lan.nodad);
node.announce(lan.host(110), { probe: true });
result['held'] = [
  await until(() => node.conflicts.length === 1),
  await lan.whoHas(lan.host(110)),
  node.announcer.get(lan.host(110))?.interfaces,
];
await lan.stranger('ip', 'address', 'del', lan.prefix(110), 'dev', 'other0');
result['letGo'] = [await node.isOn(lan.host(110), 'eth0'), await lan.whoHas(lan.host(110)), node.conflicts.splice(0)];

// A stranger that comes and takes ours.
const claim = () =>
  lan.send(lan.stranger, 'other0', ...protocol.announcement(mustParseIP(lan.host(100)), bytes(STRANGER)).slice(0, 1));
const defences = () => node.stats.counts()[`${protocol.name} defence`] ?? 0;
await claim();
result['defended'] = [
  await until(() => defences() === 1),
  await until(async () => (await lan.neighbor(lan.host(100))) === MAC),
];
await claim();
result['gaveUp'] = [await node.isOn(lan.host(100)), await lan.whoHas(lan.host(100))];
result['backAgain'] = [
  await node.isOn(lan.host(100), 'eth0'),
  await lan.whoHas(lan.host(100)),
  node.conflicts.splice(0),
];

// A host that checks its own address before it uses it finds out that it is taken.
if (family === 'IPv6') {
  await lan.stranger('ip', 'address', 'add', lan.prefix(100), 'dev', 'other0');
  const addresses = () => lan.stranger('ip', '-6', 'address', 'show', 'dev', 'other0', 'to', lan.host(100));
  result['duplicate'] = await until(async () => (await addresses()).includes('dadfailed'));
} else {
  const probe = ['arping', '-D', '-c', '2', '-w', '2', '-I', 'other0', lan.host(100)] as const;
  result['duplicate'] = await lan.stranger(...probe).then(
    () => false,
    () => true,
  );
}

// Frames of a VLAN that the node has no interface for.
const ask = Buffer.from(protocol.question(mustParseIP(lan.host(100)), bytes(STRANGER), mustParseIP(lan.host(3))));
const tagged = Buffer.concat([ask.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 7), ask.subarray(12)]);
const answered = () => node.stats.counts()[`${protocol.name} reply`] ?? 0;
const before = answered();
await lan.send(lan.stranger, 'other0', tagged);
result['tagged'] = answered() - before;
await lan.send(lan.stranger, 'other0', ask);
result['untagged'] = (await until(() => answered() === before + 1)) && answered() - before;

// The node's own.
node.announce(lan.host(1));
result['own'] = [node.announcer.get(lan.host(1))?.interfaces, await lan.whoHas(lan.host(1))];

// Whether anybody is there.
result['asked'] = [await node.announcer.ask([lan.host(3)], 300), await node.announcer.ask([lan.host(200)], 90)];
ended.abort();
lan.end();
process.stdout.write(JSON.stringify(result));
