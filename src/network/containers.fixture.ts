/**
 * Pods of containers on a node, for `containers.test.ts`, which runs this in namespaces of its own:
 * `node containers.fixture.ts STATE_DIR`. A host on the LAN is outside of the cluster. Prints what each sees of the others.
 */
import { join } from 'node:path';
import { fakeClient } from '../client/fake.ts';
import { silentLogger } from '../host/log.ts';
import { runCommand } from '../host/process.ts';
import { mustParseCIDR, mustParseIP, printIP } from '../lib/ip.ts';
import { cleanupPodNetwork, startPodNetwork } from './network.ts';
import type { HostPort, Port } from './pod-network.ts';
import { ip, makeLAN, makeNamespace, Speaker } from './testing/places.ts';

const [, , stateDir = ''] = process.argv;
const NODE = { v4: '192.0.2.1', v6: '2001:db8::1' };
const HOST = { v4: '192.0.2.9', v6: '2001:db8::9' };
const GATEWAYS = { v4: '10.244.1.1', v6: 'fd00:10:244:1::1' };
const show = async (...argv: string[]) => (await runCommand(argv)).stdout.trim();

const options = {
  client: fakeClient([]),
  nodeName: 'node1',
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
  clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
  stateDir,
  lanInterface: 'lan',
  clusterDomain: 'cluster.local',
  log: silentLogger,
};

const HOST_PORTS: readonly HostPort[] = [
  { protocol: 'TCP', hostPort: 8080, containerPort: 80 },
  { protocol: 'UDP', hostPort: 8080, containerPort: 80 },
  { protocol: 'TCP', hostPort: 8081, containerPort: 80, hostIP: mustParseIP(NODE.v4) },
  { protocol: 'TCP', hostPort: 8082, containerPort: 80, hostIP: mustParseIP('127.0.0.1') },
];

