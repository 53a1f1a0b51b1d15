import { FakeClock } from '../../host/clock.ts';
import { providerContract } from './contract.ts';
import { MEMORY_CLASS, MemoryCloud } from './memory.ts';
import { node } from './testing.ts';

providerContract('memory', async () => {
  const clock = new FakeClock();
  const cloud = new MemoryCloud({ clock });
  const nodes = [node('node1', '192.0.2.1'), node('node2', '192.0.2.2')];
  for (const { metadata } of nodes) {
    cloud.facts.set(metadata.name ?? '', { providerID: `memory://${metadata.name}`, addresses: [], labels: {} });
  }
  return {
    open: async () => cloud.open(),
    nodes,
    taken: (service) => ({ ...service, spec: { ...service.spec, loadBalancerClass: MEMORY_CLASS } }),
    balancers: () => cloud.balancers(),
    writes: () => cloud.writes(),
    pass: (ms) => clock.advance(ms),
    deleteByHand: (owner) => cloud.deleteByHand(owner),
    interrupt: (write) => cloud.interrupt(write),
    nodePorts: () => cloud.nodePorts(),
  };
});
