/**
 * Applications outside of the cluster that Services stand for, for `outside.test.ts`, which runs this in namespaces of its own:
 * `node outside.fixture.ts STATE_DIR MODE`. The pod network, the node proxy, DNS and the controller of hand-made Endpoints are real;
 * the API is in memory. A pod and a virtual machine's network card ask, two hosts answer. Prints what was answered.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { Endpoints } from '../../src/api/core/v1/endpoints.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { ModeName } from '../../src/cli/proxy-mode.ts';
import { cleanupProxy, openModes } from '../../src/cli/wiring/proxy-modes.ts';
import { fakeClient } from '../../src/client/fake.ts';
import { Informers } from '../../src/client/informers.ts';
import { endpointSliceMirroringController } from '../../src/controllers/endpointslicemirroring/endpointslicemirroring.ts';
import { startDNS } from '../../src/dns/dns.ts';
import { systemClock } from '../../src/host/clock.ts';
import { silentLogger } from '../../src/host/log.ts';
import { openNft } from '../../src/host/open-nft.ts';
import { runCommand } from '../../src/host/process.ts';
import { mustParseCIDR, mustParseIP, printIP } from '../../src/lib/ip.ts';
import { deviceName } from '../../src/network/leases.ts';
import { cleanupPodNetwork, startPodNetwork } from '../../src/network/network.ts';
import { ip, LAN, makeLAN, makeNamespace, type Question, Speaker } from '../../src/network/testing/places.ts';
import { startProxy } from '../../src/proxy/proxy.ts';

const [, , stateDir = '', mode = 'nftables'] = process.argv;
const OTHER_LAN = { device: 'lan2', prefix4: '198.51.100.', prefix6: '2001:db8:2::' };
const HOSTS = { first: ['192.0.2.9', '2001:db8::9'], second: ['198.51.100.9', '2001:db8:2::9'] } as const;
type Host = keyof typeof HOSTS;
const VIPS = { database: ['10.96.0.10', 'fd00:10:96::10'], queue: ['10.96.0.20', 'fd00:10:96::20'] } as const;
const PORT = 5432;
const namespace = 'default';
const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR);
const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR);
const ending = new AbortController();
const client = fakeClient([]);
const log = silentLogger;

/** A Service without a selector: what it stands for is others' to say. */
function service(name: keyof typeof VIPS): Service {
  const [v4, v6] = VIPS[name];
  const dual = { ipFamilyPolicy: 'RequireDualStack' } as const;
  const ports = (['TCP', 'UDP'] as const).map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 80 }));
  const spec = {
    type: 'ClusterIP',
    clusterIP: v4,
    clusterIPs: [v4, v6],
    ipFamilies: ['IPv4', 'IPv6'],
    ports,
    ...dual,
  } as const;
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec } as Service;
}

const PORTS = (['TCP', 'UDP'] as const).map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: PORT }));

/** Written by hand: the database is at that host. */
const slices = (host: Host): readonly EndpointSlice[] =>
  HOSTS[host].map((address, i) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name: `database-${i}`, labels: { 'kubernetes.io/service-name': 'database' } },
    addressType: i === 0 ? 'IPv4' : 'IPv6',
    endpoints: [{ addresses: [address] }],
    ports: PORTS,
  }));

/** The older way to write it. */
const endpoints = (host: Host): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { namespace, name: 'queue' },
  subsets: [{ addresses: HOSTS[host].map((address) => ({ ip: address })), ports: PORTS }],
});

const alias = (host: Host): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name: 'alias' },
  spec: { type: 'ExternalName', externalName: `${host}.example.test` },
});

async function moveTo(host: Host): Promise<void> {
  for (const slice of slices(host)) {
    const { endpoints: wanted } = slice;
    await client.patch(EndpointSlice, slice.metadata as Named, { type: 'merge', body: { endpoints: wanted } });
  }
  const { subsets } = endpoints(host);
  await client.patch(Endpoints, { namespace, name: 'queue' }, { type: 'merge', body: { subsets } });
  await client.patch(Service, { namespace, name: 'alias' }, { type: 'merge', body: { spec: alias(host).spec } });
}

type Named = { readonly namespace: string; readonly name: string };

