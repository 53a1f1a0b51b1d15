import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../api/core/v1/node.ts';
import { Pod } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import { VirtualMachine } from '../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../api/kubevirt/v1/virtualmachineinstance.ts';
import { keyOf } from '../api/meta/v1.ts';
import { TransportError } from '../client/client.ts';
import { endpointSliceController } from './endpointslice/endpointslice.ts';
import { garbageCollector } from './garbage-collection/garbage-collection.ts';
import { schedulerController } from './scheduler/scheduler.ts';
import { type World, world } from './testing.ts';
import { virtualMachineController } from './virtualmachine/virtualmachine.ts';
import { virtualMachineInstanceController } from './virtualmachineinstance/virtualmachineinstance.ts';

const NAMES = ['a', 'b', 'c'];
const key = (name: string) => ({ namespace: 'ns', name });

const node = (name: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
});

const vm = (name: string): VirtualMachine => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: key(name),
  spec: {
    runStrategy: 'Always',
    template: { metadata: { labels: { app: 'web' } }, spec: { domain: { devices: {}, memory: { guest: '64Mi' } } } },
  },
});

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: key('web'),
  spec: { selector: { app: 'web' }, ipFamilies: ['IPv4'], ports: [{ port: 80 }] },
};

/** Numbers that a seed determines. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What the nodes do: run pods that are there, and end those that are to go. */
async function runNodes(w: World): Promise<void> {
  for (const pod of await w.all(Pod)) {
    if (pod.metadata.deletionTimestamp !== undefined) {
      w.client.remove(Pod, keyOf(pod));
    } else if (pod.spec?.nodeName && (pod.status?.phase ?? 'Pending') === 'Pending') {
      const [, number = '2'] = /(\d+)$/.exec(pod.metadata.uid ?? '') ?? [];
      const status = {
        phase: 'Running',
        podIPs: [{ ip: `10.244.${Number(number) >> 8}.${Number(number) & 255}` }],
        conditions: [{ type: 'Ready', status: 'True' }],
      };
      w.client.seed({ ...pod, status });
    }
  }
  await w.settle();
}

async function disturb(w: World, random: (below: number) => number): Promise<void> {
  const name = NAMES[random(NAMES.length)] ?? 'a';
  const pods = await w.all(Pod);
  const pod = pods[random(pods.length)];
  const machine = await w.find(VirtualMachine, key(name));
  switch (random(6)) {
    case 0: // QEMU dies.
      if (pod) w.client.seed({ ...pod, status: { ...pod.status, phase: 'Failed', conditions: [] } });
      break;
    case 1: // Somebody deletes the pod.
      if (pod) w.client.remove(Pod, keyOf(pod));
      break;
    case 2:
      if (machine)
        await w.client.delete(VirtualMachine, key(name)).catch(() => {}); // A fault may be under way.
      else w.client.seed(vm(name));
      break;
    case 3: {
      const uid = (await w.find(VirtualMachineInstance, key(name)))?.metadata.uid;
      if (machine && uid) {
        const stateChangeRequests = [{ action: 'Stop' as const, uid }, { action: 'Start' as const }];
        w.client.seed({ ...machine, status: { ...machine.status, stateChangeRequests } });
      }
      break;
    }
    case 4: // The server restarts.
      w.client.disconnect();
      break;
    default: // The server fails for a while.
      w.client.failWith((verb) => {
        return verb !== 'list' && random(3) === 0 ? new TransportError('a fault that the test made') : undefined;
      });
  }
}

describe('guests, through anything that happens', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`never run twice, and all run in the end (seed ${seed})`, async () => {
      const random = generator(seed);
      const controllers = [
        virtualMachineController,
        virtualMachineInstanceController,
        schedulerController,
        endpointSliceController,
        garbageCollector,
      ];
      const w = await world([node('node1'), node('node2'), service, ...NAMES.map(vm)], ...controllers);
      for (let step = 0; step < 60; step++) {
        await disturb(w, random);
        if (random(2) === 0) await w.pass(1000);
        await runNodes(w);
        if (random(2) === 0) w.client.failWith(undefined);
        const live = (await w.all(Pod)).filter(({ status }) => status?.phase !== 'Failed');
        const owners = live.map(({ metadata }) => metadata.labels?.['vm.kubevirt.io/name']);
        assert.equal(new Set(owners).size, owners.length, `step ${step}: ${owners}`);
      }
      w.client.failWith(undefined);
      for (const name of NAMES) if ((await w.find(VirtualMachine, key(name))) === undefined) w.client.seed(vm(name));
      for (let round = 0; round < 12; round++) {
        await w.pass(60_000);
        await runNodes(w);
      }
      for (const machine of NAMES) {
        if ((await w.find(VirtualMachine, key(machine))) !== undefined) continue;
        w.client.seed(vm(machine)); // Its deletion had not ended yet.
        await w.settle();
        await runNodes(w);
      }
      const pods = await w.all(Pod);
      assert.equal(pods.length, NAMES.length);
      const addresses = pods.flatMap(({ status }) => status?.podIPs ?? []).map(({ ip }) => ip);
      const slices = await w.all(EndpointSlice);
      const endpoints = slices.flatMap((slice) => slice.endpoints.map((endpoint) => endpoint.addresses[0]));
      assert.deepEqual(endpoints.sort(), addresses.sort());
      await w.stop();
    });
  }
});
