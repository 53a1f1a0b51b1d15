import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import { withConditions } from '../../api/meta/conditions.ts';
import { instance } from '../testing/instance.ts';
import { desiredInstanceStatus, desiredPodStatus, type GuestView } from './desired.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'compute' }] },
};
const READY = { ready: true, why: '', late: false };

function view(changes: Partial<GuestView> = {}): GuestView {
  return {
    phase: { kind: 'running', startedAt: NOW },
    readiness: READY,
    addresses: ['10.244.1.2', 'fd00::2'],
    mac: '02:00:00:00:00:05',
    interfaceName: 'default',
    nodeName: 'node1',
    hostIPs: ['192.0.2.1', '2001:db8::1'],
    consoleLines: [],
    ...changes,
  };
}

const conditionOf = (status: { conditions?: readonly { type: string }[] }, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

test('a ready guest gives its pod its addresses, the primary family first, and its node’s', () => {
  const status = desiredPodStatus(POD, view(), NOW);
  assert.equal(status.phase, 'Running');
  assert.deepEqual([status.podIP, status.podIPs], ['10.244.1.2', [{ ip: '10.244.1.2' }, { ip: 'fd00::2' }]]);
  assert.deepEqual([status.hostIP, status.hostIPs?.length], ['192.0.2.1', 2]);
  const condition = conditionOf(status, 'Ready');
  assert.deepEqual(condition, { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z' });
});

test('a guest that is late says which address does not answer, and what its console shows', () => {
  const readiness = { ready: false, why: '[fd00::2]:9376: refused', late: true };
  const status = desiredInstanceStatus(
    instance('vm'),
    view({ readiness, consoleLines: ['Kernel panic', 'halted'] }),
    NOW,
  );
  assert.deepEqual(conditionOf(status, 'Ready'), {
    type: 'Ready',
    status: 'False',
    reason: 'GuestNotReady',
    message: 'the guest runs and its readiness probe fails: [fd00::2]:9376: refused (console: Kernel panic | halted)',
    lastTransitionTime: '2026-01-02T03:04:05Z',
  });
});

test('an instance that is not running yet keeps the phase its controller gave it', () => {
  const vmi = { ...instance('vm'), status: { phase: 'Scheduled' } };
  const blocked = { kind: 'blocked', reason: 'ImageNotFound', message: 'build it' } as const;
  const status = desiredInstanceStatus(vmi, view({ phase: blocked }), NOW);
  assert.equal(status.phase, 'Scheduled');
  assert.equal(status.phaseTransitionTimestamps, undefined);
});

test('an ended guest is not ready, and both objects tell the outcome', () => {
  const phase = {
    kind: 'ended',
    outcome: 'Failed',
    reason: 'QEMUEnded',
    message: 'QEMU was killed by SIGKILL',
  } as const;
  const status = desiredPodStatus(POD, view({ phase }), NOW);
  assert.deepEqual([status.phase, status.reason], ['Failed', 'QEMUEnded']);
  assert.equal((conditionOf(status, 'Ready') as { status?: string }).status, 'False');
  assert.equal(desiredInstanceStatus(instance('vm'), view({ phase }), NOW).phase, 'Failed');
});

test('the same view again gives the same status, so nothing is written', () => {
  const first = desiredPodStatus(POD, view(), NOW);
  assert.deepEqual(desiredPodStatus({ ...POD, status: first }, view(), NOW + 5000), first);
});

test('conditions of others stay as they are', () => {
  const foreign = { type: 'Paused', status: 'False' };
  const merged = withConditions([foreign], [{ type: 'Ready', status: 'True' }], NOW);
  assert.equal(merged[0], foreign);
});