/** The world's name servers, as far as they matter here. */
async function upstream(): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const query = decode(message);
    const [question] = query.questions ?? [];
    const host = question?.name.split('.')[0] as Host;
    const [v4, v6] = HOSTS[host] ?? [];
    const data = question?.type === 'AAAA' ? v6 : v4;
    const answers =
      data === undefined ? [] : [{ type: question?.type as 'A', name: question?.name ?? '', ttl: 0, data }];
    const reply = {
      type: 'response',
      id: query.id ?? 0,
      flags: 0x180,
      questions: query.questions ?? [],
      answers,
    } as const;
    socket.send(encode(reply), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  ending.signal.addEventListener('abort', () => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

const network = { ...{ client, nodeName: 'node1', podCIDRs, clusterCIDRs, log }, clusterDomain: 'cluster.local' };

/** What runs on a node, for all this. */
async function startNode() {
  await Promise.all([makeLAN(stateDir), makeLAN(stateDir, OTHER_LAN)]);
  const informers = new Informers({ client, log });
  const runner = await openNft({ log });
  const pods = await startPodNetwork({ ...network, stateDir, lanInterface: LAN.device }, ending.signal);
  const modes = await openModes(mode as ModeName, { podCIDRs, clusterCIDRs }, runner);
  const nodeAddresses = () => ['192.0.2.1', '2001:db8::1'].map(mustParseIP);
  const proxy = await startProxy({ client, informers, nodeName: 'node1', nodeAddresses, ...modes, log }, ending.signal);
  const listen = ['10.244.1.1', 'fd00:10:244:1::1'].map((address) => ({ address, port: 53 }));
  const dns = { client, informers, listen, clusterDomain: 'cluster.local', upstream: [await upstream()], log };
  await (await startDNS(dns, ending.signal)).synced;
  const mirroring = endpointSliceMirroringController({ client, informers, clock: systemClock, log });
  void mirroring(ending.signal);
  void informers.start(ending.signal);
  return { pods, proxy, runner };
}

/** A pod of containers, and a virtual machine's end of a tap, set up as it sets itself up by DHCP. */
async function startClients(pods: Awaited<ReturnType<typeof startNode>>['pods']) {
  const inPod = await makeNamespace(join(stateDir, 'pod'));
  await pods.attach({ podUID: 'pod', podKey: 'default/pod', hostname: 'pod', namespace: inPod, sandbox: 'pod' });
  const inGuest = await makeNamespace(join(stateDir, 'guest'));
  await ip([`link add ${deviceName('guest')} type veth peer name eth0 netns ${inGuest}`]);
  const guest = await pods.attach({ podUID: 'guest', podKey: 'default/guest', hostname: 'guest' });
  const [v4 = '', v6 = ''] = guest.addresses.map(printIP);
  const lines = [
    ...['link set lo up', `link set eth0 address ${guest.mac}`, `addr add ${v4}/24 dev eth0`],
    ...[`addr add ${v6}/128 dev eth0 nodad`, 'link set eth0 up', 'route add default via 10.244.1.1'],
    ...['route add fd00:10:244:1::1 dev eth0', 'route add default via fd00:10:244:1::1 dev eth0'],
  ];
  await ip(lines, inGuest);
  return {
    inPod,
    pod: await Speaker.start('pod', [], inPod),
    guest: await Speaker.start('guest', [], inGuest),
  };
}

async function until(asked: () => Promise<string>, wanted: string): Promise<void> {
  let last = '';
  for (let i = 0; i < 300 && !last.startsWith(wanted); i++) {
    last = await asked();
    await new Promise((go) => setTimeout(go, 10));
  }
  if (!last.startsWith(wanted)) throw new Error(`it stays with ${JSON.stringify(last)} instead of ${wanted}`);
}

async function main(): Promise<object> {
  const { pods, proxy, runner } = await startNode();
  const { pod, guest, inPod } = await startClients(pods);
  const [first, second] = await Promise.all([
    Speaker.start('first', [PORT], join(stateDir, 'host-lan')),
    Speaker.start('second', [PORT], join(stateDir, 'host-lan2')),
  ]);
  for (const each of [service('database'), service('queue'), alias('first')]) await client.create(Service, each);
  for (const slice of slices('first')) await client.create(EndpointSlice, slice);
  await client.create(Endpoints, endpoints('first'));

  const to = (name: keyof typeof VIPS, protocol: Question['protocol'], family: 0 | 1, more: object = {}): Question => ({
    ...{ protocol, host: VIPS[name][family], port: 80, ...more },
  });
  const flow = (name: keyof typeof VIPS) => to(name, 'udp', 0, { from: 40_000 + name.length });
  const held = to('database', 'tcp', 0, { keep: 'connection' });
  const lookUp = async (type: 'A' | 'AAAA') => {
    const argv = ['dig', '@10.244.1.1', '+short', '+time=2', 'alias.default.svc.cluster.local', type];
    return (await runCommand(['nsenter', `--net=${inPod}`, ...argv])).stdout.trim().split('\n').at(-1) ?? '';
  };
  const everything = async () => {
    const questions = (['database', 'queue'] as const).flatMap((name) =>
      (['tcp', 'udp'] as const).flatMap((protocol) => ([0, 1] as const).map((family) => to(name, protocol, family))),
    );
    const names = [await lookUp('A'), await lookUp('AAAA')];
    return {
      services: await Promise.all([...questions.map((q) => pod.ask(q)), ...questions.map((q) => guest.ask(q))]),
      names,
      alias: await Promise.all(names.map((host) => pod.ask({ protocol: 'tcp', host, port: PORT }))),
      kept: await pod.ask(held),
      flows: [await pod.ask(flow('database')), await pod.ask(flow('queue'))],
    };
  };
  const settled = async (host: Host) => {
    for (const name of ['database', 'queue'] as const) {
      for (const family of [0, 1] as const) await until(() => pod.ask(to(name, 'tcp', family)), host);
      await until(() => pod.ask(flow(name)), host);
    }
    await until(() => lookUp('A'), HOSTS[host][0]);
  };
  await settled('first');
  const before = await everything();
  await moveTo('second');
  await settled('second');
  const after = await everything();

  for (const speaker of [pod, guest, first, second]) speaker.end();
  ending.abort();
  await proxy.stopped;
  await cleanupProxy(runner);
  await cleanupPodNetwork();
  await runner.close();
  const { stdout } = await runCommand(['nft', 'list', 'ruleset']);
  return { before, after, left: /postern|pst|PST/.exec(stdout)?.[0] ?? '' };
}

main().then(
  (seen) => process.stdout.write(JSON.stringify(seen), () => process.exit(0)),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
  },
);
