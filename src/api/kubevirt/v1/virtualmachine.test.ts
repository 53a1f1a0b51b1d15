import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { type Template, templateDifference } from './template-difference.ts';
import { runStrategyOf, VirtualMachine } from './virtualmachine.ts';
import { VirtualMachineInstance } from './virtualmachineinstance.ts';

const guest = { domain: { devices: {} } };
const machine = (spec: object) => ({ spec: { runStrategy: 'Always', template: { spec: { ...guest, ...spec } } } });
const domain = (fields: object, devices: object = {}) => ({ domain: { ...fields, devices } });

describe('a VirtualMachine is refused', () => {
  const at = 'spec.template.spec';
  const CASES: readonly [why: string, spec: object, mistakes: readonly string[]][] = [
    [
      'with memory that is no amount',
      domain({ memory: { guest: '128Mb' } }),
      [
        `${at}.domain.memory.guest: Invalid value: "128Mb": must be a quantity: a number with a unit, such as 128Mi, 2Gi or 500m`,
      ],
    ],
    [
      'without memory to speak of',
      domain({ memory: { guest: 0 } }),
      [`${at}.domain.memory.guest: Invalid value: 0: must be greater than 0`],
    ],
    [
      'with no core',
      domain({ cpu: { cores: 0 } }),
      [`${at}.domain.cpu.cores: Invalid value: 0: must be greater than 0`],
    ],
    [
      'with a disk and no volume for it',
      domain({}, { disks: [{ name: 'root' }] }),
      [`${at}.domain.devices.disks[0].name: Invalid value: "root": no volume of that name in ${at}.volumes`],
    ],
    [
      'with a volume that says not what it holds',
      { volumes: [{ name: 'root' }] },
      [`${at}.volumes[0]: Invalid value: []: must have one source, such as containerDisk`],
    ],
    [
      'with a volume of two sources',
      { volumes: [{ name: 'root', containerDisk: { image: 'i' }, emptyDisk: { capacity: '1Gi' } }] },
      [`${at}.volumes[0]: Invalid value: ["containerDisk","emptyDisk"]: must have exactly one source`],
    ],
    [
      'with a volume twice',
      {
        volumes: [
          { name: 'r', containerDisk: { image: 'i' } },
          { name: 'r', containerDisk: { image: 'i' } },
        ],
      },
      [`${at}.volumes[1].name: Duplicate value: "r"`],
    ],
    [
      'with an interface on no network',
      domain({}, { interfaces: [{ name: 'default' }] }),
      [`${at}.domain.devices.interfaces[0].name: Invalid value: "default": no network of that name in ${at}.networks`],
    ],
    [
      'with a multicast MAC address',
      { ...domain({}, { interfaces: [{ name: 'd', macAddress: '01:00:5e:00:00:01' }] }), networks: [{ name: 'd' }] },
      [
        `${at}.domain.devices.interfaces[0].macAddress: Invalid value: "01:00:5e:00:00:01": must be a unicast MAC address: the first byte must be even`,
      ],
    ],
    [
      'with a probe that probes nothing',
      { readinessProbe: { periodSeconds: 1 } },
      [`${at}.readinessProbe: Required value: must have exactly one of httpGet, tcpSocket, exec, guestAgentPing`],
    ],
    [
      'with a probe of a port that is none',
      { readinessProbe: { httpGet: { port: 70000 }, periodSeconds: -1 } },
      [
        `${at}.readinessProbe.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive`,
        `${at}.readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0`,
      ],
    ],
    [
      'with arguments for a kernel it does not name',
      domain({ firmware: { kernelBoot: { kernelArgs: 'quiet' } } }),
      [
        `${at}.domain.firmware.kernelBoot.kernelArgs: Invalid value: "quiet": kernel arguments cannot be provided without an external kernel`,
      ],
    ],
    [
      'with an image and no path in it',
      domain({ firmware: { kernelBoot: { container: { image: 'i' } } } }),
      [
        `${at}.domain.firmware.kernelBoot.container.kernelPath: Required value: kernelPath or initrdPath must be specified`,
      ],
    ],
  ];
  for (const [why, spec, expected] of CASES) {
    test(why, () => assert.deepEqual(mistakesOf(VirtualMachine, machine(spec)), expected));
  }

  test('when it says twice or not at all whether it runs', () => {
    const template = { spec: guest };
    assert.deepEqual(mistakesOf(VirtualMachine, { spec: { running: true, runStrategy: 'Always', template } }), [
      'spec.running: Invalid value: true: Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead',
    ]);
    assert.deepEqual(mistakesOf(VirtualMachine, { spec: { template } }), [
      'spec.runStrategy: Required value: One of Running or RunStrategy must be specified',
    ]);
  });

  test('with labels that its pod could not carry', () => {
    const spec = { running: true, template: { metadata: { labels: { special: 'k e y' } }, spec: guest } };
    assert.match(
      mistakesOf(VirtualMachine, { spec })[0] ?? '',
      /^spec\.template\.metadata\.labels: Invalid value: "k e y"/,
    );
  });
});

