/** firewalld, on a bus of its own: to be used alone in fresh namespaces, whose /run and /etc/firewalld it hides. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { NODE } from '../../contract.ts';
import { openSystemBus } from '../bus.ts';
import { FirewallD1 } from '../firewall-d1.ts';

/** Runs a program, and returns what it prints. */
export function run(program: string, ...argv: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')}: ${stderr || error?.message}`);
  return stdout;
}

/** firewall-cmd, as the administrator types it. */
export function firewallCmd(...argv: readonly string[]): string {
  return run('firewall-cmd', ...argv);
}

/** A bus that starts nothing, and on which anyone may do anything: whoever reaches it is root here. */
const BUS = `<busconfig>
  <type>system</type>
  <listen>unix:path=/run/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow user="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`;

/** The client's addresses: each is among those of the contract. */
const CLIENT = { IPv4: '192.168.50.7', IPv6: 'fd00:50::7' };
/** Addresses are there at once: nobody else is on the link. */
const NODAD = ['nodad'];
/** Ends with 0 once it is connected, and with 1 when that is refused, or not answered within a second. */
const CONNECT = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:net').connect({ host, port }, () => process.exit(0));
  socket.on('error', () => process.exit(1));
  setTimeout(() => process.exit(1), 1000);
`;

/** A machine that runs firewalld, with an interface in its default zone. */
export class FirewalldHost {
  #bus: ChildProcess | undefined;
  #firewalld: ChildProcess | undefined;

  async start(): Promise<void> {
    run('mount', '-t', 'tmpfs', 'tmpfs', '/run');
    run('ip', 'link', 'set', 'lo', 'up');
    run('ip', 'netns', 'add', 'client');
    run('ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan0', 'netns', 'client');
    for (const [at, addresses] of [
      [[], NODE],
      [['-n', 'client'], CLIENT],
    ] as const) {
      for (const address of Object.values(addresses))
        run(
          'ip',
          ...at,
          'address',
          'add',
          `${address}/${address.includes(':') ? '64' : '24'}`,
          'dev',
          'lan0',
          ...NODAD,
        );
      run('ip', ...at, 'link', 'set', 'lan0', 'up');
    }
    await this.startAlone();
  }

  /** The same on a machine that has its interfaces, and a /run of its own. */
  async startAlone(): Promise<void> {
    mkdirSync('/etc/firewalld', { recursive: true });
    run('mount', '-t', 'tmpfs', 'tmpfs', '/etc/firewalld');
    process.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/run/bus';
    await this.startBus();
    await this.startFirewalld();
  }

  /** Whether a client on the LAN gets a connection. */
  async connects(address: string, port: number): Promise<boolean> {
    const child = spawn('ip', ['netns', 'exec', 'client', process.execPath, '-e', CONNECT, address, String(port)]);
    const [status] = await once(child, 'exit');
    return status === 0;
  }

  async startBus(): Promise<void> {
    writeFileSync('/run/bus.conf', BUS);
    this.#bus = spawn('dbus-daemon', ['--config-file=/run/bus.conf', '--nofork', '--nopidfile'], { stdio: 'ignore' });
    await until('the bus answers', async () => {
      const bus = await openSystemBus();
      bus.close();
      return true;
    });
  }

  async stopBus(): Promise<void> {
    await end(this.#bus, 'SIGKILL');
  }

  async startFirewalld(): Promise<void> {
    this.#firewalld = spawn('firewalld', ['--nofork', '--nopid'], { stdio: 'ignore' });
    await until('firewalld answers', async () => {
      const firewalld = new FirewallD1(await openSystemBus());
      try {
        return (await firewalld.runs()) && (await firewalld.defaultZone()) !== '';
      } finally {
        firewalld.bus.close();
      }
    });
  }

  async stopFirewalld(): Promise<void> {
    await end(this.#firewalld, 'SIGTERM');
  }

  async stop(): Promise<void> {
    await this.stopFirewalld();
    await this.stopBus();
  }
}

/** Every setting of every zone and policy, as it applies now and as it applies after a reload. */
export async function dumpFirewalld(): Promise<string> {
  const bus = await openSystemBus();
  try {
    const name = 'org.fedoraproject.FirewallD1';
    const path = '/org/fedoraproject/FirewallD1';
    const call = async (at: string, from: string, member: string, ...body: readonly string[]) => {
      const args = body.length === 0 ? {} : { signature: 's', body };
      const [answer] = await bus.call({ destination: name, path: at, interface: name + from, member, ...args });
      return answer;
    };
    const texts: string[] = [];
    for (const zone of (await call(path, '.zone', 'getZones')) as readonly string[])
      texts.push(print(`zone ${zone}`, await call(path, '.zone', 'getZoneSettings2', zone)));
    for (const policy of (await call(path, '.policy', 'getPolicies')) as readonly string[])
      texts.push(print(`policy ${policy}`, await call(path, '.policy', 'getPolicySettings', policy)));
    for (const kind of ['zone', 'policy']) {
      const list = kind === 'zone' ? 'listZones' : 'listPolicies';
      for (const object of (await call(`${path}/config`, '.config', list)) as readonly string[]) {
        const settings = await call(object, `.config.${kind}`, kind === 'zone' ? 'getSettings2' : 'getSettings');
        texts.push(
          print(`permanent ${kind} ${JSON.stringify(settings).match(/"short".*?value":"(.*?)"/)?.[1]}`, settings),
        );
      }
    }
    return texts.sort().join('\n');
  } finally {
    bus.close();
  }
}

/** A line for each setting; lists are in no order. An empty list is as one that is not there. */
function print(what: string, settings: unknown): string {
  const lines = Object.entries(settings as Readonly<Record<string, { value: unknown }>>)
    .map(([key, { value }]) => [key, Array.isArray(value) ? value.map((one) => JSON.stringify(one)).sort() : value])
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(([key, value]) => `  ${key} ${JSON.stringify(value)}`);
  return [what, ...lines.sort()].join('\n');
}

/** Asks until it is so. What is asked may throw as long as it is not. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, limit = 20_000): Promise<void> {
  const last = Date.now() + limit;
  let why: unknown;
  while (Date.now() < last) {
    try {
      if (await isSo()) return;
    } catch (error) {
      why = error;
    }
    await pause(20);
  }
  throw new Error(`not within ${limit} ms: ${what}`, { cause: why });
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exit;
}
