/**
 * What packets notice, with Services in the kernel as one layout or the other has them: the first packet's delay, and the
 * throughput of a connection. Runs in namespaces of its own: see `namespace.ts`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Service } from '../../src/api/core/v1/service.ts';
import type { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { ModeName } from '../../src/cli/proxy-mode.ts';
import { openLibnftables } from '../../src/host/libnftables.ts';
import { desiredForwarding } from '../../src/proxy/forwarding/desired.ts';
import { service, slice } from '../../src/proxy/testing/builders.ts';
import { chainScript } from './chains.ts';
import type { Connect, Connected } from './connect.ts';
import { input, output } from './namespace.ts';
import { runProxy } from './running.ts';
import { buildWorld, clusterIP, PORT, SERVERS } from './world.ts';

export interface Packets {
  readonly services: number;
  /** Ours, in a mode, or the one that ours is compared with. */
  readonly layout: ModeName | 'chains';
  /** Services that are connected to, spread over all. */
  readonly inUse: number;
  /** Connections of each kind to time. */
  readonly samples: number;
  /** Seconds for each measurement of throughput, and how many of each kind. */
  readonly throughput?: { readonly seconds: number; readonly rounds: number };
}

export interface PacketsSeen extends Connected {
  /** Gbit/s. */
  readonly throughput: { readonly direct: readonly number[]; readonly service: readonly number[] };
}

/** Every Service leads to the server, by all of its addresses. */
function objectsOf(number: number): readonly [Service, EndpointSlice] {
  const name = `service-${number}`;
  const spec = {
    clusterIPs: [clusterIP(number)],
    ports: [
      { name: 'bench', port: 80 },
      { name: 'iperf', port: 5201 },
    ],
  };
  const own = slice(name, SERVERS);
  const ports = [
    { name: 'bench', protocol: 'TCP', port: PORT },
    { name: 'iperf', protocol: 'TCP', port: 5201 },
  ] as const;
  return [service(name, spec), { ...own, ports }];
}

async function load({ services, layout }: Packets): Promise<() => Promise<void>> {
  const objects = Array.from({ length: services }, (_, number) => objectsOf(number));
  if (layout !== 'chains') {
    const proxy = await runProxy(objects.flat(), layout);
    return () => proxy.stop();
  }
  const frontends = objects.flatMap(([one, own]) => [
    ...(desiredForwarding(one, [own], { name: 'node1' })?.frontends.values() ?? []),
  ]);
  const runner = await openLibnftables();
  await runner.run(chainScript(frontends));
  return () => runner.close();
}

function connect({ services, inUse, samples }: Packets): Connected {
  const program = fileURLToPath(new URL('connect.ts', import.meta.url));
  const argv = [program, JSON.stringify({ services, inUse, samples } satisfies Connect)];
  return JSON.parse(
    execFileSync(process.execPath, argv, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
}

async function throughput({ seconds, rounds }: NonNullable<Packets['throughput']>): Promise<PacketsSeen['throughput']> {
  const server = spawn('ip', ['netns', 'exec', 'server', 'iperf3', '--server', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(server.stdout, 'data');
  const [direct, service]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    direct.push(iperf(SERVERS[0] ?? '', seconds));
    service.push(iperf(clusterIP(round), seconds));
  }
  server.kill();
  await once(server, 'exit');
  return { direct, service };
}

function iperf(to: string, seconds: number): number {
  const argv = ['netns', 'exec', 'client', 'iperf3', '--client', to, '--time', String(seconds), '--json'];
  const { end } = JSON.parse(execFileSync('ip', argv, { encoding: 'utf8', maxBuffer: 1 << 26 })) as {
    end: { sum_received: { bits_per_second: number } };
  };
  return end.sum_received.bits_per_second / 1e9;
}

const packets = input<Packets>();
buildWorld();
const stop = await load(packets);
await stop();
const connected = connect(packets);
const streams = packets.throughput === undefined ? { direct: [], service: [] } : await throughput(packets.throughput);
output({ ...connected, throughput: streams } satisfies PacketsSeen);
