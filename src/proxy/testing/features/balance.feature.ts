/** Connections are spread evenly: each endpoint is as likely as any other. */
import assert from 'node:assert/strict';
import { PODS, PORTS, type PodName } from '../world/topology.ts';
import type { Case } from './case.ts';
import { feature } from './feature.ts';

const CONNECTIONS = 10_000;

/**
 * The value of chi-square that an even spread exceeds once in a million runs, by degrees of freedom: see
 * https://www.itl.nist.gov/div898/handbook/eda/section3/eda3674.htm for what it is.
 */
const ONCE_IN_A_MILLION: Readonly<Record<number, number>> = { 2: 27.6, 7: 40.5 };

/** Every pod at some of its ports: one slice a port. */
const slices = (it: Case, pods: readonly PodName[], ports: readonly number[]) =>
  ports.map((port) => {
    const slice = it.serves(pods, { protocol: 'UDP', port });
    return { ...slice, metadata: { ...slice.metadata, name: `${it.name()}-${port}` } };
  });

function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

async function expectEven(it: Case, endpoints: number): Promise<void> {
  const counts = await it.count('client', [it.vip(), 53], CONNECTIONS);
  assert.equal(counts.size, endpoints, JSON.stringify([...counts]));
  const value = chiSquare([...counts.values()], CONNECTIONS / endpoints);
  const limit = ONCE_IN_A_MILLION[endpoints - 1] ?? Number.NaN;
  assert(value < limit, `chi-square ${value.toFixed(1)} exceeds ${limit}: ${JSON.stringify([...counts])}`);
}

export const balance = [
  feature(`${CONNECTIONS} connections are spread evenly over 8 endpoints`, async (it) => {
    const ports = [{ port: 53, protocol: 'UDP' as const }];
    await it.put(it.service({ ports }), ...slices(it, Object.keys(PODS) as PodName[], PORTS));
    await expectEven(it, 8);
  }),

  feature(`${CONNECTIONS} connections are spread evenly over 3 endpoints, two of five having left`, async (it) => {
    const ports = [{ port: 53, protocol: 'UDP' as const }];
    const [first, second] = [PORTS.slice(0, 1), PORTS.slice(1)];
    await it.put(it.service({ ports }), ...slices(it, ['a1', 'a2', 'b1', 'b2'], first), ...slices(it, ['b2'], second));
    await it.put(...slices(it, ['a2', 'b1', 'b2'], first), ...slices(it, [], second));
    await expectEven(it, 3);
  }),
];
