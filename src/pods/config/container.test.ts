import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podQoS } from '../../api/core/v1/pod-spec/resource-totals.ts';
import type { Container, PodSpec, VolumeMount } from '../../api/core/v1/pod-spec.ts';
import { PodPaths } from '../volumes/paths.ts';
import { containerConfig } from './container.ts';
import { plannedMounts } from './mounts.ts';
import { podGroupSettings } from './pod-limits.ts';
import { isProblem } from './problems.ts';
import { linuxResources } from './resources.ts';
import { portMappings, sandboxConfig } from './sandbox.ts';
import { container, image, POD_UID, pod } from './testing.ts';

const MiB = 1024 * 1024;
const machine = { memory: 1000 * MiB, unifiedCgroups: false };
const paths = new PodPaths('/state');

function resourcesOf(resources: Container['resources'], spec: PodSpec = {}, on = machine) {
  const main = container(resources === undefined ? {} : { resources });
  const whole = pod({ containers: [main], ...spec });
  return linuxResources(whole, main, podQoS(whole.spec ?? {}), on);
}

test('requests become weights, and limits become quotas', () => {
  const made = resourcesOf({ limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '250m' } });
  assert.deepEqual([made.cpuShares, made.cpuPeriod, made.cpuQuota], [256, 100_000, 150_000]);
  assert.equal(made.memoryLimitInBytes, 64 * MiB);
  const tiny = resourcesOf({ limits: { cpu: '1m' } });
  assert.deepEqual([tiny.cpuShares, tiny.cpuQuota], [2, 1000]);
  const none = resourcesOf(undefined);
  assert.deepEqual([none.cpuShares, none.cpuQuota, none.memoryLimitInBytes], [2, undefined, undefined]);
  assert.equal(none.unified, undefined);
  assert.deepEqual(resourcesOf(undefined, {}, { ...machine, unifiedCgroups: true }).unified, {
    'memory.oom.group': '1',
  });
});

test('who was promised more is ended later when memory runs out', () => {
  const score = (...args: Parameters<typeof resourcesOf>) => resourcesOf(...args).oomScoreAdj;
  const all = { cpu: '1', memory: '100Mi' };
  assert.equal(score({ limits: all, requests: all }), -997);
  assert.equal(score(undefined), 1000);
  assert.equal(score({ requests: { memory: '250Mi' } }), 750);
  assert.equal(score({ requests: { cpu: '1' } }), 999);
  assert.equal(score({ requests: { memory: '2Gi' } }), 3);
  assert.equal(score(undefined, { priority: 2_000_001_000 }), -997);
  const sidecar = container({ name: 'side', restartPolicy: 'Always' });
  const main = container({ resources: { requests: { memory: '500Mi' } } });
  const whole = pod({ containers: [main], initContainers: [sidecar] });
  // What the containers need lasts as long as they do.
  assert.equal(linuxResources(whole, sidecar, 'Burstable', machine).oomScoreAdj, 500);
});

test('what containers ask for counts among all pods, and limits of all of them are limits of the pod', () => {
  const settings = (resources: readonly Container['resources'][], unified = false) => {
    const containers = resources.map((one, i) => container({ name: `c${i}`, ...(one ? { resources: one } : {}) }));
    const spec = { containers };
    return podGroupSettings(spec, podQoS(spec), unified).map(({ file, value }) => `${file} ${value}`);
  };
  const some = { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '64Mi' } };
  assert.deepEqual(settings([some, some]), [
    'cpu.shares 204',
    'cpu.cfs_period_us 100000',
    'cpu.cfs_quota_us 100000',
    `memory.limit_in_bytes ${128 * MiB}`,
  ]);
  assert.deepEqual(settings([some, { requests: { cpu: '1' } }]), ['cpu.shares 1126']);
  assert.deepEqual(settings([undefined]), ['cpu.shares 2']);
  assert.deepEqual(settings([some], true), ['cpu.weight 4', 'cpu.max 50000 100000', `memory.max ${64 * MiB}`]);
});

test('the sandbox has the pod’s name, ports, groups and marks', () => {
  const dns = { servers: ['10.244.1.1'], searches: [], options: [] };
  const inputs = { attempt: 2, nodeName: 'n1', clusterDomain: 'cluster.local', dns, paths };
  const ports = [
    { containerPort: 80, hostPort: 8080, protocol: 'TCP' },
    { containerPort: 81, protocol: 'TCP' },
  ];
  const labels = { app: 'web', 'postern.dev/node': 'other' };
  const whole = pod({ containers: [container({ ports })] }, { labels, annotations: { a: 'b' } });
  const config = sandboxConfig({ ...inputs, pod: whole });
  assert.ok(!isProblem(config));
  assert.deepEqual(config.metadata, { name: 'web', namespace: 'shop', uid: POD_UID, attempt: 2 });
  assert.equal(config.hostname, 'web');
  assert.equal(config.logDirectory, `/state/logs/shop_web_${POD_UID}`);
  assert.equal(config.linux.cgroupParent, `/postern/n1/pod${POD_UID}`);
  assert.deepEqual(config.portMappings, [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIP: '' }]);
  // A pod's own label does not say whose node it is.
  assert.equal(config.labels['postern.dev/node'], 'n1');
  assert.equal(config.labels['app'], 'web');
  assert.deepEqual(config.annotations, { a: 'b' });
  const onHost = sandboxConfig({ ...inputs, pod: pod({ ...whole.spec, hostNetwork: true }) });
  assert.ok(!isProblem(onHost));
  assert.equal(onHost.hostname, '');
  assert.deepEqual(onHost.portMappings, []);
});

