// The contract against the kernel. Runs alone in a network namespace: see kernel.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelConntrack } from './kernel.ts';
import { addFlows, flushFlows } from './testing/program.ts';
import { conntrackContract, flowTo, PLACES } from './testing.ts';

conntrackContract('kernel', () => {
  flushFlows();
  return { conntrack: kernelConntrack, add: addFlows };
});

test('kernel: many flows come some at a time, so that others have their turn', async () => {
  const { service, endpoint } = PLACES.IPv6;
  const to = { daddr: service, dport: 53 };
  flushFlows();
  addFlows(
    Array.from({ length: 5000 }, (_, i) => flowTo('IPv6', 'udp', to, { sport: 4000 + i, endpoint, port: 5353 })),
  );
  const sizes: number[] = [];
  for await (const some of kernelConntrack.flows({ family: 'IPv6', protocol: 'udp' })) sizes.push(some.length);
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    5000,
  );
  assert(Math.max(...sizes) < 400, sizes.join(' '));
});
