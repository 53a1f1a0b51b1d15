import { MemoryConntrack } from './memory.ts';
import { conntrackContract } from './testing.ts';

conntrackContract('memory', () => {
  const conntrack = new MemoryConntrack();
  return { conntrack, add: (flows) => flows.forEach((flow) => void conntrack.add(flow)) };
});
