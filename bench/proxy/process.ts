/** What the proxy costs as the process that runs on a node, and how it keeps up with many changes. */
import type { Figure, Measured } from '../harness.ts';
import { inNamespace } from './namespace.ts';
import type { Real, Seen } from './real.ts';

const REAL: Real = {
  ...{ services: 10_000, endpoints: 5, families: 'IPv4' },
  few: { rate: 20, seconds: 15 },
  many: { rate: 200, seconds: 60 },
};

export function asProcess(): Measured {
  const { ready, memory, memoryAfter, processor, many } = inNamespace<Seen>(new URL('real.ts', import.meta.url), REAL);
  const what = `process, ${REAL.services} x ${REAL.endpoints}`;
  const percent = (share: number) => share * 100;
  const rows = [
    { what: `${what}: started until ready`, unit: 's', samples: [ready / 1000] },
    { what: `${what}: memory`, unit: 'MB', samples: [memory] },
    { what: `${what}: memory, after many changes`, unit: 'MB', samples: [memoryAfter] },
    { what: `${what}: processor, at rest`, unit: '% of a core', samples: [percent(processor.rest)] },
    { what: `${what}: processor, ${REAL.few.rate} changes/s`, unit: '% of a core', samples: [percent(processor.few)] },
    { what: `${REAL.many.rate} changes/s: changes sent`, unit: 'changes', samples: [many.sent] },
    { what: `${REAL.many.rate} changes/s: into the kernel, median`, unit: 'ms', samples: [many.median] },
    { what: `${REAL.many.rate} changes/s: into the kernel, p99`, unit: 'ms', samples: [many.p99] },
    { what: `${REAL.many.rate} changes/s: into the kernel, at most`, unit: 'ms', samples: [many.max] },
  ];
  const figures: Figure[] = [
    { name: 'proxy-memory', value: memory, unit: 'MB', goal: 200 },
    { name: 'proxy-processor', value: percent(processor.few), unit: '% of a core', goal: 5 },
    { name: 'proxy-churn-differences', value: many.differences, unit: 'operations', goal: 1 },
  ];
  return { rows, figures };
}
