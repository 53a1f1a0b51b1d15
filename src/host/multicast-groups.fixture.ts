// Runs alone in a network namespace of its own; prints what was joined and reported as JSON.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { processorTime } from '../../test/support/processor-time.ts';
import { ipFromBytes, printIP } from '../lib/ip.ts';
import { openMulticastGroups } from './multicast-groups.ts';
import { icmpv6Filter } from './packet-filter.ts';
import { openPacketSocket } from './packet-socket.ts';

const COUNT = 3000;
const ip = (command: string) => execFileSync('ip', command.split(' '));
try {
  // As much as kernels have that are older than 6.9.
  writeFileSync('/proc/sys/net/core/optmem_max', '20480');
} catch {
  // Here it is one for the whole machine, and not ours to change.
}
ip('link add eth0 type veth peer name far0');
for (const name of ['eth0', 'far0']) ip(`link set ${name} up`);

/** Groups that a switch between the two has been told of: RFC 3810 section 5.2. */
const reported = new Set<string>();
const far = await openPacketSocket({
  interface: 'far0',
  etherType: 0x86dd,
  multicast: ['33:33:00:00:00:16'],
  filter: icmpv6Filter([], [143]),
});
far.onFrame(
  (frame) => {
    const report = frame.subarray(14 + 40 + 8);
    const records = new DataView(report.buffer, report.byteOffset).getUint16(6);
    for (let i = 0, at = 8; i < records; i++, at += 20) {
      const group = ipFromBytes(report.subarray(at + 4, at + 20));
      if (group !== undefined) reported.add(printIP(group));
    }
  },
  (error) => {
    throw error;
  },
);

const groups = await openMulticastGroups('eth0');
const wanted = Array.from({ length: COUNT }, (_, i) => `ff02::1:ff77:${(i + 1).toString(16)}`);
const isOurs = (line: string) => / ff0200000000000000000001ff77/.test(line);
const joined = () => readFileSync('/proc/net/igmp6', 'utf8').split('\n').filter(isOurs).length;
const soon = async (count: number) => {
  for (let i = 0; i < 300 && joined() !== count; i++) await setTimeout(10);
  return joined();
};
const result: Record<string, unknown> = {};
let slowest = 0;
for (const group of wanted) {
  const start = processorTime();
  groups.join(group);
  slowest = Math.max(slowest, processorTime() - start);
}
result['joined'] = joined();
result['slowest'] = slowest;
for (let i = 0; i < 300 && !wanted.every((group) => reported.has(group)); i++) await setTimeout(10);
result['reported'] = wanted.filter((group) => reported.has(group)).length;

groups.join(wanted[0] ?? '');
for (const group of wanted.slice(0, 1000)) groups.leave(group);
groups.join(wanted[999] ?? '');
result['left'] = await soon(2002);
for (const group of wanted.slice(0, 1000)) groups.join(group);
result['again'] = joined();
groups.close();
result['closed'] = await soon(0);
far.close();

execFileSync('sysctl', ['-qw', 'net.ipv6.conf.eth0.disable_ipv6=1']);
ip('link set eth0 mtu 1000');
const off = await openMulticastGroups('eth0');
try {
  off.join('ff02::1:ff00:1');
} catch (error) {
  result['off'] = String(error);
}
process.stdout.write(JSON.stringify(result));
