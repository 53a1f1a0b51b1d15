// What the kernel counts of real connections, to the byte. Runs alone in fresh namespaces: see traffic.test.ts.
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { fakeClient } from '../../client/fake.ts';
import { openLibnftables } from '../../host/libnftables.ts';
import { silentLogger } from '../../host/log.ts';
import { IP_FAMILIES, type IPFamily, mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { IPTABLES_VARIANTS } from '../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../netfilter/iptables/kernel.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { iptablesMode } from '../iptables/iptables-mode.ts';
import { localitiesOf } from '../locality.ts';
import type { Mode } from '../mode.ts';
import { nftablesMode } from '../nftables/nftables-mode.ts';
import { withTraffic } from '../nftables/traffic-table.ts';
import { startProxy } from '../proxy.ts';
import { service, slice } from '../testing/builders.ts';
import { type ActorName, CLUSTER_PREFIXES, NODES, POD_PREFIXES, PODS, PORTS } from '../testing/world/topology.ts';
import { buildWorld } from '../testing/world/world.ts';

/** Octets of a header. TCP's have timestamps; a first segment's has its other options besides. */
const IP_HEADER = { IPv4: 20, IPv6: 40 } as const;
const UDP_HEADER = 8;
const TCP_HEADER = 32;
const SYN_OPTIONS = 8;

const VIP = { IPv4: '10.96.0.10', IPv6: 'fd00:10:96::10' } as const;
const NODE_PORT = 30080;
const families = (of: Readonly<Record<IPFamily, string>>) => IP_FAMILIES.map((family) => mustParseCIDR(of[family]));
const addresses = (of: Readonly<Record<IPFamily, string>>, nodeName: string) => (family: IPFamily) => ({
  ...{ addresses: [of[family]], nodeName },
});
const ENDPOINTS = {
  pods: [addresses(PODS.a1, 'node1'), addresses(PODS.b1, 'node2')],
  host: [addresses(NODES.node1, 'node1')],
};

/** Each has an entrance by which connections are told apart: its cluster IP's last number. */
const SERVICES = Object.entries(ENDPOINTS).flatMap(([name, endpoints], index) => [
  service(name, {
    type: 'NodePort',
    clusterIPs: IP_FAMILIES.map((family) => `${VIP[family]}${index}`),
    ports: [
      { name: 'tcp', port: 80, nodePort: NODE_PORT + index },
      { name: 'udp', port: 53, protocol: 'UDP' },
    ],
  }),
  ...IP_FAMILIES.map((family) => {
    const one = slice(
      name,
      endpoints.map((endpoint) => endpoint(family)),
      { addressType: family },
    );
    return {
      ...one,
      ports: [
        { name: 'tcp', port: PORTS[0], protocol: 'TCP' as const },
        { name: 'udp', port: PORTS[0], protocol: 'UDP' as const },
      ],
    };
  }),
]);
const INDEX = { pods: 0, host: 1 } as const;
type Name = keyof typeof INDEX;

const [world, runner] = await Promise.all([buildWorld(), openLibnftables()]);
/** That of the first argument. */
async function openMode(): Promise<Mode> {
  const localities = localitiesOf({ podCIDRs: families(POD_PREFIXES.node1), clusterCIDRs: families(CLUSTER_PREFIXES) });
  const netfilter = kernelNetfilter(runner);
  const variant = IPTABLES_VARIANTS.find((one) => process.argv[2] === `iptables ${one}`);
  if (variant === undefined) return nftablesMode({ netfilter, localities });
  const [iptables, ...others] = await openIptables({ variant });
  return withTraffic(iptablesMode({ iptables, others, localities }), netfilter, silentLogger);
}

const controller = new AbortController();
const mode = await openMode();
const proxy = await startProxy(
  {
    client: fakeClient(SERVICES),
    nodeName: 'node1',
    nodeAddresses: () => IP_FAMILIES.map((family) => mustParseIP(NODES.node1[family])),
    mode,
    log: silentLogger,
  },
  controller.signal,
);

type Numbers = readonly [connections: number, packetsIn: number, bytesIn: number, packetsOut: number, bytesOut: number];

/** What one port of a Service has had; `endpoint`: of one of its endpoints. */
async function counted(name: Name, protocol: 'tcp' | 'udp', endpoint?: string): Promise<Numbers> {
  const totals = await proxy.traffic?.();
  const port = [...(totals?.ports ?? [])].find((one) => one.service === `default/${name}` && one.protocol === protocol);
  const found = endpoint === undefined ? port : [...(port?.endpoints ?? [])].find(({ ip }) => ip === endpoint);
  if (found === undefined) return [0, 0, 0, 0, 0];
  return [found.connections, found.in.packets, found.in.bytes, found.out.packets, found.out.bytes];
}

/** What `act` adds to it. */
async function added(name: Name, protocol: 'tcp' | 'udp', act: () => Promise<void>): Promise<Numbers> {
  const before = await counted(name, protocol);
  await act();
  const after = await counted(name, protocol);
  return after.map((value, i) => value - (before[i] ?? 0)) as unknown as Numbers;
}

/** Asks over UDP, each time as somebody new; returns the octets of all answers. */
async function ask(who: ActorName, host: string, port: number, times: number): Promise<number> {
  const question = { protocol: 'udp', host, port, patience: 5000 } as const;
  const answers = (await world.tell(who, { kind: 'ask', question, times })) as string[];
  for (const answer of answers) assert.match(answer, /^\{/);
  return answers.reduce((sum, answer) => sum + answer.length + 1, 0);
}

/** Over TCP: opens a connection, says so many lines, which the server answers with its greeting, and closes it. */
async function talk(who: ActorName, host: string, port: number, lines: number): Promise<number> {
  const connection = `${who} ${host} ${port}`;
  const greeting = String(await world.tell(who, { kind: 'open', connection, host, port }));
  assert.match(greeting, /^\{/);
  for (let i = 0; i < lines; i++) assert.equal(await world.tell(who, { kind: 'say', connection }), greeting);
  await world.tell(who, { kind: 'close', connection });
  return (lines + 1) * (greeting.length + 1);
}

const LINE = 'again\n'.length;

/** How long a connection that is closed may say nothing before its last packet, in milliseconds. */
const SILENCE = 100;

/** Resolves once closed connections have said goodbye: nothing is counted any more. */
async function settled(name: Name): Promise<void> {
  let [before, after] = ['', String(await counted(name, 'tcp'))];
  while (before !== after) {
    await new Promise((resolve) => setTimeout(resolve, SILENCE));
    [before, after] = [after, String(await counted(name, 'tcp'))];
  }
}

const WAYS: readonly { readonly from: ActorName; readonly to: Name; readonly by: 'vip' | 'node port' }[] = [
  { from: 'client', to: 'pods', by: 'node port' },
  { from: 'client', to: 'pods', by: 'vip' },
  { from: 'a2', to: 'pods', by: 'vip' },
  { from: 'node1', to: 'pods', by: 'vip' },
  { from: 'client', to: 'host', by: 'node port' },
  { from: 'a2', to: 'host', by: 'vip' },
  { from: 'node1', to: 'host', by: 'vip' },
  { from: 'node1', to: 'host', by: 'node port' },
];

/** A server of the node itself answers a pod over UDP by its nearest address, which is not the one that was asked. */
const hasUDP = ({ from, to, by }: (typeof WAYS)[number]) => by === 'vip' && !(from === 'a2' && to === 'host');

for (const family of IP_FAMILIES) {
  for (const { from, to, by } of WAYS) {
    test(`${family}: ${from} to ${to} by ${by}: TCP`, async () => {
      const [host, port] =
        by === 'vip' ? [`${VIP[family]}${INDEX[to]}`, 80] : [NODES.node1[family], NODE_PORT + INDEX[to]];
      let said = 0;
      const [connections, packetsIn, bytesIn, packetsOut, bytesOut] = await added(to, 'tcp', async () => {
        for (let i = 0; i < 5; i++) said += await talk(from, host, port, 3);
        await settled(to);
      });
      assert.equal(connections, 5);
      const headers = IP_HEADER[family] + TCP_HEADER;
      assert.equal(bytesIn, packetsIn * headers + connections * (SYN_OPTIONS + 3 * LINE));
      assert.equal(bytesOut, packetsOut * headers + connections * SYN_OPTIONS + said);
      // At least a SYN, an ACK, three lines and a FIN each.
      assert(packetsIn >= 6 * connections && packetsIn <= 14 * connections, `${packetsIn} packets in`);
      assert(packetsOut >= 6 * connections && packetsOut <= 14 * connections, `${packetsOut} packets out`);
    });
  }

  for (const { from, to, by } of WAYS.filter(hasUDP)) {
    test(`${family}: ${from} to ${to} by ${by}: UDP`, async () => {
      let said = 0;
      const asked = () =>
        added(to, 'udp', async () => {
          said = await ask(from, `${VIP[family]}${INDEX[to]}`, 53, 20);
        });
      let numbers = await asked();
      // On a busy machine, who waits for an answer may have asked again.
      for (let again = 0; again < 3 && numbers[1] > 20; again++) numbers = await asked();
      const headers = IP_HEADER[family] + UDP_HEADER;
      assert.deepEqual(numbers, [20, 20, 20 * (headers + 'who\n'.length), 20, 20 * headers + said]);
    });
  }

  test(`${family}: what endpoints have is what their port has`, async () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      const [a, b] = [
        await counted('pods', protocol, PODS.a1[family]),
        await counted('pods', protocol, PODS.b1[family]),
      ];
      assert(a[0] > 0 && b[0] > 0, 'both endpoints have had connections');
    }
  });
}

test('the sums of all endpoints are those of the port', async () => {
  const totals = await proxy.traffic?.();
  for (const port of totals?.ports ?? []) {
    const endpoints = [...port.endpoints];
    const sum = (of: (one: (typeof endpoints)[number]) => number) => endpoints.reduce((all, one) => all + of(one), 0);
    assert.equal(
      sum(({ connections }) => connections),
      port.connections,
    );
    assert.equal(
      sum((one) => one.in.bytes),
      port.in.bytes,
    );
    assert.equal(
      sum((one) => one.out.packets),
      port.out.packets,
    );
  }
});

test('connections past the proxy are not counted', async () => {
  const numbers = await added('pods', 'tcp', async () => {
    await talk('a2', PODS.a1.IPv4, PORTS[0], 1);
    await settled('pods');
  });
  assert.deepEqual(numbers, [0, 0, 0, 0, 0]);
});

/** What people do who forget who else is there. */
const FLUSH = process.argv[2] === 'nftables' ? 'flush ruleset\n' : 'delete table ip postern-traffic\n';

test('rules that count are missed like others, and removed like others', async () => {
  assert(await mode.intact());
  await runner.run(FLUSH);
  assert.equal(await mode.intact(), false);
  controller.abort();
  await proxy.stopped;
  await mode.remove();
  assert.doesNotMatch(await runner.list('list ruleset'), /postern/i);
});

let failed = false;
afterEach((context) => {
  if ('passed' in context && context.passed === false) failed = true;
});

after(async () => {
  world.close();
  // The servers of this process would go on; what is left to print takes a moment.
  setTimeout(() => process.exit(failed ? 1 : 0), 100);
});
