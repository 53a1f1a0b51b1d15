// Runs alone in namespaces of its own. Prints what becomes of announcements when interfaces come, change and go, as JSON.
import { TestAnnouncer, TestLan, until } from './testing.ts';

const lan = new TestLan(process.argv[2] === 'IPv6' ? 'IPv6' : 'IPv4');
await lan.start();
const ended = new AbortController();
const node = await TestAnnouncer.start([lan.host(1)], ended.signal);
const result: Record<string, unknown> = {};

node.announce(lan.host(120), { interfaces: ['eth1'] });
await lan.plug('eth1', '02:00:00:00:01:01');
await lan.node('ip', 'link', 'set', 'eth1', 'up');
result['appeared'] = [await node.isOn(lan.host(120), 'eth1'), await lan.found(lan.host(120))];
await lan.deceive(lan.host(120), '02:00:00:00:01:01');
await lan.node('ip', 'link', 'set', 'eth1', 'address', '02:00:00:00:01:02');
result['newMAC'] = [
  await until(async () => (await lan.neighbor(lan.host(120))) === '02:00:00:00:01:02'),
  await lan.found(lan.host(120)),
];
await lan.node('ip', 'link', 'set', 'eth1', 'down');
result['down'] = [await node.isOn(lan.host(120)), await lan.whoHas(lan.host(120))];
await lan.node('ip', 'link', 'set', 'eth1', 'up');
result['up'] = [await node.isOn(lan.host(120), 'eth1'), await lan.found(lan.host(120))];
await lan.client('ip', 'link', 'set', 'port-eth1', 'down');
result['unplugged'] = await node.isOn(lan.host(120));
await lan.client('ip', 'link', 'set', 'port-eth1', 'up');
result['plugged'] = [await node.isOn(lan.host(120), 'eth1'), await lan.found(lan.host(120))];
await lan.node('ip', 'link', 'add', 'br0', 'address', '02:00:00:00:01:0b', 'type', 'bridge');
await lan.node('ip', 'link', 'set', 'br0', 'up');
await lan.node('ip', 'link', 'set', 'eth1', 'master', 'br0');
result['bridge'] = [await node.isOn(lan.host(120), 'br0'), await lan.found(lan.host(120))];
await lan.node('ip', 'link', 'del', 'br0');
result['noBridge'] = [await node.isOn(lan.host(120), 'eth1'), await lan.found(lan.host(120))];
await lan.node('ip', 'link', 'del', 'eth1');
result['gone'] = [await node.isOn(lan.host(120)), await lan.whoHas(lan.host(120))];

ended.abort();
lan.end();
process.stdout.write(JSON.stringify(result));
