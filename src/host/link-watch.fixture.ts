// Runs alone in a network namespace of its own; prints what the kernel told of each step as JSON.
import { execFileSync } from 'node:child_process';
import { printMAC } from '../lib/mac.ts';
import { type LinkChange, openLinkWatch } from './link-watch.ts';
import { silentLogger } from './log.ts';

const ip = (command: string) => execFileSync('ip', command.split(' '));
ip('link add eth0 address 02:00:00:00:00:01 type veth peer name far0');
ip('address add 192.0.2.1/24 dev eth0');

const ended = new AbortController();
const watch = await openLinkWatch(silentLogger, ended.signal);
const show = (name: string) => {
  const link = watch.links.get(name);
  if (link === undefined) return 'gone';
  const { mac, kind, master, up, carrier, addresses } = link;
  const stable = addresses.filter((address) => !address.startsWith('fe80:'));
  const port = master === undefined ? [] : ['port'];
  const state = up ? (carrier ? 'carrier' : 'up') : 'down';
  return [mac && printMAC(mac), kind ?? '', state, ...port, ...stable].join(' ');
};
const seen: string[] = [];
let announced = 0;
let holds: (change: LinkChange) => void = () => {};
watch.onChange((change) => {
  if (change.announce) announced++;
  holds(change);
});
/** Does something, and waits until the kernel has told of it. */
const step = async (does: string, name: string, expected: RegExp) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  holds = () => {
    if (expected.test(show(name))) resolve();
  };
  for (const command of does.split('; ')) ip(command);
  const late = setTimeout(() => resolve(), 3000);
  await promise;
  clearTimeout(late);
  seen.push(show(name));
};

seen.push(show('eth0'));
await step('link set eth0 up', 'eth0', /up/);
await step('link set far0 up', 'eth0', /carrier/);
await step('address add 2001:db8::1/64 dev eth0 nodad', 'eth0', /2001/);
await step(
  'address add 192.0.2.1/16 dev eth0; address del 192.0.2.1/16 dev eth0; address add 192.0.2.9/24 dev eth0',
  'eth0',
  /\.9/,
);
await step('address flush dev eth0 scope global; address add 2001:db8::1/64 dev eth0 nodad', 'eth0', /carrier 2001/);
await step('link set eth0 address 02:00:00:00:00:07', 'eth0', /:07/);
await step('link add br0 address 02:00:00:00:00:0b type bridge; link set eth0 master br0', 'eth0', /port/);
seen.push(show('br0'));
await step('link set eth0 nomaster', 'eth0', /carrier (?!port)/);
await step('link set eth0 down; link set eth0 name lan0', 'lan0', /down/);
seen.push(show('eth0'));
await step('link add mv0 link lan0 type macvlan mode bridge', 'mv0', /macvlan/);
await step('link del lan0', 'lan0', /gone/);
seen.push(show('mv0'));
// More than the socket holds while nobody reads it: the kernel drops the rest, and says so.
for (let i = 0; i < 150; i++) ip(`link add v${i} type veth peer name w${i}`);
await step('link add last type bridge', 'last', /bridge/);
seen.push(String([...watch.links.keys()].filter((name) => /^[vw]\d/.test(name)).length));
ended.abort();
process.stdout.write(JSON.stringify({ seen, announced }));
