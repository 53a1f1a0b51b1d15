/** For tests on real interfaces: a node's announcer, and a LAN with a client and a stranger, in namespaces of their own. */
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
import { Announcer } from './announcer.ts';
import { L2Stats } from './stats.ts';

/** Runs a program to its end, and resolves with what it printed. */
export type Run = (...args: readonly string[]) => Promise<string>;

export const MAC = '02:00:00:00:00:01';
export const STRANGER = '02:00:00:00:00:ee';
/** The client's interface is also the switch: a bridge. */
export const CLIENT_MAC = '02:00:00:00:00:99';

const exec = promisify(execFile);

/** Resolves with false when something does not come to hold within some seconds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 300; i++) {
    if (await holds()) return true;
    await setTimeout(10);
  }
  return false;
}

/** The node is the namespace of this process, which must be one made for the test. */
export class TestLan {
  readonly family: IPFamily;
  readonly node: Run = (file = '', ...args) => exec(file, args).then(({ stdout }) => stdout);
  readonly #sleepers: ReturnType<typeof spawn>[] = [];
  #client = '';
  #stranger = '';

  constructor(family: IPFamily) {
    this.family = family;
  }

  /** Process that holds the client's namespace. */
  get clientPid(): string {
    return this.#client;
  }

  readonly client: Run = (...args) => this.node('nsenter', '-t', this.#client, '-n', ...args);
  readonly stranger: Run = (...args) => this.node('nsenter', '-t', this.#stranger, '-n', ...args);

  /** Hosts 1, 2 and 3 are the node at eth0, the client at lan, and the stranger at other0. */
  async start(): Promise<void> {
    this.#client = await this.#namespace();
    this.#stranger = await this.#namespace();
    await this.client('ip', 'link', 'add', 'lan', 'address', CLIENT_MAC, 'type', 'bridge', 'mcast_snooping', '0');
    await this.plug('eth0', MAC);
    await this.plug('other0', STRANGER);
    await this.node('ip', 'link', 'set', 'other0', 'netns', this.#stranger);
    const hosts = [
      [this.node, 'eth0'],
      [this.client, 'lan'],
      [this.stranger, 'other0'],
    ] as const;
    for (const [i, [run, device]] of hosts.entries()) {
      await run('ip', 'address', 'add', this.prefix(i + 1), 'dev', device, ...this.nodad);
      await run('ip', 'link', 'set', device, 'up');
    }
  }

  end(): void {
    for (const sleeper of this.#sleepers) sleeper.kill();
  }

  /** Has the kernel use an address without asking whether somebody has it. */
  get nodad(): readonly string[] {
    return this.family === 'IPv6' ? ['nodad'] : [];
  }

  /** The address of a host on this LAN. */
  host(number: number): string {
    return this.family === 'IPv4' ? `192.168.77.${number}` : `fd77::${number}`;
  }

  prefix(number: number): string {
    return `${this.host(number)}/${this.family === 'IPv4' ? 24 : 64}`;
  }

  /** Puts a new interface of the node on the LAN; the other end of its cable is `port-NAME`. */
  async plug(name: string, mac: string): Promise<void> {
    await this.node('ip', 'link', 'add', name, 'address', mac, 'type', 'veth', 'peer', 'name', `port-${name}`);
    await this.node('ip', 'link', 'set', `port-${name}`, 'netns', this.#client);
    await this.client('ip', 'link', 'set', `port-${name}`, 'master', 'lan', 'up');
  }

  /** Who answers the client, by MAC: the usual tools are asked, and may be answered by several. */
  async whoHas(address: string, device = 'lan'): Promise<readonly string[]> {
    const said = (error: unknown) => String((error as { readonly stdout?: string }).stdout);
    const out =
      this.family === 'IPv4'
        ? await this.client('arping', '-c', '1', '-w', '1', '-I', device, address).catch(said)
        : await this.client('ndisc6', '-m', '-q', '-r', '1', '-w', '150', address, device).catch(said);
    const macs = out.toLowerCase().match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g) ?? [];
    return [...new Set(macs)].sort();
  }

  /** The same where an answer is expected: a switch may take a second to notice that a cable has been plugged in. */
  async found(address: string, device = 'lan'): Promise<readonly string[]> {
    let macs: readonly string[] = [];
    for (let i = 0; i < 3 && macs.length === 0; i++) macs = await this.whoHas(address, device);
    return macs;
  }

  /** The MAC that the client's kernel has for an address. */
  async neighbor(address: string): Promise<string | undefined> {
    return /lladdr (\S+)/.exec(await this.client('ip', 'neigh', 'show', address, 'dev', 'lan'))?.[1];
  }

  /** Makes the client believe that an address is where it is not any more. */
  async deceive(address: string, mac: string): Promise<void> {
    await this.client('ip', 'neigh', 'replace', address, 'lladdr', mac, 'nud', 'stale', 'dev', 'lan');
  }

  /** Sends raw frames from an interface of a namespace. */
  async send(run: Run, device: string, ...frames: readonly Uint8Array[]): Promise<void> {
    const sender = fileURLToPath(new URL('frame-sender.fixture.ts', import.meta.url));
    await run(process.execPath, sender, device, ...frames.map((frame) => Buffer.from(frame).toString('hex')));
  }

  async #namespace(): Promise<string> {
    const sleeper = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' });
    this.#sleepers.push(sleeper);
    const pid = String(sleeper.pid);
    while (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) await setTimeout(5);
    return pid;
  }
}

/** Real time, but that long waits are short. */
const HASTE: Clock = {
  ...systemClock,
  sleep: (duration, signal) => systemClock.sleep(duration > 5000 ? duration / 8 : duration, signal),
};

/** The announcer of the node, with eth0 as its default interface; everybody else is a stranger to it. */
export class TestAnnouncer {
  readonly stats = new L2Stats();
  readonly conflicts: string[] = [];
  readonly announcer: Announcer;

  private constructor(links: Awaited<ReturnType<typeof openLinkWatch>>, signal: AbortSignal, own: readonly string[]) {
    this.announcer = new Announcer({
      links,
      openSocket: openPacketSocket,
      openGroups: openMulticastGroups,
      clock: HASTE,
      log: silentLogger,
      stats: this.stats,
      onClaim: () => 'stranger',
      onConflict: (conflict, state) => {
        this.conflicts.push(`${state} ${conflict.address} ${conflict.interface} ${conflict.mac}`);
      },
      onChange: () => {},
    });
    this.announcer.start(signal);
    this.announcer.setReach({ defaults: ['eth0'], allowed: undefined, own });
  }

  static async start(own: readonly string[], signal: AbortSignal): Promise<TestAnnouncer> {
    return new TestAnnouncer(await openLinkWatch(silentLogger, signal), signal, own);
  }

  announce(address: string, how: { readonly probe?: boolean; readonly interfaces?: readonly string[] } = {}): void {
    const { probe = false, interfaces } = how;
    this.announcer.set(address, { ip: mustParseIP(address), interfaces, services: [] }, { probe });
  }

  /** Whether an address comes to be answered for on these interfaces and no others. */
  isOn(address: string, ...names: readonly string[]): Promise<boolean> {
    return until(() => this.announcer.get(address)?.interfaces.join() === names.join());
  }
}
