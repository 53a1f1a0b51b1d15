// Runs alone in namespaces of its own. Prints who answers on an interface of a kind that stands on others, as JSON.
import { TestAnnouncer, TestLan } from './testing.ts';

const [, , kind = '', family = ''] = process.argv;
const lan = new TestLan(family === 'IPv6' ? 'IPv6' : 'IPv4');
await lan.start();
const MAC = '02:00:00:00:01:0c';
await lan.plug('eth1', '02:00:00:00:01:01');
const ip = (command: string) => lan.node('ip', ...command.split(' '));
const steps: Readonly<Record<string, readonly string[]>> = {
  macvlan: [`link add x0 link eth1 address ${MAC} type macvlan mode bridge`, 'link set eth1 up'],
  vlan: ['link set eth1 up', `link add link eth1 name x0 address ${MAC} type vlan id 5`],
  bond: [`link add x0 address ${MAC} type bond mode active-backup miimon 50`, 'link set eth1 master x0'],
};
const ended = new AbortController();
const node = await TestAnnouncer.start([lan.host(1)], ended.signal);
node.announce(lan.host(120), { interfaces: ['x0'] });
for (const step of steps[kind] ?? []) await ip(step);
await ip('link set x0 up');
let device = 'lan';
if (kind === 'vlan') {
  // The client is on that VLAN, too.
  device = 'lan5';
  await lan.client(...'ip link add link lan name lan5 type vlan id 5'.split(' '));
  await lan.client('ip', 'address', 'add', lan.prefix(5), 'dev', device, ...lan.nodad);
  await lan.client('ip', 'link', 'set', device, 'up');
}
const result = { isOn: await node.isOn(lan.host(120), 'x0'), found: await lan.found(lan.host(120), device) };
ended.abort();
lan.end();
process.stdout.write(JSON.stringify(result));
