/** What packets notice of the proxy's rules: the first of a connection, and a long stream of them. */
import { type Figure, type Measured, median, type Row } from '../harness.ts';
import { SIZES } from './loads.ts';
import { inNamespace } from './namespace.ts';
import type { Packets, PacketsSeen } from './packets.ts';

const SAMPLES = 10_000;
/** Services that are connected to at every size, so that the processor's caches are as warm. */
const IN_USE = 100;
/** More than this of the other layout take minutes to load. */
const MOST_CHAINS = 1_000;
const THROUGHPUT = { seconds: 1, rounds: 10 } as const;
/** Services in each of the modes of iptables. */
const OTHER_MODES = 1_000;

const seen = (packets: Packets): PacketsSeen => inNamespace(new URL('packets.ts', import.meta.url), packets);
const ratio = (one: PacketsSeen): number => median(one.service) / median(one.direct);

export function packets(): Measured {
  const largest = Math.max(...SIZES);
  const common = { layout: 'nftables', inUse: IN_USE, samples: SAMPLES } as const;
  const sizes = SIZES.map((services) => {
    const throughput = services === 10_000 ? { throughput: THROUGHPUT } : {};
    return { services, ...seen({ ...common, services, ...throughput }) };
  });
  const cold = seen({ ...common, services: largest, inUse: largest });
  const chains = seen({ ...common, services: MOST_CHAINS, layout: 'chains' });
  const others = (['iptables-nft', 'iptables-legacy'] as const).map((layout) => ({
    layout,
    ...seen({ ...common, services: OTHER_MODES, layout }),
  }));
  const { direct, service } =
    sizes.find(({ throughput }) => throughput.direct.length > 0)?.throughput ?? chains.throughput;
  const rows: Row[] = [
    ...sizes.flatMap((one): Row[] => [
      { what: `${one.services} Services: connection, direct`, unit: 'us', samples: one.direct },
      { what: `${one.services} Services: connection to a Service`, unit: 'us', samples: one.service },
    ]),
    { what: `${largest} Services, all in use: connection, direct`, unit: 'us', samples: cold.direct },
    { what: `${largest} Services, all in use: connection to a Service`, unit: 'us', samples: cold.service },
    { what: `${MOST_CHAINS} Services, a chain each: connection, direct`, unit: 'us', samples: chains.direct },
    { what: `${MOST_CHAINS} Services, a chain each: connection to a Service`, unit: 'us', samples: chains.service },
    ...others.flatMap((one): Row[] => [
      { what: `${one.layout}, ${OTHER_MODES} Services: connection, direct`, unit: 'us', samples: one.direct },
      { what: `${one.layout}, ${OTHER_MODES} Services: connection to a Service`, unit: 'us', samples: one.service },
    ]),
    { what: '10000 Services: throughput, direct', unit: 'Gbit/s', samples: direct },
    { what: '10000 Services: throughput to a Service', unit: 'Gbit/s', samples: service },
  ];
  const ratios = sizes.map(ratio);
  const figures: Figure[] = [
    ...sizes.map((one): Figure => {
      return { name: `proxy-first-packet-${one.services}`, value: ratio(one), unit: 'x direct', goal: 1.35 };
    }),
    {
      name: 'proxy-first-packet-growth',
      value: (ratios.at(-1) ?? Number.NaN) / (ratios[0] ?? Number.NaN),
      unit: 'x',
      goal: 1.1,
    },
    { name: 'proxy-throughput', value: median(service) / median(direct), unit: 'x direct', goal: 0.97, atLeast: true },
  ];
  return { rows, figures };
}
