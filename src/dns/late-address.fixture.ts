// Runs alone in a network namespace of its own; prints what dig saw before and after the addresses came.
import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fakeClient } from '../client/fake.ts';
import { silentLogger } from '../host/log.ts';
import { startDNS } from './dns.ts';
import { service } from './testing.ts';

const exec = promisify(execFile);
await exec('ip', ['link', 'set', 'lo', 'up']);
const ended = new AbortController();
const addresses = ['10.244.1.1', 'fd00:10:244:1::1'];
const dns = await startDNS(
  {
    client: fakeClient([service('web', { clusterIPs: ['10.96.0.10'] })]),
    listen: addresses.map((address) => ({ address, port: 53 })),
    clusterDomain: 'cluster.local',
    upstream: [],
    log: silentLogger,
  },
  ended.signal,
);
await dns.synced;
const early = dns.addresses();
for (const [i, address] of addresses.entries()) {
  await exec('ip', ['address', 'add', `${address}/${i === 0 ? 24 : 64}`, 'dev', 'lo']);
}
while (dns.addresses().length < addresses.length) await setTimeout(10);
const answers = [];
for (const address of addresses) {
  for (const transport of ['+notcp', '+tcp']) {
    const { stdout } = await exec('dig', [`@${address}`, '+short', '+tries=1', transport, 'web.ns.svc.cluster.local']);
    answers.push(stdout.trim());
  }
}
ended.abort();
process.stdout.write(JSON.stringify({ early, answers }));
