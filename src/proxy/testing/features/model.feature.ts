/**
 * The model of packets against packets: what a walk through the rules as data says of a connection (`netfilter/trace.ts`) is what
 * happens to it, in every mode.
 */
import type { Service } from '../../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../../api/discovery/v1/endpointslice.ts';
import type { Outcome } from '../../../netfilter/trace.ts';
import { nodeWith } from '../node.ts';
import { randomFrom } from '../random-changes.ts';
import { type ActorName, CLIENT, NODES, ownerOf, PODS, PORTS, type PodName, REMOTE } from '../world/topology.ts';
import type { Case, Destination } from './case.ts';
import { feature } from './feature.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const SERVICES = 8;

const SOURCES = ['a1', 'a2', 'b1', 'node1', 'client', 'remote'] as const;
type Source = (typeof SOURCES)[number];
const ADDRESSES = { ...PODS, node1: NODES.node1, client: CLIENT, remote: REMOTE } as const;

const CONDITIONS = [
  { ready: true },
  { ready: true },
  { ready: true },
  { ready: false, serving: true, terminating: true },
  { ready: false },
];

/** A random Service and its endpoints, with three at most, so that asking often shows all of them. */
function randomService(it: Case, index: number, random: () => number): readonly [Service, EndpointSlice] {
  const below = (count: number) => Math.floor(random() * count);
  const chance = (share: number) => random() < share;
  const pods = (Object.keys(PODS) as PodName[]).filter(() => chance(0.5)).slice(0, 3);
  const endpoints = pods.map((pod) => it.endpoint(pod, { conditions: CONDITIONS[below(CONDITIONS.length)] ?? {} }));
  const host = (name: Source) => `${ADDRESSES[name][it.family]}/${it.family === 'IPv4' ? 32 : 128}`;
  const service = it.loadBalancer(
    {
      externalTrafficPolicy: chance(0.5) ? 'Local' : 'Cluster',
      internalTrafficPolicy: chance(0.3) ? 'Local' : 'Cluster',
      externalIPs: chance(0.3) ? [it.virtualIP(SERVICES + index)] : [],
      loadBalancerSourceRanges: chance(0.3) ? SOURCES.filter(() => chance(0.5)).map(host) : [],
    },
    index,
  );
  return [service, it.serves(endpoints, { port: PORTS[below(PORTS.length)] ?? PORTS[0] }, index)];
}

/** Where somebody connects to. Another node's pods reach cluster IPs through their own node's proxy. */
function entrances(it: Case, index: number, who: Source): readonly Destination[] {
  const everyone = [
    [it.nodeIP, it.nodePort(index)],
    [it.virtualIP(index), 80],
    [it.virtualIP(SERVICES + index), 80],
  ] as const;
  return who === 'b1' ? everyone : [...everyone, [it.vip(index), 80], [it.vip(index), 81]];
}

/** What someone who connects is to see for an outcome, in a {@link Case}'s words; undefined: nothing of ours. */
function seen({ act, to, masqueraded }: Outcome, who: ActorName): string | undefined {
  if (act === 'reject') return 'refused';
  if (act === 'drop') return 'silence';
  const by = ownerOf(to.ip);
  if (!(by in PODS)) return undefined;
  return `${by}${to.port === PORTS[0] ? '' : `:${to.port}`} saw ${masqueraded ? 'node1' : who}`;
}

export const model = [
  feature('every connection goes where the model of packets says, for random Services', async (it) => {
    const random = randomFrom(SEED);
    const objects = Array.from({ length: SERVICES }, (_, index) => randomService(it, index, random)).flat();
    await it.put(...objects);
    const outcomes = await nodeWith(objects);
    const check = async (who: Source, [host, port]: Destination) => {
      const saddr = ADDRESSES[who][it.family];
      const expected = outcomes({ saddr, daddr: host, protocol: 'tcp', dport: port }).map((one) => seen(one, who));
      const known = expected.filter((text) => text !== undefined);
      if (known.length < expected.length) return;
      if (known[0] === 'silence') await it.expectSilence(who, [host, port]);
      else await it.expect(who, [host, port], known, known.length > 1 ? { times: 40 } : {});
    };
    for (let index = 0; index < SERVICES; index++) {
      const checks = SOURCES.flatMap((who) => entrances(it, index, who).map((to) => check(who, to)));
      await Promise.all(checks).catch((error) => {
        throw new Error(`SEED=${SEED}: ${error}`, { cause: error });
      });
    }
  }),
];
