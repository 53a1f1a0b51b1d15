// Runs alone in a network namespace of its own: servers are stopped, killed and cut off while a client reads and follows. Prints what it saw as JSON.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lease } from '../api/coordination/v1/lease.ts';
import { silentLogger } from '../host/log.ts';
import { createClient } from './http-client.ts';
import { Informer } from './informer.ts';

const PORT = '7443';
const zero = String(Date.now() - 10_000);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
execFileSync('nft', ['-f', '-'], {
  input: `table inet cut {
    set gone { type ipv4_addr; }
    chain input { type filter hook input priority 0; ip daddr @gone drop; ip saddr @gone drop; }
  }`,
});

const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;
type Host = (typeof hosts)[number];
const servers = new Map<Host, ChildProcess>();
async function start(host: Host): Promise<void> {
  const server = fork(new URL('failover-server.program.ts', import.meta.url), [host, PORT, zero]);
  servers.set(host, server);
  await once(server, 'message');
}
for (const host of hosts) await start(host);

const client = createClient({
  server: `http://127.0.0.1:${PORT}`,
  otherServers: hosts.slice(1).map((host) => `http://${host}:${PORT}`),
});
const ended = new AbortController();
const gaps = { reads: 0, changes: 0 };
const inARow = { isSo: true, last: 0 };
let changedAt = performance.now();
const leases = new Informer({ client, kind: Lease, log: silentLogger });
leases.start(ended.signal);
await leases.synced;
inARow.last = Number(leases.get('ns/a')?.metadata.resourceVersion);
leases.onChange(({ object, previous }) => {
  if (previous === undefined) return;
  const revision = Number(object?.metadata.resourceVersion);
  inARow.isSo &&= revision === inARow.last + 1;
  inARow.last = revision;
  gaps.changes = Math.max(gaps.changes, performance.now() - changedAt);
  changedAt = performance.now();
});
const reading = (async () => {
  while (!ended.signal.aborted) {
    const began = performance.now();
    await client.get(Lease, { namespace: 'ns', name: 'a' });
    gaps.reads = Math.max(gaps.reads, performance.now() - began);
    await sleep(20);
  }
})();

/** The longest that a read took, and that no change was told of, from `act` until all is well again. */
async function after(act: () => void): Promise<{ readonly reads: number; readonly changes: number }> {
  Object.assign(gaps, { reads: 0, changes: 0 });
  act();
  await sleep(2600);
  return { reads: Math.round(gaps.reads), changes: Math.round(gaps.changes) };
}

const used = async (): Promise<Host> => {
  const { endpoint } = await client.servers.choose();
  return new URL(endpoint.server).hostname as Host;
};
const stop = await used();
const stopped = await after(() => servers.get(stop)?.kill('SIGSTOP'));
const kill = await used();
const killed = await after(() => servers.get(kill)?.kill('SIGKILL'));
servers.get(stop)?.kill('SIGCONT');
const cut = await used();
const cutOff = await after(() => execFileSync('nft', ['add', 'element', 'inet', 'cut', 'gone', `{ ${cut} }`]));
ended.abort();
await reading;
client.close();
for (const server of servers.values()) server.kill('SIGKILL');
process.stdout.write(
  JSON.stringify({ stopped, killed, cutOff, inARow: inARow.isSo, used: new Set([stop, kill, cut]).size }),
);