test('ports of sidecars are forwarded, those of other init containers are not', () => {
  const ports = (hostPort: number) => [{ containerPort: 1, hostPort, protocol: 'UDP', hostIP: '::1' }];
  const sidecar = container({ name: 'side', restartPolicy: 'Always', ports: ports(1) });
  const initContainers = [sidecar, container({ name: 'init', ports: ports(2) })];
  assert.deepEqual(portMappings(pod({ initContainers })), [
    { protocol: 'UDP', containerPort: 1, hostPort: 1, hostIP: '::1' },
  ]);
});

test('commands and arguments refer to variables; what the runtime needs is all there', () => {
  const main = container({ command: ['$(SHELL)', '$(NONE)'], args: ['$$(SHELL)'], workingDir: '/w', stdin: true });
  const request = {
    pod: pod({ containers: [main] }),
    container: main,
    restartCount: 3,
    podIPs: ['10.244.1.7'],
    imageRef: 'sha256:1',
    image: image(),
    volumes: new Map(),
  };
  const variables = new Map([['SHELL', '/bin/sh']]);
  const config = containerConfig({
    request,
    nodeName: 'n1',
    variables,
    mounts: [],
    qos: 'BestEffort',
    machine,
    seccompProfiles: '/p',
  });
  assert.ok(!isProblem(config));
  assert.deepEqual(config.metadata, { name: 'main', attempt: 3 });
  assert.deepEqual([config.command, config.args], [['/bin/sh', '$(NONE)'], ['$(SHELL)']]);
  assert.deepEqual(config.envs, [{ key: 'SHELL', value: '/bin/sh' }]);
  assert.equal(config.logPath, 'main/3.log');
  assert.deepEqual([config.stdin, config.stdinOnce, config.tty], [true, false, false]);
  assert.equal(config.workingDir, '/w');
});

function planned(mount: VolumeMount, variables: ReadonlyMap<string, string> = new Map()) {
  const main = container({ volumeMounts: [mount] });
  const volumes = [
    { name: 'data', emptyDir: {} },
    { name: 'secret', secret: { secretName: 's' } },
    { name: 'host', hostPath: { path: '/srv' } },
  ];
  const whole = pod({ containers: [main], volumes });
  const at = new Map(volumes.map(({ name }) => [name, `/v/${name}`]));
  const result = plannedMounts(whole, main, variables, at);
  return isProblem(result) ? result.message : result[0];
}

test('volumes are mounted as the container says; those made from objects only for reading', () => {
  const data = planned({ name: 'data', mountPath: 'relative/', mountPropagation: 'HostToContainer' });
  assert.deepEqual(data, {
    volume: 'data',
    volumePath: '/v/data',
    subPath: undefined,
    mayCreate: true,
    containerPath: '/relative',
    readonly: false,
    selinuxRelabel: true,
    propagation: 'HOST_TO_CONTAINER',
  });
  const secret = planned({ name: 'secret', mountPath: '/s' });
  assert.ok(typeof secret === 'object' && secret.readonly && !secret.mayCreate);
  const host = planned({ name: 'host', mountPath: '/h', readOnly: true });
  // The node's own files keep their labels.
  assert.ok(typeof host === 'object' && host.readonly && !host.selinuxRelabel);
});

test('a part of a volume is named by a path that stays in it, with every variable known', () => {
  const subPath = (mount: Partial<VolumeMount>, variables?: ReadonlyMap<string, string>) => {
    const result = planned({ name: 'data', mountPath: '/d', ...mount }, variables);
    return typeof result === 'object' ? result.subPath : result;
  };
  assert.equal(subPath({ subPath: 'a/b' }), 'a/b');
  assert.equal(subPath({ subPathExpr: '$(NAME)/x' }, new Map([['NAME', 'web']])), 'web/x');
  assert.equal(subPath({ subPathExpr: '$(NAME)/x' }), 'missing value for "NAME" in subPathExpr $(NAME)/x');
  for (const path of ['/etc', '../x', 'a/../../x']) {
    assert.match(String(subPath({ subPathExpr: '$(P)' }, new Map([['P', path]]))), /must be a relative path without/);
  }
  assert.match(String(planned({ name: 'nowhere', mountPath: '/x' })), /which the pod does not have$/);
});

test('names that could lead elsewhere are never part of a path', () => {
  for (const name of ['..', '../x', 'a/b', '', '.hidden', 'a..b']) {
    assert.throws(() => paths.volume(POD_UID, name), /cannot be the name of a folder/);
    assert.throws(() => paths.pod(name), /cannot be the name of a folder/);
  }
});
