// Connections to a node behind a router that drops some and refuses others. Runs alone in fresh namespaces: see connect.test.ts.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Event } from '../../api/core/v1/event.ts';
import { fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { FakeClock } from '../../host/clock.ts';
import { openLibnftables } from '../../host/libnftables.ts';
import { silentLogger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { skipWithoutPrograms } from '../../host/testing/in-namespace.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { service } from '../testing.ts';
import { connector } from './connect.ts';
import { Refusals } from './refusals.ts';
import { slice, tryingNode } from './testing.ts';
import { layTriesTable, pastProxy, removeTriesTable } from './untranslated.ts';
import { startVerifier } from './verifier.ts';

const TRIER = { IPv4: '192.168.60.2', IPv6: 'fd00:60::2' } as const;
const ROUTER = { IPv4: ['192.168.60.1', '192.168.61.1'], IPv6: ['fd00:60::1', 'fd00:61::1'] } as const;
const TARGET = { IPv4: '192.168.61.2', IPv6: 'fd00:61::2' } as const;

/** Ports of the target, by what becomes of connections to them. */
const PORTS = {
  open: 8080,
  closed: 8081,
  dropped: 8082,
  prohibited: 8083,
  refused: 8084,
  kept: 8085,
  translated: 8086,
} as const;

const nft = (namespace: string | undefined, hook: string, rules: string) => {
  const chain = `chain c { type filter hook ${hook} priority filter; ${rules}; }`;
  const within = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
  const [program = 'nft', ...argv] = [...within, 'nft', '-f', '-'];
  execFileSync(program, argv, { input: `table inet t { ${chain}; }\n` });
};
const ip = (namespace: string | undefined, lines: readonly string[]) => {
  const at = namespace === undefined ? [] : ['-n', namespace];
  execFileSync('ip', [...at, '-batch', '-'], { input: `${lines.join('\n')}\n` });
};
/** Nobody waits for duplicate address detection. */
const SYSCTLS = [
  ...['net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0'],
  ...['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'],
];
const wide = (address: string) => `${address}/${address.includes(':') ? 64 : 24}`;
/** As a proxy does in either mode: what becomes of the translated port is that of the one which is dropped. */
const TRANSLATORS = {
  nftables: (verb: '-A' | '-D') => {
    for (const [table, daddr, family] of [
      ['ip proxy', 'ip daddr', 'IPv4'],
      ['ip6 proxy', 'ip6 daddr', 'IPv6'],
    ] as const) {
      const rule = `${daddr} ${TARGET[family]} tcp dport ${PORTS.translated} dnat to :${PORTS.dropped}`;
      const chain = `chain output { type nat hook output priority -100; ${rule}; }`;
      const input = verb === '-A' ? `table ${table} { ${chain}; }\n` : `delete table ${table}\n`;
      execFileSync('nft', ['-f', '-'], { input });
    }
  },
  iptables: (verb: '-A' | '-D') => {
    for (const [program, family] of [
      ['iptables-legacy', 'IPv4'],
      ['ip6tables-legacy', 'IPv6'],
    ] as const) {
      const to = ['-d', TARGET[family], '-p', 'tcp', '--dport', `${PORTS.translated}`];
      execFileSync(program, [
        '-t',
        'nat',
        verb,
        'OUTPUT',
        ...to,
        '-j',
        'DNAT',
        '--to-destination',
        `:${PORTS.dropped}`,
      ]);
    }
  },
};
const SERVER = `require('node:net').createServer((s) => s.end()).listen(${PORTS.open}, '::', () => console.log('ready'))`;

describe('a connection', () => {
  let server: ChildProcess;
  const ending = new AbortController();
  const refusals = new Refusals();
  const connect = connector(refusals, 400);
  let nftables: NftRunner;

  before(async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
    nftables = await openLibnftables();
    for (const name of ['router', 'target']) execFileSync('ip', ['netns', 'add', name]);
    for (const within of [[], ['ip', 'netns', 'exec', 'router'], ['ip', 'netns', 'exec', 'target']]) {
      const [program = '', ...argv] = [...within, 'sysctl', '-qw', ...SYSCTLS];
      execFileSync(program, argv);
    }
    ip(undefined, ['link set lo up', 'link add lan type veth peer name near netns router', 'link set lan up']);
    ip('router', ['link add far type veth peer name lan netns target', 'link set near up', 'link set far up']);
    ip('target', ['link set lo up', 'link set lan up']);
    for (const family of IP_FAMILIES) {
      const [near, far] = ROUTER[family];
      ip(undefined, [
        `address add ${wide(TRIER[family])} dev lan`,
        `route add ${wide(TARGET[family]).replace(/2(?=\/)/, family === 'IPv4' ? '0' : '')} via ${near}`,
      ]);
      ip('router', [`address add ${wide(near)} dev near`, `address add ${wide(far)} dev far`]);
      ip('target', [`address add ${wide(TARGET[family])} dev lan`, `route add default via ${far}`]);
    }
    nft(
      'router',
      'forward',
      `tcp dport ${PORTS.dropped} drop; tcp dport ${PORTS.prohibited} reject with icmpx admin-prohibited`,
    );
    nft('target', 'input', `tcp dport ${PORTS.refused} reject with icmpx port-unreachable`);
    nft(undefined, 'output', `tcp dport ${PORTS.kept} reject with icmpx admin-prohibited`);
    server = spawn('ip', ['netns', 'exec', 'target', process.execPath, '-e', SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert(server.stdout !== null);
    await once(server.stdout, 'data');
    await refusals.listen('lan', silentLogger, ending.signal);
  });
  after(() => {
    ending.abort();
    server.kill();
  });

  const outcome = (family: IPFamily, port: number) => connect({ address: TARGET[family], port, from: TRIER[family] });

  for (const family of IP_FAMILIES) {
    test(`${family}: that is answered, be it with a reset, has got through`, async () => {
      assert.deepEqual(await outcome(family, PORTS.open), { kind: 'reached' });
      assert.deepEqual(await outcome(family, PORTS.closed), { kind: 'reached' });
    });

    test(`${family}: that a router drops is answered by nobody`, async () => {
      assert.deepEqual(await outcome(family, PORTS.dropped), { kind: 'silent' });
    });

    test(`${family}: that a router or the node refuses tells who did`, async () => {
      const ends = await Promise.all([outcome(family, PORTS.prohibited), outcome(family, PORTS.refused)]);
      const [prohibited, refused] = ends.map((end) => (end.kind === 'refused' ? `${end.by} ${end.says}` : end.kind));
      assert.match(prohibited ?? '', new RegExp(`^${ROUTER[family][0]} administratively prohibited`));
      assert.match(refused ?? '', new RegExp(`^${TARGET[family]} port unreachable`));
    });

    test(`${family}: that this machine itself keeps in, or has no way for, says nothing of others`, async () => {
      // Of IPv6, the kernel does not tell programs.
      if (family === 'IPv4') assert.equal((await outcome(family, PORTS.kept)).kind, 'unclear');
      const nowhere = { IPv4: '198.51.100.1', IPv6: '2001:db8::1' } as const;
      assert.match(JSON.stringify(await connect({ address: nowhere[family], port: 1 })), /unclear.*ENETUNREACH/);
    });
  }

  test('of a Service whose port a router keeps closed, that is told with the router’s address', async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1));
    const node = (name: string, { IPv4, IPv6 }: Record<IPFamily, string>) => tryingNode(name, [IPv4, IPv6]);
    const ports = [{ port: 80, nodePort: PORTS.prohibited }];
    const behind = { ...slice('web', ['a']), endpoints: [{ addresses: [TARGET.IPv4], nodeName: 'a' }] };
    const web = service('web', { type: 'NodePort', clusterIPs: ['10.96.0.9'], ports });
    const client = fakeClient([node('a', TARGET), node('b', TRIER), web, behind], { clock });
    const common = { client, clock, log: silentLogger };
    const informers = new Informers(common);
    const ended = new AbortController();
    const verifier = startVerifier({ ...common, informers, nodeName: 'b', policy: 'managed', connect }, ended.signal);
    await informers.start(ended.signal);
    const said = async () => (await client.list(Event)).items.map(({ message }) => message);
    for (let second = 0; second < 20 && (await said()).length === 0; second++) {
      await clock.advance(1000);
      // Connections take their own time.
      await pause(60);
    }
    ended.abort();
    await verifier.stopped;
    const [message = ''] = await said();
    assert.match(
      message,
      /^TCP 192\.168\.61\.2:8083 of node "a" cannot be reached from node "b": 192\.168\.60\.1 answers/,
    );
    assert.match(message, /prohibited \(ICMP 3\/13\); that is a device between the two nodes$/);
  });

  for (const [mode, translate] of Object.entries(TRANSLATORS)) {
    const skip = mode === 'iptables' && skipWithoutPrograms('iptables-legacy', 'ip6tables-legacy');
    test(`${mode}: past the proxy it is not translated, and nothing is left of that`, { skip }, async () => {
      const before = execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
      translate('-A');
      await layTriesTable(nftables);
      await layTriesTable(nftables);
      const past = pastProxy(nftables, connect);
      await removeTriesTable(nftables); // As somebody else may.
      for (const family of IP_FAMILIES) {
        const to = { address: TARGET[family], port: PORTS.translated, from: TRIER[family] };
        const ends = await Promise.all([connect(to), past(to), past({ ...to, port: PORTS.open })]);
        assert.deepEqual(
          ends.map(({ kind }) => kind),
          ['silent', 'reached', 'reached'],
          family,
        );
      }
      await removeTriesTable(nftables);
      translate('-D');
      if (mode !== 'iptables') assert.equal(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }), before);
    });
  }
});
