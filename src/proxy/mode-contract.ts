/**
 * What every mode does, in a real kernel: connections of the node itself show it. To be run alone in fresh network and
 * mount namespaces, as `testing/mode-contract.fixture.ts` does.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { codeOf } from '../lib/errors.ts';
import { IP_FAMILIES, type IPFamily, mustParseIP } from '../lib/ip.ts';
import { TransactionError } from '../netfilter/netfilter.ts';
import { type Forwarding, type Frontend, frontendKey } from './forwarding/forwarding.ts';
import { ForwardingTable } from './forwarding/forwarding-table.ts';
import { type Localities, localitiesOf } from './locality.ts';
import type { Mode } from './mode.ts';

export interface ModeSubject {
  /** A mode that serves both families, as a run of the program opens it. */
  readonly open: (localities: Localities) => Promise<Mode>;
  /** What someone else may do to rules of ours; each is a command line. */
  readonly damages: readonly (readonly string[])[];
  /** Put rules there that are not ours, and translate addresses in both families. */
  readonly strangers: readonly (readonly string[])[];
  /** All rules in the kernel, as text. */
  readonly dump: () => string;
}

const NODE = { IPv4: '192.168.50.1', IPv6: 'fd00:50::1' } as const;
const VIP = { IPv4: '10.96.0.10', IPv6: 'fd00:10:96::10' } as const;
const GUESTS = {
  IPv4: ['10.244.1.5', '10.244.1.6', '10.244.1.7'],
  IPv6: ['fd00:10:244:1::5', 'fd00:10:244:1::6', 'fd00:10:244:1::7'],
} as const;
const LOCALITIES = localitiesOf({ podCIDRs: [], clusterCIDRs: [] });
/** Enough connections to see each of three endpoints: who is left out of 40 was not there, but for one in ten million. */
const ENOUGH = 40;

/** Where guests live: each address is one of the node's own, with a server. */
function buildNode(): void {
  const run = (...argv: string[]) => execFileSync(argv[0] ?? '', argv.slice(1));
  run('mount', '-t', 'tmpfs', 'tmpfs', '/run');
  run('ip', 'link', 'set', 'lo', 'up');
  run('ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'wire');
  run('ip', 'link', 'set', 'wire', 'up');
  run('ip', 'addr', 'add', `${NODE.IPv4}/24`, 'dev', 'lan');
  run('ip', 'addr', 'add', `${NODE.IPv6}/64`, 'dev', 'lan', 'nodad');
  run('ip', 'link', 'set', 'lan', 'up');
  for (const family of IP_FAMILIES) {
    for (const ip of GUESTS[family]) run('ip', 'addr', 'add', ip, 'dev', 'lo', ...(family === 'IPv6' ? ['nodad'] : []));
    run('ip', family === 'IPv4' ? '-4' : '-6', 'route', 'add', 'default', 'dev', 'lan');
  }
}

async function listen(ip: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(ip);
    socket.on('data', () => socket.write('still'));
  });
  server.listen(8080, ip);
  await once(server, 'listening');
  assert.equal((server.address() as AddressInfo).port, 8080);
  return server;
}

/** Who answers, or why nobody does. */
async function ask(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  try {
    const [data] = await once(socket, 'data');
    return String(data);
  } catch (error) {
    return codeOf(error) ?? 'unknown';
  } finally {
    socket.destroy();
  }
}

async function whoAnswers(host: string, port: number): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < ENOUGH; i++) seen.add(await ask(host, port));
  return [...seen].sort();
}

function frontend(family: IPFamily, endpoints: readonly string[], more: Partial<Frontend> = {}): Frontend {
  return {
    family,
    audience: 'anyone',
    entrance: { kind: 'address', ip: VIP[family] },
    protocol: 'tcp',
    port: 80,
    endpoints: endpoints.map((ip) => ({ ip, port: 8080, local: false })),
    masquerade: 'node',
    unavailable: 'refuse',
    ...more,
  };
}

