// Pods behind a firewalld that drops by default, with real packets: run alone in fresh namespaces by pods.test.ts.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openLibnftables } from '../../host/libnftables.ts';
import { silentLogger } from '../../host/log.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { PodTraffic } from '../backend.ts';
import { opening } from '../contract.ts';
import { BRIDGE, CLIENT, GATEWAY, type Packets, POD, PODS, packets, STRANGER } from '../testing/packets.ts';
import { openFirewalld } from './firewalld.ts';
import { dumpFirewalld, FirewalldHost, firewallCmd, run } from './testing/host.ts';

const both = Object.values(PODS);
const PODS_ALONE: PodTraffic = { bridge: BRIDGE, pods: both, peers: both };
const NODES = [`${CLIENT.IPv4}/32`, `${CLIENT.IPv6}/128`];
const TRAFFIC: PodTraffic = { ...PODS_ALONE, peers: [...both, ...NODES] };

describe('pods and firewalld', () => {
  const host = new FirewalldHost();
  const life = new AbortController();
  const backend = openFirewalld({ interfaces: ['lan'], log: silentLogger, signal: life.signal });
  let world: Packets;
  let untouched: string;

  before(async () => {
    world = await packets();
    mkdirSync('/etc/firewalld', { recursive: true });
    run('mount', '-t', 'tmpfs', 'tmpfs', '/etc/firewalld');
    mkdirSync('/etc/firewalld/zones');
    writeFileSync('/etc/firewalld/zones/public.xml', '<zone target="DROP"><forward/></zone>');
    process.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/run/bus';
    await host.startBus();
    await host.startFirewalld();
    untouched = await state();
    await backend.load([]);
  });
  after(async () => {
    life.abort();
    await host.stop();
    await world.close();
  });

  const state = async () =>
    `${await dumpFirewalld()}\n${firewallCmd('--get-ipsets')}${firewallCmd('--permanent', '--get-ipsets')}`;
  /** What gets through: names that the pod asks for, another node to the pod, another port of the pod's own node, a stranger to the pod. */
  const through = async (within: number) => {
    const asks = IP_FAMILIES.flatMap((family) =>
      [53, 32_000].map((port) => ({ from: POD[family], address: GATEWAY[family], port, within })),
    );
    const comes = IP_FAMILIES.flatMap((family) =>
      [CLIENT[family], STRANGER[family]].map((from) => ({ from, address: POD[family], port: 8080, within })),
    );
    const [names4, other4, names6, other6] = await world.reachFromPod(asks);
    const [node4, stranger4, node6, stranger6] = await world.reach(comes);
    return {
      names: [names4, names6],
      others: [other4, other6],
      nodes: [node4, node6],
      strangers: [stranger4, stranger6],
    };
  };
  const isOpenForNow = () => firewallCmd('--zone=public', '--list-ports').trim() === '4321/tcp';
  const [NONE, ALL] = [
    [false, false],
    [true, true],
  ];
  const SHUT = { names: NONE, others: NONE, nodes: NONE, strangers: NONE };

  test('they are let by, and nothing else is; nodes come and go without a reload', async () => {
    assert.deepEqual(await through(100), SHUT);
    assert.equal((await backend.podVerdict(TRAFFIC)).kind, 'blocked');
    assert.deepEqual(await backend.letPods(PODS_ALONE), { kind: 'done' });
    assert.deepEqual(await backend.podVerdict(PODS_ALONE), { kind: 'open-by-us' });
    assert.equal((await backend.podVerdict(TRAFFIC)).kind, 'blocked');
    assert.deepEqual(await through(200), { ...SHUT, names: ALL });
    firewallCmd('--zone=public', '--add-port=4321/tcp');
    assert.deepEqual(await backend.letPods(TRAFFIC), { kind: 'done' });
    assert.deepEqual(await through(200), { ...SHUT, names: ALL, nodes: ALL });
  });

  test('what a table beside those of firewalld drops is blocked by that, and named', async () => {
    const nft = await openLibnftables();
    const beside = openFirewalld({ interfaces: ['lan'], nft, log: silentLogger, signal: life.signal });
    const nodePort = opening('IPv4', 30_080, { kind: 'node-port' });
    const other = opening('IPv4', 30_081, { kind: 'node-port' });
    assert.deepEqual(await beside.podVerdict(TRAFFIC), { kind: 'open-by-us' });
    const chain = 'type filter hook prerouting priority raw';
    run('nft', `table ip site { chain early { ${chain}; tcp dport 30080 drop; ip daddr ${PODS.IPv4} drop; }; }`);
    const by = (rule: string) => ({ kind: 'blocked', by: `rule "${rule}" of chain early, table ip site` });
    assert.deepEqual(await beside.podVerdict(TRAFFIC), by(`ip daddr ${PODS.IPv4} drop`));
    assert.deepEqual(await beside.verdicts([nodePort, other]), [
      by('tcp dport 30080 drop'),
      ...(await backend.verdicts([other])),
    ]);
    run('nft', 'delete table ip site');
    assert.deepEqual(await beside.verdicts([nodePort]), await backend.verdicts([nodePort]));
    await nft.close();
  });

  test('a removal takes all away at once, and nothing that is there for now only with it', async () => {
    await backend.remove();
    assert.deepEqual(await through(100), SHUT);
    assert.ok(isOpenForNow());
    firewallCmd('--reload');
  });

  test('a reload that would take away what is there for now only is left to the administrator', async () => {
    firewallCmd('--zone=public', '--add-port=4321/tcp');
    const left = await backend.letPods(TRAFFIC);
    assert.match(left.kind === 'left' ? left.why : '', /zone public would be another.*--runtime-to-permanent/);
    assert.ok(isOpenForNow());
    firewallCmd('--reload');
    assert.deepEqual(await backend.letPods(TRAFFIC), { kind: 'done' });
    assert.deepEqual(await through(200), { ...SHUT, names: ALL, nodes: ALL });
    assert.deepEqual(await backend.letPods(undefined), { kind: 'done' });
    assert.equal(await state(), untouched);
  });

  test('where the administrator put the bridge into a zone, that decides', async () => {
    firewallCmd('--zone=trusted', `--add-interface=${BRIDGE}`);
    const left = await backend.letPods(TRAFFIC);
    assert.match(left.kind === 'left' ? left.why : '', /postern0 was put into zone trusted/);
    firewallCmd('--zone=trusted', `--remove-interface=${BRIDGE}`);
  });
});
