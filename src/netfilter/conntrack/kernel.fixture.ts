// The contract against the kernel. Runs alone in a network namespace: see kernel.test.ts.
import { kernelConntrack } from './kernel.ts';
import { addFlows, flushFlows } from './program.ts';
import { conntrackContract } from './testing.ts';

conntrackContract('kernel', () => {
  flushFlows();
  return { conntrack: kernelConntrack, add: addFlows };
});
