/**
 * Applications outside of the cluster that Services stand for, for `outside.test.ts`, which runs this in namespaces of its own:
 * `node outside.fixture.ts STATE_DIR MODE`. The pod network, the node proxy, DNS and the controller of hand-made Endpoints are real;
 * the API is in memory. A pod and a virtual machine's network card ask, two hosts answer. Prints what was answered.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { parseAllDocuments } from 'yaml';
import { Endpoints } from '../../src/api/core/v1/endpoints.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { Kind } from '../../src/api/kind.ts';
import type { KubeObject } from '../../src/api/meta/v1.ts';
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
import { askOverSCTP } from './sctp.ts';

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

const EXAMPLES = new URL('../../examples/outside/', import.meta.url);

/** The objects of an example, with what the API server would add. */
async function example(name: string): Promise<readonly KubeObject[]> {
  const text = await readFile(new URL(`${name}.yaml`, EXAMPLES), 'utf8');
  return parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubeObject & { spec?: object };
    const metadata = { ...object.metadata, namespace };
    const clusterIPs = VIPS[name as keyof typeof VIPS];
    if (object.kind !== 'Service' || clusterIPs === undefined) return { ...object, metadata };
    return { ...object, metadata, spec: { ...object.spec, ...clusterIPsOf(clusterIPs) } };
  });
}

const clusterIPsOf = (clusterIPs: readonly [string, string]) => ({
  ...{ clusterIP: clusterIPs[0], clusterIPs, ipFamilies: ['IPv4', 'IPv6'] },
});

async function createExamples(): Promise<void> {
  for (const name of ['database', 'queue', 'alias']) {
    for (const object of await example(name)) {
      const kind = [Service, EndpointSlice, Endpoints].find((each) => each.kind === object.kind);
      if (kind === undefined) throw new Error(`an example of another kind: ${object.kind}`);
      await client.create(kind as Kind<KubeObject>, object);
    }
  }
}

async function moveTo(host: Host): Promise<void> {
  const [v4, v6] = HOSTS[host];
  for (const [name, address] of Object.entries({ 'database-ipv4': v4, 'database-ipv6': v6 })) {
    const body = { endpoints: [{ addresses: [address] }] };
    await client.patch(EndpointSlice, { namespace, name }, { type: 'merge', body });
  }
  const { subsets = [] } = await client.get(Endpoints, { namespace, name: 'queue' });
  const moved = subsets.map((subset) => ({ ...subset, addresses: HOSTS[host].map((address) => ({ ip: address })) }));
  await client.patch(Endpoints, { namespace, name: 'queue' }, { type: 'merge', body: { subsets: moved } });
  const spec = { externalName: `${host}.example.test` };
  await client.patch(Service, { namespace, name: 'alias' }, { type: 'merge', body: { spec } });
}

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
  await pods.attach({
    ...{ podUID: 'pod', podKey: 'default/pod', hostname: 'pod', namespace: inPod, sandbox: 'pod' },
    hostPorts: [
      { protocol: 'TCP', hostPort: 8080, containerPort: 80 },
      { protocol: 'SCTP', hostPort: 8080, containerPort: 81 },
    ],
  });
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
    pod: await Speaker.start('pod', [80], inPod),
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
  await createExamples();

  /** The database speaks TCP, the queue datagrams. */
  const database = (family: 0 | 1, keep?: string): Question => ({
    ...{ protocol: 'tcp', host: VIPS.database[family], port: PORT },
    ...(keep === undefined ? {} : { keep }),
  });
  const queue = (family: 0 | 1, from?: number): Question => ({
    ...{ protocol: 'udp', host: VIPS.queue[family], port: 80 },
    ...(from === undefined ? {} : { from }),
  });
  const lookUp = async (type: 'A' | 'AAAA') => {
    const argv = ['dig', '@10.244.1.1', '+short', '+time=2', 'alias.default.svc.cluster.local', type];
    return (await runCommand(['nsenter', `--net=${inPod}`, ...argv])).stdout.trim().split('\n').at(-1) ?? '';
  };
  const everything = async () => {
    const questions = [database(0), database(1), queue(0), queue(1)];
    const names = [await lookUp('A'), await lookUp('AAAA')];
    return {
      services: await Promise.all([...questions.map((q) => pod.ask(q)), ...questions.map((q) => guest.ask(q))]),
      names,
      alias: await Promise.all(names.map((host) => pod.ask({ protocol: 'tcp', host, port: PORT }))),
      kept: await pod.ask(database(0, 'connection')),
      flows: [await pod.ask(queue(0, 40_000)), await guest.ask(queue(1, 40_000))],
    };
  };
  const settled = async (host: Host) => {
    for (const question of [database(0), database(1), queue(0), queue(1), queue(0, 40_000)]) {
      await until(() => pod.ask(question), host);
    }
    await until(() => guest.ask(queue(1, 40_000)), host);
    await until(() => lookUp('A'), HOSTS[host][0]);
  };
  await settled('first');
  const before = await everything();
  await moveTo('second');
  await settled('second');
  const after = await everything();
  const entrances = ['192.0.2.1', '2001:db8::1'].map((host) => ({ host, port: 8080 }));
  const hostPort = [
    ...(await Promise.all(entrances.map((to) => first.ask({ protocol: 'tcp', ...to })))),
    ...(await askOverSCTP({
      server: { namespace: inPod, name: 'pod', port: 81 },
      from: join(stateDir, 'host-lan'),
      to: entrances,
    })),
  ];

  for (const speaker of [pod, guest, first, second]) speaker.end();
  ending.abort();
  await proxy.stopped;
  await cleanupProxy(runner);
  await cleanupPodNetwork();
  await runner.close();
  const { stdout } = await runCommand(['nft', 'list', 'ruleset']);
  return { before, after, hostPort, left: /postern|pst|PST/.exec(stdout)?.[0] ?? '' };
}

main().then(
  (seen) => process.stdout.write(JSON.stringify(seen), () => process.exit(0)),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
  },
);
