/** For tests: providers to run a controller over, with somebody who can look behind them and let things go wrong. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import { FakeClock } from '../../../host/clock.ts';
import { START } from '../../testing.ts';
import type { ContractBalancer } from '../contract.ts';
import { MEMORY_CLASS, MemoryCloud } from '../memory.ts';
import { OciError } from '../oci/calls.ts';
import { OciWorld } from '../oci/load-balancer/testing.ts';
import { node, service } from '../testing.ts';
import type { Surroundings } from './crashing-world.ts';

export interface Subject {
  readonly provider: string;
  readonly around: Surroundings;
  /** A Service that the provider takes. */
  own(name: string): Service;
  /** A node that there may be. */
  node(ready: boolean): Node;
  balancers(): readonly ContractBalancer[];
  /** Load balancers that were ever made. */
  made(): number;
  /** All that is there, and whatever else the provider may change. */
  left(): unknown;
  deleteByHand(owner: string): void;
  interrupt(write: { readonly nth: number; readonly how: 'before' | 'after' } | undefined): void;
  /** What calls fail with while the provider is away. */
  away(): Error;
}

function inMemory(): Subject {
  const clock = new FakeClock(START);
  const cloud = new MemoryCloud({ clock });
  const nodes = [node('node1', '192.0.2.1'), node('node2', '192.0.2.2')];
  return {
    provider: 'memory',
    around: {
      ...{ clock, nodes },
      open: () => cloud.open(),
      beforeWrites(effect) {
        cloud.beforeWrite = effect;
      },
    },
    own: (name) => service(name, { loadBalancerClass: MEMORY_CLASS }),
    node: (ready) => node('node2', '192.0.2.2', { ready }),
    balancers: () => cloud.balancers(),
    made: () => cloud.made(),
    left: () => cloud.balancers(),
    deleteByHand: (owner) => cloud.deleteByHand(owner),
    interrupt: (write) => cloud.interrupt(write),
    away: () => new Error('the provider is away'),
  };
}

/** Oracle's provider, before a cloud that is in memory. */
function inOci(annotations: Readonly<Record<string, string>>): Subject {
  const world = new OciWorld();
  const { clock, nodes, watched } = world;
  const { loadBalancers, networkLoadBalancers, networkSecurityGroups, securityLists } = world.cloud.state;
  const [, second = node('node2', '192.0.2.2')] = nodes;
  return {
    provider: 'oci',
    around: {
      ...{ clock, nodes },
      open: () => world.open(),
      beforeWrites(effect) {
        watched.beforeWrite = effect;
      },
    },
    own(name) {
      const own = service(name, { loadBalancerClass: 'oci.oraclecloud.com/load-balancer' });
      return { ...own, metadata: { ...own.metadata, annotations } };
    },
    node: (ready) => ({
      ...second,
      status: { ...second.status, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    }),
    balancers: () => world.balancers(),
    made: () => loadBalancers.all().length + networkLoadBalancers.all().length,
    left: () => ({
      balancers: world.balancers(),
      groups: networkSecurityGroups.all().filter(({ lifecycleState }) => lifecycleState !== 'TERMINATED'),
      rules: securityLists.all().map((list) => [list.ingressSecurityRules, list.egressSecurityRules]),
    }),
    deleteByHand(owner) {
      for (const { id, freeformTags } of world.all()) {
        if (freeformTags?.['postern.dev/service'] !== owner) continue;
        loadBalancers.delete(id);
        networkLoadBalancers.delete(id);
      }
    },
    interrupt: (write) => watched.interrupt(write),
    away: () => new OciError('the provider is away', { code: 'Unreachable' }),
  };
}

const TYPE = 'oci.oraclecloud.com/load-balancer-type';
const RULES = 'oci.oraclecloud.com/security-rule-management-mode';

/** Makes each of them anew, by name. */
export const SUBJECTS: readonly (readonly [string, () => Subject])[] = [
  ['memory', inMemory],
  ['lb', () => inOci({ [TYPE]: 'lb' })],
  ['nlb', () => inOci({ [TYPE]: 'nlb', [RULES]: 'NSG' })],
];
