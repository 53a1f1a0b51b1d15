// Runs alone in a network namespace of its own; prints what happened as JSON.
import { execFileSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { arpFilter } from './packet-filter.ts';
import { openPacketSocket } from './packet-socket.ts';

const ip = (...args: string[]) => execFileSync('ip', args);
ip('link', 'add', 'left', 'address', '02:00:00:00:00:01', 'type', 'veth', 'peer', 'name', 'right');
// No IPv6: the kernel's own multicasts would mix with ours.
for (const name of ['left', 'right']) {
  execFileSync('sysctl', ['-qw', `net.ipv6.conf.${name}.disable_ipv6=1`]);
  ip('link', 'set', name, 'up');
}

const left = await openPacketSocket({ interface: 'left', etherType: 0x0806, filter: arpFilter([1]) });
const right = await openPacketSocket({ interface: 'right', etherType: 0x0806 });
const names = new Map([
  [1, 'request'],
  [2, 'reply'],
]);
const frame = (etherType: number, operation: number, to = 0xff) => {
  const bytes = new Uint8Array(60);
  bytes.fill(to, 0, 6);
  bytes.set(right.mac, 6);
  new DataView(bytes.buffer).setUint16(12, etherType);
  new DataView(bytes.buffer).setUint16(20, operation);
  return bytes;
};

const received: string[] = [];
const first = Promise.withResolvers<void>();
const gone = Promise.withResolvers<string>();
left.onFrame(
  (bytes) => {
    received.push(names.get(new DataView(bytes.buffer).getUint16(20)) ?? 'other');
    first.resolve();
  },
  (error) => gone.resolve(error.name),
);
right.send(frame(0x0806, 2));
right.send(frame(0x0800, 1));
right.send(frame(0x0806, 1));
await first.promise;

// A second socket on the same wire hears a group once it has joined it.
const group = await openPacketSocket({ interface: 'left', etherType: 0x0806 });
const multicast = Promise.withResolvers<string>();
group.join('33:33:33:33:33:33');
group.onFrame(
  () => multicast.resolve('multicast'),
  () => {},
);
right.send(frame(0x0806, 2, 0x33));
const afterJoin = [await multicast.promise];
group.leave('33:33:33:33:33:33');
group.close();

ip('link', 'del', 'left');
const linkGone = await Promise.race([gone.promise, setTimeout(5000, 'nothing', { ref: false })]);
right.close();
const noSuch = await openPacketSocket({ interface: 'nope0', etherType: 0x0806 }).catch((error: Error) => error.message);
process.stdout.write(
  JSON.stringify({
    received,
    ownMac: Buffer.from(left.mac).toString('hex') === '020000000001',
    afterJoin,
    linkGone,
    noSuch,
  }),
);