test('a VirtualMachine as the examples write it is right, and keeps what is not acted on', () => {
  const manifest = machine({
    domain: {
      cpu: { cores: 1 },
      memory: { guest: '128Mi' },
      firmware: {
        kernelBoot: {
          container: { image: 'postern.dev/demo:latest', kernelPath: '/boot/vmlinuz', initrdPath: '/boot/initrd' },
        },
      },
      devices: { interfaces: [{ name: 'default', masquerade: {} }], rng: {} },
    },
    networks: [{ name: 'default', pod: {} }],
    readinessProbe: { httpGet: { path: '/', port: 9376 }, periodSeconds: 1 },
    evictionStrategy: 'None',
  });
  assert.deepEqual(mistakesOf(VirtualMachine, manifest), []);
  assert.deepEqual(admitted(VirtualMachine, manifest).spec, manifest.spec);
});

test('a new VirtualMachine brings no status of its own', () => {
  const { status } = admitted(VirtualMachine, { ...machine({}), status: { ready: true } });
  assert.equal(status, undefined);
});

test('the older running means Always or Halted', () => {
  const strategy = (spec: object) =>
    runStrategyOf(admitted(VirtualMachine, { spec: { ...spec, template: { spec: guest } } }));
  assert.equal(strategy({ running: true }), 'Always');
  assert.equal(strategy({ running: false }), 'Halted');
  assert.equal(strategy({ runStrategy: 'Manual' }), 'Manual');
});

test('the spec of an instance does not change', () => {
  const old = admitted(VirtualMachineInstance, { spec: guest });
  assert.deepEqual(mistakesOf(VirtualMachineInstance, { spec: guest, metadata: { labels: { a: 'b' } } }, old), []);
  assert.match(
    mistakesOf(VirtualMachineInstance, { spec: { ...guest, hostname: 'b' } }, old)[0] ?? '',
    /^spec: Forbidden/,
  );
});

describe('the difference of two templates', () => {
  const from: Template = {
    metadata: { labels: { app: 'web' } },
    spec: {
      domain: { memory: { guest: '128Mi' }, devices: { disks: [{ name: 'root' }, { name: 'data' }] } },
      volumes: [{ name: 'root', containerDisk: { image: 'a' } }],
      nodeSelector: { zone: 'a' },
    },
  };
  const CASES: readonly [what: string, to: Template, paths: readonly string[]][] = [
    ['is nothing for the same template', structuredClone(from), []],
    [
      'names a label that is new',
      { ...from, metadata: { labels: { app: 'web', special: 'key' } } },
      ['spec.template.metadata.labels["special"]'],
    ],
    ['names a label that is gone', { spec: from.spec }, ['spec.template.metadata.labels["app"]']],
    [
      'names a field deep inside, and elements by their names',
      {
        ...from,
        spec: {
          ...from.spec,
          domain: {
            memory: { guest: '256Mi' },
            devices: { disks: [{ name: 'root' }, { name: 'data', bootOrder: 1 }] },
          },
          volumes: [{ name: 'root', containerDisk: { image: 'b' } }],
          nodeSelector: { zone: 'b' },
        },
      },
      [
        'spec.template.spec.domain.devices.disks["data"].bootOrder',
        'spec.template.spec.domain.memory.guest',
        'spec.template.spec.nodeSelector["zone"]',
        'spec.template.spec.volumes["root"].containerDisk.image',
      ],
    ],
    [
      'names a list whose order changed',
      {
        ...from,
        spec: {
          ...from.spec,
          domain: { ...from.spec.domain, devices: { disks: [{ name: 'data' }, { name: 'root' }] } },
        },
      },
      ['spec.template.spec.domain.devices.disks'],
    ],
    [
      'leaves out metadata that no instance gets',
      { ...from, metadata: { ...from.metadata, creationTimestamp: 'x' } },
      [],
    ],
  ];
  for (const [what, to, paths] of CASES) {
    test(what, () => assert.deepEqual(templateDifference(from, to), paths));
  }
});
