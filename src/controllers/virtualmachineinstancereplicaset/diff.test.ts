import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { VirtualMachineInstanceReplicaSet } from '../../api/kubevirt/v1/virtualmachineinstancereplicaset.ts';
import { printTime } from '../../api/time.ts';
import { START } from '../testing.ts';
import { BURST, scalePlan } from './diff.ts';

function set(fields: Partial<VirtualMachineInstanceReplicaSet['spec']>): VirtualMachineInstanceReplicaSet {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstanceReplicaSet',
    metadata: { namespace: 'ns', name: 'web', uid: 'set' },
    spec: { selector: {}, template: { spec: { domain: { devices: {} } } }, ...fields },
  };
}

interface State {
  readonly phase?: string;
  readonly ready?: boolean;
  readonly deleted?: boolean;
  /** Seconds after START. */
  readonly made?: number;
  readonly ended?: number;
}

function vmi(
  name: string,
  { phase = 'Running', ready = false, deleted, made = 0, ended }: State,
): VirtualMachineInstance {
  const at = (after: number) => printTime(START + after * 1000);
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name, creationTimestamp: at(made), ...(deleted ? { deletionTimestamp: at(made) } : {}) },
    spec: { domain: { devices: {} } },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      ...(ended === undefined ? {} : { phaseTransitionTimestamps: [{ phase, phaseTransitionTimestamp: at(ended) }] }),
    },
  };
}

const namesOf = (instances: readonly VirtualMachineInstance[]) => instances.map(({ metadata }) => metadata.name);

describe('the plan of a replica set', () => {
  it('makes what is missing, and counts neither the ended nor the deleted', () => {
    const instances = [vmi('a', {}), vmi('b', { phase: 'Failed' }), vmi('c', { deleted: true })];
    const plan = scalePlan(set({ replicas: 3 }), instances, START);
    assert.equal(plan.create, 2);
    assert.deepEqual(namesOf(plan.finished), ['b']);
    assert.deepEqual(plan.excess, []);
  });

  it('deletes those that are not ready first, of these the least far, of equals the youngest', () => {
    const instances = [
      vmi('ready', { ready: true, made: 9 }),
      vmi('old', { made: 1 }),
      vmi('young', { made: 2 }),
      vmi('new', { phase: 'Pending' }),
      vmi('placed', { phase: 'Scheduled', made: 9 }),
    ];
    const order = ['new', 'placed', 'young', 'old', 'ready'];
    for (let replicas = 0; replicas < 5; replicas++) {
      assert.deepEqual(namesOf(scalePlan(set({ replicas }), instances, START).excess), order.slice(0, 5 - replicas));
    }
  });

  it('makes and deletes no more than a bounded number at a time', () => {
    assert.equal(scalePlan(set({ replicas: 10_000 }), [], START).create, BURST);
    const many = Array.from({ length: 1000 }, (_, i) => vmi(`v${i}`, {}));
    assert.equal(scalePlan(set({ replicas: 0 }), many, START).excess.length, BURST);
  });

  it('does nothing while it is paused', () => {
    const instances = [vmi('a', {}), vmi('b', { phase: 'Failed' })];
    const plan = scalePlan(set({ replicas: 7, paused: true }), instances, START);
    assert.deepEqual(plan, { create: 0, excess: [], finished: [] });
  });

  it('lets an instance that ended soon after its start keep its place for ten seconds', () => {
    const early = [vmi('a', { phase: 'Failed', made: 0, ended: 5 })];
    const then = scalePlan(set({ replicas: 1 }), early, START + 6000);
    assert.deepEqual(then, { create: 0, excess: [], finished: [], wait: 9000 });
    const later = scalePlan(set({ replicas: 1 }), early, START + 15_000);
    assert.deepEqual([later.create, namesOf(later.finished), later.wait], [1, ['a'], undefined]);
    const steady = [vmi('b', { phase: 'Failed', made: 0, ended: 60 })];
    assert.equal(scalePlan(set({ replicas: 1 }), steady, START + 60_000).create, 1);
    assert.deepEqual(namesOf(scalePlan(set({ replicas: 0 }), early, START + 6000).finished), ['a']);
  });
});
