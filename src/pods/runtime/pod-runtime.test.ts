import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NOTHING, type PodRuntime, podIPsOf } from './pod-runtime.ts';

const pod = (hostNetwork = false): Pod => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } },
  spec: { containers: [], hostNetwork },
});
const withAddresses = (ips: readonly string[]): PodRuntime => ({
  ...NOTHING,
  sandboxes: [
    {
      ...{ id: 's', state: 'READY', createdAt: 1n, labels: {}, annotations: {}, ips },
      metadata: { name: 'p', namespace: 'ns', uid: 'u', attempt: 0 },
    },
  ],
});

test('a pod’s addresses begin with the node’s primary family, whichever the runtime prefers', () => {
  const runtime = withAddresses(['10.244.1.2', 'fd00::2']);
  assert.deepEqual(podIPsOf(pod(), runtime, ['2001:db8::1', '192.0.2.1']), ['fd00::2', '10.244.1.2']);
  assert.deepEqual(podIPsOf(pod(), runtime, ['192.0.2.1', '2001:db8::1']), ['10.244.1.2', 'fd00::2']);
});

test('on the host’s network they are the node’s; without a sandbox there are none', () => {
  assert.deepEqual(podIPsOf(pod(true), NOTHING, ['192.0.2.1']), ['192.0.2.1']);
  assert.deepEqual(podIPsOf(pod(), NOTHING, ['192.0.2.1']), []);
});