function forwarding(...frontends: readonly Frontend[]): Forwarding {
  return {
    frontends: new Map(frontends.map((one) => [frontendKey(one), one])),
    virtualAddresses: [
      ...new Set(frontends.flatMap(({ entrance }) => (entrance.kind === 'address' ? [entrance.ip] : []))),
    ],
    rank: '',
  };
}

function newTable(): ForwardingTable {
  const table = new ForwardingTable(IP_FAMILIES);
  table.setNodeAddresses(Object.values(NODE).map(mustParseIP));
  return table;
}

const inBoth = (build: (family: IPFamily) => Frontend) => forwarding(...IP_FAMILIES.map(build));
/** The first so many guests. */
const guests = (family: IPFamily, count: number) => GUESTS[family].slice(0, count);

export function modeContract(name: string, subject: ModeSubject): void {
  describe(`Mode: ${name}`, { timeout: 180_000 }, () => {
    const servers: Server[] = [];
    let mode: Mode;
    let table: ForwardingTable;
    const set = (wanted: Forwarding | undefined, service = 'default/web') => table.set(service, wanted);
    const change = () => mode.change(table.takeChanges());
    const load = async (wanted: Forwarding) => {
      table = newTable();
      set(wanted);
      table.takeChanges();
      await mode.load(table);
    };
    const expectAnswers = async (count: number) => {
      for (const family of IP_FAMILIES) assert.deepEqual(await whoAnswers(VIP[family], 80), guests(family, count));
    };

    const addStrangers = () => {
      for (const [program = '', ...argv] of subject.strangers) execFileSync(program, argv);
    };

    before(async () => {
      buildNode();
      for (const family of IP_FAMILIES) for (const ip of GUESTS[family]) servers.push(await listen(ip));
      mode = await subject.open(LOCALITIES);
    });
    after(() => {
      for (const server of servers) server.close();
    });

    test('serves both families', () => {
      assert.deepEqual([...mode.families].sort(), [...IP_FAMILIES]);
    });

    test('a load leads to every endpoint and to nobody else', async () => {
      await load(inBoth((family) => frontend(family, guests(family, 3))));
      await expectAnswers(3);
      assert(await mode.intact());
    });

    test('a load takes the place of all that was there before', async () => {
      await load(inBoth((family) => frontend(family, guests(family, 1), { port: 81 })));
      for (const family of IP_FAMILIES) {
        assert.equal(await ask(VIP[family], 80), 'ECONNREFUSED');
        assert.equal(await ask(VIP[family], 81), GUESTS[family][0]);
      }
    });

    test('changes come and go: endpoints, Services, and node ports', async () => {
      await load(inBoth((family) => frontend(family, guests(family, 1))));
      set(inBoth((family) => frontend(family, guests(family, 2))));
      await change();
      await expectAnswers(2);
      const open = inBoth((family) =>
        frontend(family, guests(family, 2), { entrance: { kind: 'node-port' }, port: 30080 }),
      );
      set(open, 'default/open');
      await change();
      for (const family of IP_FAMILIES) assert.deepEqual(await whoAnswers(NODE[family], 30080), guests(family, 2));
      table.setNodeAddresses([]);
      await change();
      for (const family of IP_FAMILIES) assert.equal(await ask(NODE[family], 30080), 'ECONNREFUSED');
      table.setNodeAddresses(Object.values(NODE).map(mustParseIP));
      set(undefined, 'default/open');
      await change();
      for (const family of IP_FAMILIES) assert.equal(await ask(NODE[family], 30080), 'ECONNREFUSED');
      await expectAnswers(2);
      assert(await mode.intact());
    });

    test('without endpoints, connections are refused at once, and served again when there are some', async () => {
      await load(inBoth((family) => frontend(family, guests(family, 2))));
      set(inBoth((family) => frontend(family, [])));
      await change();
      for (const family of IP_FAMILIES) assert.equal(await ask(VIP[family], 80), 'ECONNREFUSED');
      set(inBoth((family) => frontend(family, guests(family, 1))));
      await change();
      await expectAnswers(1);
    });

    test('only allowed sources reach what is limited', async () => {
      await load(
        inBoth((family) =>
          frontend(family, guests(family, 1), { sources: [`${NODE[family]}/${family === 'IPv4' ? 32 : 128}`] }),
        ),
      );
      await expectAnswers(1);
    });

    test('session affinity leads a client to one endpoint', async () => {
      await load(inBoth((family) => frontend(family, guests(family, 3), { affinity: 60 })));
      for (const family of IP_FAMILIES) assert.equal((await whoAnswers(VIP[family], 80)).length, 1);
      set(inBoth((family) => frontend(family, guests(family, 3))));
      await change();
      await expectAnswers(3);
    });

    for (const refused of [IP_FAMILIES, ...IP_FAMILIES.map((family) => [family])]) {
      test(`a change that is refused for ${refused.join(' and ')} is as if it had not been made`, async () => {
        await load(inBoth((family) => frontend(family, guests(family, 2))));
        const before = subject.dump();
        set(inBoth((family) => frontend(family, refused.includes(family) ? ['no address at all'] : guests(family, 3))));
        // A Service that is new besides: in tables of its own, where a mode has several.
        set(
          inBoth((family) => frontend(family, [], { port: 82 })),
          'default/new',
        );
        await assert.rejects(change(), TransactionError);
        assert.equal(subject.dump(), before);
        assert(await mode.intact());
        await expectAnswers(2);
        set(inBoth((family) => frontend(family, guests(family, 2))));
        set(undefined, 'default/new');
        table.takeChanges();
        set(inBoth((family) => frontend(family, guests(family, 3))));
        await change();
        await expectAnswers(3);
      });
    }

    // A kernel tracks and translates while somebody has rules for it: strangers have some here.
    test('established connections go on through changes, loads and removal', { timeout: 60_000 }, async () => {
      await load(inBoth((family) => frontend(family, guests(family, 1))));
      const sockets: Socket[] = [];
      for (const family of IP_FAMILIES) {
        const socket = connect({ host: VIP[family], port: 80 });
        await once(socket, 'data');
        sockets.push(socket);
      }
      const goOn = async () => {
        for (const socket of sockets) {
          socket.write('?');
          const [data] = await once(socket, 'data');
          assert.equal(String(data), 'still');
        }
      };
      set(inBoth((family) => frontend(family, [])));
      await change();
      await goOn();
      await load(inBoth((family) => frontend(family, guests(family, 3).slice(1))));
      await goOn();
      addStrangers();
      await mode.remove();
      await goOn();
      for (const socket of sockets) socket.destroy();
    });

    for (const damage of subject.damages) {
      test(`notices what others take away, and a load puts it back: ${damage.join(' ')}`, async () => {
        await load(inBoth((family) => frontend(family, guests(family, 2))));
        assert(await mode.intact());
        execFileSync(damage[0] ?? '', damage.slice(1));
        assert.equal(await mode.intact(), false);
        await mode.load(table);
        assert(await mode.intact());
        await expectAnswers(2);
      });
    }

    test('another run finds what this one left, and goes on from it', async () => {
      // As a history may leave them: in another order than a run that begins would give them.
      await load(inBoth((family) => frontend(family, [...guests(family, 2)].reverse())));
      const before = subject.dump();
      const next = await subject.open(LOCALITIES);
      table = newTable();
      table.recallBy(await next.recall?.());
      set(inBoth((family) => frontend(family, guests(family, 2))));
      table.takeChanges();
      await next.load(table);
      assert.equal(subject.dump(), before);
      assert(await next.intact());
      set(inBoth((family) => frontend(family, guests(family, 1))));
      await next.change(table.takeChanges());
      await expectAnswers(1);
      mode = next;
    });

    test('removal takes all that is ours and nothing else', async () => {
      await mode.remove();
      addStrangers();
      const before = subject.dump();
      await load(inBoth((family) => frontend(family, guests(family, 2))));
      assert.notEqual(subject.dump(), before);
      addStrangers();
      assert(await mode.intact());
      await mode.remove();
      await mode.remove();
      const left = subject.dump();
      assert.doesNotMatch(left, /postern/i);
      assert.equal(distinct(left), distinct(before));
    });
  });
}

/** Strangers were put there twice. */
const distinct = (dump: string): string => [...new Set(dump.split('\n'))].join('\n');
