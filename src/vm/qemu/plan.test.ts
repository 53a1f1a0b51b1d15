import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instanceSpec } from '../testing/instance.ts';
import { planGuest } from './plan.ts';

function plan(spec: ReturnType<typeof instanceSpec>) {
  const outcome = planGuest(spec, 'x64');
  assert.equal(outcome.kind, 'plan', JSON.stringify(outcome));
  return outcome.kind === 'plan' ? outcome.plan : assert.fail();
}

function fields(spec: ReturnType<typeof instanceSpec>): readonly string[] {
  const outcome = planGuest(spec, 'x64');
  return outcome.kind === 'refused' ? outcome.causes.map((cause) => cause.field) : [];
}

test('a kernel from an image boots on q35 with the memory and processors that were asked for', () => {
  const { machine, memoryMiB, cpus, kernel, interfaceName } = plan(instanceSpec({ cpu: { cores: 2, sockets: 2 } }));
  assert.deepEqual(
    { machine, memoryMiB, cpus, interfaceName },
    { machine: 'q35', memoryMiB: 128, cpus: 4, interfaceName: 'default' },
  );
  assert.equal(kernel?.kernelPath, '/boot/vmlinuz');
});

test('memory may be asked for as a request, as older manifests do', () => {
  const { memory: _, ...domain } = instanceSpec().domain;
  assert.equal(plan({ domain: { ...domain, resources: { requests: { memory: '1Gi' } } } }).memoryMiB, 1024);
});

test('a container disk is the only file in /disk of its image unless a path is given', () => {
  const volumes = [{ name: 'root', containerDisk: { image: 'debian' } }];
  const spec = instanceSpec({ firmware: {}, devices: { disks: [{ name: 'root', bootOrder: 1 }] } }, { volumes });
  const [disk] = plan(spec).disks;
  assert.deepEqual(disk, { name: 'root', image: 'debian', path: '/disk/', readonly: false, bootIndex: 1 });
});

test('every mistake is named in one pass, each by its field', () => {
  const volumes = [{ name: 'seed', cloudInitNoCloud: { userData: '#cloud-config' } }];
  const broken = instanceSpec({ memory: { guest: '1Mi' }, cpu: { cores: 0 }, machine: { type: 'isapc' } }, { volumes });
  assert.deepEqual(fields(broken).toSorted(), [
    'spec.domain.cpu',
    'spec.domain.machine.type',
    'spec.domain.memory.guest',
    'spec.volumes[0]',
  ]);
  assert.deepEqual(fields(instanceSpec({ firmware: {} })), ['spec.domain']);
  const bootWithoutImage = { kernelBoot: { kernelArgs: 'quiet' } };
  assert.deepEqual(fields(instanceSpec({ firmware: bootWithoutImage })), ['spec.domain.firmware.kernelBoot.container']);
});

test('microvm is there for those who ask for it and boot a kernel without disks', () => {
  assert.equal(plan(instanceSpec({ machine: { type: 'microvm' } })).machine, 'microvm');
  assert.equal(plan(instanceSpec({ machine: { type: 'pc-q35-rhel9.2.0' } })).machine, 'q35');
});