async function main(): Promise<object> {
  const outside = await makeLAN(stateDir);
  const first = new AbortController();
  const network = await startPodNetwork(options, first.signal);
  const attach = async (name: string, hostPorts: readonly HostPort[] = []): Promise<Port> =>
    network.attach({
      ...{ podUID: name, podKey: `ns/${name}`, hostname: name, hostPorts },
      ...{ namespace: await makeNamespace(join(stateDir, name)), sandbox: `sandbox-of-${name}` },
    });
  const [portA, portB] = [await attach('a', HOST_PORTS), await attach('b')];
  const guest = await network.attach({ podUID: 'guest', podKey: 'ns/guest', hostname: 'guest' });
  const [a, b, host, node] = await Promise.all([
    Speaker.start('a', [80], join(stateDir, 'a')),
    Speaker.start('b', [80], join(stateDir, 'b')),
    Speaker.start('host', [53], outside),
    Speaker.start('node', [7000]),
  ]);
  const [a4 = '', a6 = ''] = portA.addresses.map(printIP);
  const [b4 = '', b6 = ''] = portB.addresses.map(printIP);
  const tcp = (host: string, port: number) => ({ protocol: 'tcp', host, port }) as const;
  const udp = (host: string, port: number, from?: number) =>
    ({ protocol: 'udp', host, port, ...(from === undefined ? {} : { from }) }) as const;

  const inside = async (...argv: string[]) => show('nsenter', `--net=${join(stateDir, 'a')}`, '--', ...argv);
  const link = await inside('ip', '-br', 'link', 'show', 'eth0');
  const seen = {
    atOnce: await inside('ip', '-6', 'addr', 'show', 'tentative'),
    mtu: /mtu (\d+)/.exec(await inside('ip', 'link', 'show', 'eth0'))?.[1],
    mac: link.includes(portA.mac),
    podToPod: await Promise.all([a.ask(tcp(b4, 80)), a.ask(tcp(b6, 80)), b.ask(udp(a4, 80)), b.ask(udp(a6, 80))]),
    nodeToPod: await Promise.all([node.ask(tcp(a4, 80)), node.ask(tcp(a6, 80))]),
    podToNode: await Promise.all([a.ask(tcp(NODE.v4, 7000)), a.ask(tcp(NODE.v6, 7000))]),
    out: await Promise.all([
      a.ask(tcp(HOST.v4, 53)),
      a.ask(tcp(HOST.v6, 53)),
      b.ask(udp(HOST.v4, 53)),
      b.ask(udp(HOST.v6, 53)),
    ]),
    hostPort: await Promise.all([
      host.ask(tcp(NODE.v4, 8080)),
      host.ask(tcp(NODE.v6, 8080)),
      host.ask(udp(NODE.v4, 8080)),
      host.ask(udp(NODE.v6, 8080)),
    ]),
    hostPortInside: await Promise.all([
      node.ask(tcp(NODE.v4, 8080)),
      node.ask(tcp(NODE.v6, 8080)),
      node.ask(tcp('127.0.0.1', 8080)),
      b.ask(tcp(NODE.v4, 8080)),
      a.ask(tcp(NODE.v4, 8080)),
      b.ask(tcp('10.244.1.1', 8080)),
      node.ask(tcp('::1', 8080)),
    ]),
    hostIP: await Promise.all([
      host.ask(tcp(NODE.v4, 8081)),
      host.ask(tcp(NODE.v6, 8081)),
      host.ask(tcp(NODE.v4, 8082)),
      node.ask(tcp('127.0.0.1', 8082)),
    ]),
    wrong: [await network.check('a'), await network.check('guest')],
  };

  /** Whether the node answers a pod that says that it has this address. */
  const answeredAs = async (address: string): Promise<boolean> =>
    inside('ping', '-c', '1', '-W', '0.5', '-I', address, address.includes(':') ? GATEWAYS.v6 : GATEWAYS.v4).then(
      () => true,
      () => false,
    );
  // Its own to answer, as far as neighbours go: only the guard is in the way.
  const stolen = ['10.244.1.77', 'fd00:10:244:1::77'];
  await ip(stolen.map((address) => `neigh add ${address} lladdr ${portA.mac} dev postern0 nud permanent`));
  await inside('ip', 'addr', 'add', `${stolen[0]}/32`, 'dev', 'eth0');
  await inside('ip', 'addr', 'add', `${stolen[1]}/128`, 'dev', 'eth0', 'nodad');
  const itself = await Promise.all([a4, a6].map(answeredAs));
  const another = await Promise.all(stolen.map(answeredAs));
  await inside('ip', 'addr', 'del', `${stolen[0]}/32`, 'dev', 'eth0');
  await inside('ip', 'addr', 'del', `${stolen[1]}/128`, 'dev', 'eth0');

  // The agent is started again; then the pod of the host ports gives way to another one, while a client keeps asking.
  first.abort();
  const second = new AbortController();
  const again = await startPodNetwork({ ...options, masquerade: ['IPv6'] }, second.signal);
  const advertised = await inside('ip', '-6', 'route', 'show', 'proto', 'ra');
  const restarted = await Promise.all([a.ask(tcp(b4, 80)), host.ask(tcp(NODE.v4, 8080)), a.ask(tcp(HOST.v6, 53))]);
  await ip([`route add 10.244.1.0/24 via ${NODE.v4}`], outside);
  const unmasqueraded = await a.ask(tcp(HOST.v4, 53));
  const flow = udp(NODE.v4, 8080, 5555);
  const moved = [await host.ask(flow)];
  await again.release('a', 'another sandbox');
  moved.push(await host.ask(flow));
  await again.release('a', 'sandbox-of-a');
  moved.push(await host.ask(flow));
  await again.attach({
    ...{ podUID: 'b', podKey: 'ns/b', hostname: 'b', hostPorts: HOST_PORTS },
    ...{ namespace: await makeNamespace(join(stateDir, 'b2')), sandbox: 'sandbox-2-of-b' },
  });
  const b2 = await Speaker.start('b2', [80], join(stateDir, 'b2'));
  moved.push(await host.ask(flow));
  const kept = again.ports().map(({ podUID, addresses }) => `${podUID} ${addresses.map(printIP).join(' ')}`);

  // The namespace goes without a word, as when a machine is switched off; the lease waits for its next sandbox.
  for (const speaker of [a, b, b2]) speaker.end();
  await runCommand(['umount', join(stateDir, 'b2')]);
  for (let i = 0; i < 500 && (await again.check('b')) === undefined; i++) await new Promise((go) => setTimeout(go, 10));
  second.abort();
  const third = new AbortController();
  const last = await startPodNetwork(options, third.signal);
  const gone = await last.check('b');
  const dhcp = await show('ip', '-br', 'link', 'show', 'type', 'tun');
  third.abort();
  for (const speaker of [host, node]) speaker.end();
  await cleanupPodNetwork();
  const left = [await show('nft', 'list', 'ruleset'), await show('ip', '-br', 'link', 'show', 'type', 'bridge')];
  return {
    ...{ a4, a6, b4, b6, ...seen, itself, another, advertised, restarted, unmasqueraded, moved, kept, gone, left },
    taps: dhcp.split('\n').filter((line) => line.startsWith(guest.device)).length,
  };
}

main().then(
  (seen) => process.stdout.write(JSON.stringify(seen), () => process.exit(0)),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
  },
);
