/** One firewall, in a namespace of its own: what the keeper of a node tells it, and how long that takes. Prints milliseconds. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Service } from '../../src/api/core/v1/service.ts';
import { fakeClient } from '../../src/client/fake.ts';
import type { FirewallBackend } from '../../src/firewall/backend.ts';
import { startFirewall } from '../../src/firewall/firewall.ts';
import { openSystemBus } from '../../src/firewall/firewalld/bus.ts';
import { openFirewalld } from '../../src/firewall/firewalld/firewalld.ts';
import { FirewalldHost } from '../../src/firewall/firewalld/testing/host.ts';
import { iptablesFirewall } from '../../src/firewall/iptables/iptables-firewall.ts';
import { nftablesFirewall } from '../../src/firewall/nftables/nftables-firewall.ts';
import { ADMINISTRATOR } from '../../src/firewall/nftables/testing.ts';
import { service } from '../../src/firewall/testing.ts';
import { openLibnftables } from '../../src/host/libnftables.ts';
import { silentLogger } from '../../src/host/log.ts';
import { openIptables } from '../../src/netfilter/iptables/kernel.ts';
import { input, output } from '../proxy/namespace.ts';

export interface Task {
  readonly firewall: 'nftables' | 'iptables' | 'firewalld';
  readonly services: number;
  readonly changes: number;
}

export interface Seen {
  /** Of all Services, from nothing. */
  readonly load: number;
  /** By another run, which finds all of it there. */
  readonly again: number;
  /** From a Service's creation until the firewall has taken it. */
  readonly opened: readonly number[];
  readonly closed: readonly number[];
  /** Share of a core that is used while nothing changes, in percent. */
  readonly idle: number;
}

/** Seconds of looking at what is used while nothing changes. */
const IDLE = 5;

const task = input<Task>();
const ending = new AbortController();

async function open(): Promise<FirewallBackend> {
  if (task.firewall === 'firewalld') {
    return openFirewalld({ interfaces: ['lan0'], log: silentLogger, signal: ending.signal });
  }
  const nft = await openLibnftables();
  if (task.firewall === 'nftables') return nftablesFirewall({ nft });
  return iptablesFirewall({ iptables: await openIptables(), nft });
}

async function prepare(): Promise<() => Promise<void>> {
  if (task.firewall === 'firewalld') {
    const host = new FirewalldHost();
    await host.start();
    return () => host.stop();
  }
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']); // The lock that all of iptables share.
  mkdirSync('/run/lock');
  if (task.firewall === 'nftables') execFileSync('nft', ['-f', '-'], { input: ADMINISTRATOR });
  else for (const chain of ['INPUT', 'FORWARD']) execFileSync('iptables', ['-P', chain, 'DROP']);
  return async () => {};
}

const exposed = (name: string, nodePort: number) =>
  service(name, { type: 'NodePort', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort }] });

/** Resolves when the backend has next taken a change. */
class Noted {
  #took: () => void = () => {};

  of(backend: FirewallBackend): FirewallBackend {
    return new Proxy(backend, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...given: readonly unknown[]) => {
          const answer: unknown = await Reflect.apply(value, target, given);
          if (name === 'change' || name === 'load') this.#took();
          return answer;
        };
      },
    });
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#took = resolve;
    });
  }
}

/**
 * Milliseconds until what applies now is changed, after `change`. Resolves once everything is done: firewalld goes on to write it
 * down for its next start.
 */
async function timed(change: () => void): Promise<number> {
  const taken = noted.next();
  const began = performance.now();
  let applied: number | undefined;
  applies = () => {
    applied ??= performance.now() - began;
  };
  change();
  await taken;
  return applied ?? performance.now() - began;
}

/** Called when firewalld says that what applies now is changed. */
let applies = () => {};

async function listenToFirewalld(): Promise<void> {
  const bus = await openSystemBus();
  bus.onSignal(({ member }) => {
    if (member === 'RichRuleAdded' || member === 'RichRuleRemoved') applies();
  });
  await bus.subscribe("type='signal',interface='org.fedoraproject.FirewallD1.zone'");
}

const cleanUp = await prepare();
if (task.firewall === 'firewalld') await listenToFirewalld();
const noted = new Noted();
const backend = noted.of(await open());
const client = fakeClient(Array.from({ length: task.services }, (_, i) => exposed(`s${i}`, 20_000 + i)));
const options = {
  ...{
    client,
    nodeName: 'node1',
    nodeAddresses: ['192.168.50.1'],
    heartbeatPort: undefined,
    policy: 'managed' as const,
  },
  log: silentLogger,
};

/** Milliseconds until everything is told. */
async function start(signal: AbortSignal): Promise<number> {
  const began = performance.now();
  await startFirewall({ ...options, backend }, signal).synced;
  return performance.now() - began;
}

const first = new AbortController();
const load = await start(first.signal);
first.abort();
const again = await start(ending.signal);

const [opened, closed]: [number[], number[]] = [[], []];
for (let i = 0; i < task.changes; i++) {
  for (const [samples, change] of [
    [opened, () => void client.seed(exposed('new', 30_000 + i))],
    [closed, () => client.remove(Service, { namespace: 'n', name: 'new' })],
  ] as const) {
    samples.push(await timed(change));
  }
}

// What follows a change, such as a look at whether it is open, is over by then.
await pause(3000);
const before = process.cpuUsage();
await pause(IDLE * 1000);
const { user, system } = process.cpuUsage(before);
const result: Seen = { load, again, opened, closed, idle: (user + system) / (IDLE * 10_000) };
ending.abort();
await cleanUp();
output(result);
process.exit();
