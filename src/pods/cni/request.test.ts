import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseIP } from '../../lib/ip.ts';
import { CNI_CODES } from './errors.ts';
import { parseRequest } from './request.ts';

const CONF = { cniVersion: '1.0.0', name: 'postern', type: 'postern' };
const ENV = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'f00d',
  CNI_NETNS: '/run/netns/cni-1',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=f00d;K8S_POD_UID=u-1',
};
const parse = (env: Readonly<Record<string, string>>, conf: object = CONF) =>
  parseRequest({ env: { ...ENV, ...env }, config: JSON.stringify(conf) });

test('a sandbox is asked for by its namespace, pod and host ports; ports without one of the host are none', () => {
  const portMappings = [
    { HostPort: 8080, ContainerPort: 80, Protocol: 'tcp', HostIP: '' },
    { hostPort: 53, containerPort: 5353, protocol: 'UDP', hostIP: '192.0.2.1' },
    { hostPort: 0, containerPort: 443, protocol: 'tcp' },
  ];
  assert.deepEqual(parse({}, { ...CONF, runtimeConfig: { portMappings } }), {
    kind: 'add',
    version: '1.0.0',
    containerID: 'f00d',
    netns: '/run/netns/cni-1',
    ifname: 'eth0',
    pod: { namespace: 'ns', name: 'web', uid: 'u-1' },
    hostPorts: [
      { protocol: 'TCP', hostPort: 8080, containerPort: 80 },
      { protocol: 'UDP', hostPort: 53, containerPort: 5353, hostIP: mustParseIP('192.0.2.1') },
    ],
  });
});

test('DEL needs no more than the sandbox: its namespace may be gone', () => {
  const request = parse({ CNI_COMMAND: 'DEL', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' });
  assert.deepEqual(request, { kind: 'del', version: '1.0.0', containerID: 'f00d' });
});

test('what cannot be meant is refused with the code of the specification', () => {
  const mappings = (portMappings: unknown) => ({ ...CONF, runtimeConfig: { portMappings } });
  for (const [env, conf, code] of [
    [{}, { ...CONF, cniVersion: '9.9.9' }, CNI_CODES.incompatibleVersion],
    [{ CNI_CONTAINERID: '../x' }, CONF, CNI_CODES.invalidEnvironment],
    [{ CNI_COMMAND: 'STEAL' }, CONF, CNI_CODES.invalidEnvironment],
    [{ CNI_NETNS: '/run/netns/a b' }, CONF, CNI_CODES.invalidEnvironment],
    [{ CNI_NETNS: 'relative' }, CONF, CNI_CODES.invalidEnvironment],
    [{ CNI_IFNAME: 'eth0 up' }, CONF, CNI_CODES.invalidEnvironment],
    [{ CNI_ARGS: 'IgnoreUnknown=1' }, CONF, CNI_CODES.invalidEnvironment],
    [{}, mappings('all'), CNI_CODES.invalidConfig],
    [{}, mappings([{ hostPort: 70_000, containerPort: 1, protocol: 'tcp' }]), CNI_CODES.invalidConfig],
    [{}, mappings([{ hostPort: 1, containerPort: 1, protocol: 'icmp' }]), CNI_CODES.invalidConfig],
    [{}, mappings([{ hostPort: 1, containerPort: 1, hostIP: 'here' }]), CNI_CODES.invalidConfig],
  ] as const) {
    const refused = parse(env, conf);
    assert.deepEqual([refused.kind, 'code' in refused && refused.code], ['failure', code]);
  }
  assert.equal(parseRequest({ env: ENV, config: 'no JSON' }).kind, 'failure');
});
