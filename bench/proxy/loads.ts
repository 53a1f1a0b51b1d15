/** How long it takes to bring many Services into the kernel, and then one changed endpoint. */
import { type Figure, type Measured, median, quantile, type Row } from '../harness.ts';
import type { Load, Loaded } from './load.ts';
import type { LoadChains } from './load-chains.ts';
import { inNamespace } from './namespace.ts';

export const SIZES = [100, 1_000, 10_000, 30_000] as const;
const ENDPOINTS = 5;
const CHANGES = 1000;
/** Once everything is there from the start: many Services, and many endpoints. */
const COLD_STARTS = [
  { services: 44_000, endpoints: 1 },
  { services: 5_000, endpoints: 50 },
] as const;
/** Each cold start so many times: the quickest counts, as what else the machine does can only add to it. */
const STARTS = 2;
const COMPARED = 10_000;
/** Services in each of the modes of iptables. */
const OTHER_MODES = 1_000;

const ours = (load: Load): Loaded => inNamespace(new URL('load.ts', import.meta.url), load);
const chains = (load: LoadChains): number => inNamespace(new URL('load-chains.ts', import.meta.url), load);

export function loads(): Measured {
  const sizes = SIZES.map((services) => ({
    services,
    ...ours({ services, endpoints: ENDPOINTS, families: 'both', mode: 'nftables', changes: CHANGES }),
  }));
  const cold = COLD_STARTS.map((size) => {
    const start = () => ours({ ...size, families: 'both', mode: 'nftables', changes: 0 }).load / 1000;
    return { ...size, seconds: Array.from({ length: STARTS }, start) };
  });
  const others = (['iptables-nft', 'iptables-legacy'] as const).map((mode) => {
    const size = { services: OTHER_MODES, endpoints: ENDPOINTS, families: 'both', changes: 100 } as const;
    return { mode, ...ours({ ...size, mode }) };
  });
  const compared = { services: COMPARED, endpoints: ENDPOINTS, families: 'IPv4' } as const;
  const single = ours({ ...compared, mode: 'nftables', changes: 0 });
  const byLibrary = chains({ ...compared, by: 'library' });
  const rows: Row[] = [
    ...sizes.flatMap(({ services, load, work, changes, stalls }): Row[] => [
      { what: `${services} Services: full load`, unit: 'ms', samples: [load] },
      { what: `${services} Services: full load, processor time`, unit: 'ms', samples: [work] },
      { what: `${services} Services: longest stall while they are loaded`, unit: 'ms', samples: [stalls.load] },
      { what: `${services} Services: one endpoint changed`, unit: 'ms', samples: changes },
    ]),
    ...cold.map(({ services, endpoints, seconds }): Row => {
      return { what: `${services} Services x ${endpoints}: full load`, unit: 's', samples: seconds };
    }),
    ...others.flatMap(({ mode, load, changes }): Row[] => [
      { what: `${mode}, ${OTHER_MODES} Services: full load`, unit: 'ms', samples: [load] },
      { what: `${mode}, ${OTHER_MODES} Services: one endpoint changed`, unit: 'ms', samples: changes },
    ]),
    { what: `${COMPARED} Services, IPv4 alone: full load`, unit: 's', samples: [single.load / 1000] },
    { what: 'the same, a chain each: full load in process', unit: 's', samples: [byLibrary / 1000] },
  ];
  const [first, last] = [sizes[0], sizes.at(-1)];
  const large = sizes.find(({ services }) => services === COMPARED);
  const growth = (q: number) => quantile(last?.changes ?? [], q) / quantile(first?.changes ?? [], q);
  const figures: Figure[] = [
    { name: 'proxy-full-load-against-chains', value: byLibrary / single.load, unit: 'x', goal: 15, atLeast: true },
    ...cold.map(({ services, endpoints, seconds }): Figure => {
      return { name: `proxy-cold-start-${services}-x-${endpoints}`, value: Math.min(...seconds), unit: 's', goal: 5 };
    }),
    { name: 'proxy-endpoint-change-p99', value: quantile(large?.changes ?? [], 0.99), unit: 'ms', goal: 5 },
    { name: 'proxy-endpoint-change-growth-p50', value: growth(0.5), unit: 'x', goal: 1.5 },
    { name: 'proxy-endpoint-change-growth-p99', value: growth(0.99), unit: 'x', goal: 1.5 },
    { name: 'proxy-loop-stall', value: median(sizes.map(({ stalls }) => stalls.changes)), unit: 'ms', goal: 20 },
  ];
  return { rows, figures };
}
